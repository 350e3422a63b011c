"""Recording rules and alerts for Prometheus, next to the metrics they are made of.

`FILES` is what the chart carries in `helm/rules`; `RUNBOOKS` is what a `runbook_url` begins with.
"""

from __future__ import annotations

from collections.abc import Mapping

from storehand_worker.operation.rules.capacity import CAPACITY
from storehand_worker.operation.rules.jobs import JOBS
from storehand_worker.operation.rules.parts import PARTS
from storehand_worker.operation.rules.promises import PROMISES
from storehand_worker.operation.rules.recording import RECORDING
from storehand_worker.operation.rules.rule import RUNBOOKS, Alert, Group, Record
from storehand_worker.operation.rules.workers import WORKERS

__all__ = ["ALERTS", "FILES", "RECORDS", "RUNBOOKS", "Alert", "Group", "Record"]

FILES: Mapping[str, tuple[Group, ...]] = {
    "recording.yaml": RECORDING,
    "alerts.yaml": (PROMISES, JOBS, CAPACITY, WORKERS, PARTS),
}

_RULES = [rule for groups in FILES.values() for group in groups for rule in group.rules]
ALERTS = tuple(rule for rule in _RULES if isinstance(rule, Alert))
RECORDS = tuple(rule for rule in _RULES if isinstance(rule, Record))
