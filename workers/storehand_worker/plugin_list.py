"""What `storehand plugins` and doctor tell about each plugin."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from storehand.hookspecs import ENTRY_POINT_GROUP
from storehand.settings import Settings
from storehand_worker import loader
from storehand_worker.loader import Plugins, load_plugins


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One installed plugin. `reason` says why it was left out; `is_enabled`: the setting `plugins` names it or all."""

    name: str
    distribution: str
    version: str
    tasks: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    is_enabled: bool = True

    @property
    def state(self) -> str:
        if self.reason is not None:
            return f"broken: {self.reason}"
        return "ready" if self.is_enabled else "not enabled"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "state": self.state}


def list_plugins(settings: Settings, *, plugins: Plugins | None = None) -> list[PluginInfo]:
    """Every installed plugin, loaded as a worker would load it. `plugins`: what was loaded already."""
    loaded = plugins or quietly_loaded(settings)
    broken = {each.name: each.reason for each in loaded.broken}
    found = []
    for entry in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        tasks = [task for name, task in loaded.tasks.items() if loaded.owners.get(name) == entry.name]
        roles = {role: kind for task in tasks for role, kind in task.roles.items()}
        found.append(
            PluginInfo(
                name=entry.name,
                distribution=entry.dist.name if entry.dist else "?",
                version=entry.dist.version if entry.dist else "?",
                tasks=tuple(task.name for task in tasks),
                roles=roles,
                reason=broken.get(entry.name),
                is_enabled=settings.plugins is None or entry.name in settings.plugins,
            )
        )
    return found


def quietly_loaded(settings: Settings) -> Plugins:
    """The plugins, without the loader's log lines: the caller shows the same in a table."""
    with _silent(loader.log):
        return load_plugins(settings)


@contextmanager
def _silent(log: logging.Logger) -> Iterator[None]:
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
