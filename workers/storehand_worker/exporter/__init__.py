"""The exporter: what waits and runs in broker and store, and how many workers that takes. No model, no GPU."""

from __future__ import annotations

from storehand_worker.exporter.series import exporter_metric_names

__all__ = ["exporter_metric_names"]
