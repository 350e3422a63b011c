"""Finds plugins by their entry points, loads them one by one, and says by name what is wrong with a broken one."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import pluggy

from storehand import hookspecs
from storehand.engine import EngineFactory
from storehand.errors import PluginError, SettingsError
from storehand.hookspecs import ENTRY_POINT_GROUP, PROJECT
from storehand.settings import Settings
from storehand.task import Task
from storehand.task_check import NAME, problems
from storehand_worker.engines import builtin_engines

log = logging.getLogger(__name__)

OWN_DISTRIBUTION = "storehand"

HOOKS = tuple(name for name, value in vars(hookspecs).items() if hasattr(value, f"{PROJECT}_spec"))


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the plugins brought. `manager` holds their observers, `owners` says which plugin brought a task."""

    tasks: Mapping[str, Task[Any, Any]]
    engines: Mapping[str, EngineFactory]
    manager: pluggy.PluginManager
    broken: tuple[BrokenPlugin, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)


def load_plugins(settings: Settings, *, entry_points: Iterable[metadata.EntryPoint] | None = None) -> Plugins:
    """Loads the plugins that `settings.plugins` names, or all that are installed.

    A broken plugin is logged, listed in `broken` and left out. SettingsError: a name that is not installed, or a
    misspelt hook. `entry_points` replaces the installed ones.
    """
    found = sorted(metadata.entry_points(group=ENTRY_POINT_GROUP) if entry_points is None else entry_points, key=_rank)
    loading = _Loading()
    for entry_point in _chosen(settings, found):
        loading.add(entry_point)
    owners = {name: owner for name, owner in loading.owners.items() if name in loading.tasks}
    return Plugins(loading.tasks, loading.engines, loading.manager, tuple(loading.broken), owners)


def _rank(entry_point: metadata.EntryPoint) -> tuple[bool, str]:
    """Our own first: where two plugins bring one name, the built-in task stays."""
    own = entry_point.dist is not None and entry_point.dist.name == OWN_DISTRIBUTION
    return (not own, entry_point.name)


def _chosen(settings: Settings, found: list[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    if settings.plugins is None:
        return found
    installed = sorted({entry_point.name for entry_point in found})
    missing = sorted(set(settings.plugins) - set(installed))
    if missing:
        known = ", ".join(installed) or "none"
        raise SettingsError(f"plugins names {', '.join(missing)}, which is not installed; installed: {known}")
    return [entry_point for entry_point in found if entry_point.name in settings.plugins]


@dataclass(slots=True)
class _Loading:
    tasks: dict[str, Task[Any, Any]] = field(default_factory=dict)
    engines: dict[str, EngineFactory] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: _new_manager())

    def add(self, entry_point: metadata.EntryPoint) -> None:
        try:
            plugin = entry_point.load()
        except (Exception, SystemExit) as error:  # whatever a foreign module does while it is imported
            self._leave_out(entry_point.name, f"its import failed: {type(error).__name__}: {error}")
            return
        _refuse_misspelt_hooks(plugin, entry_point.name)
        try:
            self._register(plugin, entry_point.name)
        except pluggy.PluginValidationError as error:
            raise SettingsError(f"plugin {entry_point.name!r}: {' '.join(str(error).split())}") from error
        except Exception as error:
            self._forget(entry_point.name, plugin)
            reason = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self._leave_out(entry_point.name, reason)

    def _register(self, plugin: object, name: str) -> None:
        if self.manager.has_plugin(name):
            raise PluginError("another plugin of this name is loaded already")
        if self.manager.is_registered(plugin):
            raise PluginError(f"its module is loaded already, as the plugin {self.manager.get_name(plugin)!r}")
        if not any(_hook_options(plugin)):
            raise PluginError(f"it has no hook; there are {', '.join(HOOKS)}")
        if any(options.get("hookwrapper") or options.get("wrapper") for _, options in _hook_options(plugin)):
            raise PluginError("hook wrappers are not supported: hooks find and watch, they do not stand in between")
        self.manager.register(plugin, name=name)
        tasks = {task.name: task for task in self._checked_tasks(plugin)}
        engines = dict(self._checked_engines(plugin))
        self.owners |= dict.fromkeys([*tasks, *(f"engine {engine}" for engine in engines)], name)
        self.tasks |= tasks
        self.engines |= engines

    def _checked_tasks(self, plugin: object) -> Iterator[Task[Any, Any]]:
        seen: set[str] = set()
        for task in _call(self.manager, plugin, "register_tasks") or ():
            wrong = problems(task)
            if wrong:
                raise PluginError("; ".join(wrong))
            if task.name in self.tasks:
                raise PluginError(f"the task {task.name!r} is brought by the plugin {self.owners[task.name]!r} already")
            if task.name in seen:
                raise PluginError(f"it brings the task {task.name!r} twice")
            seen.add(task.name)
            yield task

    def _checked_engines(self, plugin: object) -> Iterator[tuple[str, EngineFactory]]:
        brought: Mapping[str, EngineFactory] = _call(self.manager, plugin, "register_engines") or {}
        for name, factory in brought.items():
            if not isinstance(name, str) or not NAME.fullmatch(name) or not callable(factory):
                raise PluginError(f"the engine {name!r} needs a lower case name and a callable")
            if name in builtin_engines() or name in self.engines:
                owner = self.owners.get(f"engine {name}", "storehand")
                raise PluginError(f"the engine {name!r} is brought by {owner!r} already")
            yield name, factory

    def _forget(self, name: str, plugin: object) -> None:
        if self.manager.get_plugin(name) is plugin:  # not one that came before under this name
            self.manager.unregister(plugin)

    def _leave_out(self, name: str, reason: str) -> None:
        self.broken.append(BrokenPlugin(name, reason))
        log.error("plugin %s is left out: %s; the others go on", name, reason)


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _call(manager: pluggy.PluginManager, plugin: object, hook: str) -> Any:
    """This one plugin's answer, so that its exception can be told from its neighbours'."""
    implementations = [each for each in getattr(manager.hook, hook).get_hookimpls() if each.plugin is plugin]
    return implementations[0].function() if implementations else None


def _hook_options(plugin: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in dir(plugin):
        options = getattr(getattr(plugin, name, None), f"{PROJECT}_impl", None)
        if isinstance(options, Mapping):
            yield options.get("specname") or name, options


def _refuse_misspelt_hooks(plugin: object, plugin_name: str) -> None:
    """A hook nobody calls is a plugin that silently does nothing: that stops the start."""
    for name, _ in _hook_options(plugin):
        if name not in HOOKS:
            near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(HOOKS)}"
            raise SettingsError(f"plugin {plugin_name!r} has a hook {name!r} that nobody calls; {hint}")
    for name in HOOKS:
        function = getattr(plugin, name, None)
        if inspect.isroutine(function) and not _is_marked(function):
            raise SettingsError(f"plugin {plugin_name!r} has {name!r} without storehand's @hookimpl; add the decorator")


def _is_marked(function: object) -> bool:
    return hasattr(function, f"{PROJECT}_impl") or hasattr(function, f"{PROJECT}_spec")
