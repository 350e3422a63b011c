"""Our Grafana dashboards, made beside the metrics they draw: `python -m tests.project.dashboards --write`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

with warnings.catch_warnings():
    # The library recommends Grafana's schema 2 when it is imported; what people run today reads the classic one.
    warnings.simplefilter("ignore", DeprecationWarning)
    from storehand_worker.operation.dashboards import engine, overview

DASHBOARDS: Mapping[str, Callable[[], str]] = {"overview": overview.build, "engine": engine.build}
"""Name -> the dashboard's JSON. helm/dashboards/ holds one file of each."""

__all__ = ["DASHBOARDS"]
