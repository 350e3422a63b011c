"""Which pool serves what, and under which labels a job is counted. Pure; from the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from storehand.brokers import declared_queues
from storehand.job import Priority
from storehand.pools import Pool
from storehand.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_POOL = "default"
NO_POOL = ""
"""Nobody serves it. To Prometheus an empty label is none, so such series are in no pool's sums."""

OTHER = "other"
"""A task that the setting `routes` does not name."""


class Labels(NamedTuple):
    """Of a job's series."""

    pool: str
    queue: str
    task: str
    priority: str


class QueueLabels(NamedTuple):
    pool: str
    queue: str
    priority: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The pools, and who owns a family: of two pools that serve one the first that is listed."""

    pools: Mapping[str, Pool]
    owners: Mapping[str, str]
    """family -> pool"""
    labels: Mapping[tuple[str, Priority], Labels]
    """Of every known task and `other`."""
    queues: Mapping[str, QueueLabels]
    """Every queue a producer may publish to."""

    def labels_of(self, task: str, priority: Priority) -> Labels:
        return self.labels.get((task, priority)) or self.labels[OTHER, priority]


def plan_of(settings: Settings) -> Plan:
    families = sorted({*settings.routes.values(), *settings.families(), "default"})
    pools = settings.pools or {DEFAULT_POOL: _only_pool(settings, families)}
    owners: dict[str, str] = {}
    for name, pool in pools.items():
        for family in pool.families:
            owner = owners.setdefault(family, name)
            if owner != name:
                log.warning(
                    "pools %s and %s both serve %s; its jobs are counted, and workers asked for, in %s",
                    owner, name, family, owner,
                )  # fmt: skip
    for family in families:
        if family not in owners:
            log.warning("no pool serves %s; its jobs show as storehand_unserved_jobs and with no pool", family)
    tasks = [*(task for task in sorted(settings.routes) if task != OTHER), OTHER]
    return Plan(
        pools,
        owners,
        {(task, priority): _labels(settings, owners, task, priority) for task in tasks for priority in Priority},
        {str(queue.name): _queue_labels(settings, owners, str(queue.name)) for queue in declared_queues(settings)},
    )


def _only_pool(settings: Settings, families: list[str]) -> Pool:
    return Pool(families=tuple(families), wait_objective_s=dict(settings.wait_objective_s))


def _labels(settings: Settings, owners: Mapping[str, str], task: str, priority: Priority) -> Labels:
    family = settings.routes.get(task, "default")
    return Labels(owners.get(family, NO_POOL), settings.queue(task, priority), task, str(priority))


def _queue_labels(settings: Settings, owners: Mapping[str, str], name: str) -> QueueLabels:
    """The queue of plain producers has no family: whatever worker is free takes it in."""
    _, _, rest = name.partition(f"{settings.queue_prefix}.")
    family, _, priority = rest.rpartition(".")
    return QueueLabels(owners.get(family, NO_POOL), name, priority)
