"""The exporter put together: two readers, one collector, one HTTP port."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from typing import Any

from storehand.settings import Settings
from storehand_worker.exporter.collector import ExporterCollector, registry_of
from storehand_worker.exporter.figures import Accounts, Figures
from storehand_worker.exporter.plan import plan_of
from storehand_worker.exporter.readings import BrokerReader, BrokerReading, StoreReader, StoreReading
from storehand_worker.exporter.source import STALE_S, Source
from storehand_worker.health import HealthServer
from storehand_worker.log import leave_nothing_unsaid, set_up_logging

log = logging.getLogger(__name__)

EVERY_S = 5.0


class Exporter:
    """Reads and serves from `start` to `close`. It starts while store and broker are away, and finds them later."""

    def __init__(self, settings: Settings, *, every_s: float = EVERY_S) -> None:
        self._plan = plan_of(settings)
        self._accounts = Accounts(self._plan)
        self._read_store = StoreReader(settings)
        self._read_broker = BrokerReader(settings)
        self.store: Source[tuple[StoreReading, Figures]] = Source("store", self._account, every_s=every_s)
        self.broker: Source[BrokerReading] = Source("broker", self._read_broker, every_s=every_s)
        registry = registry_of(ExporterCollector(self._plan, self.store, self.broker))
        self._server = HealthServer(settings, registry, self, routes={"/required": self.required})

    @property
    def port(self) -> int:
        return self._server.port

    def start(self) -> None:
        """SettingsError when the port is taken."""
        self._server.start()
        self.store.start()
        self.broker.start()

    def close(self) -> None:
        self._server.close()
        for source in (self.store, self.broker):
            source.stop()
        self._read_store.close()
        self._read_broker.close()

    def started(self) -> list[str]:
        return [each.trouble or "" for each in (self.store, self.broker) if not each.was_tried]

    def live(self) -> list[str]:
        return [f"the thread that reads the {each.name} hangs" for each in (self.store, self.broker) if each.hangs]

    def ready(self) -> list[str]:
        return [each.trouble for each in (self.store, self.broker) if each.trouble is not None]

    def required(self, query: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        """For a scaler that reads JSON. Without fresh figures 503: to a scaler that is "unknown", never 0."""
        pool = query.get("pool") or (next(iter(self._plan.pools)) if len(self._plan.pools) == 1 else "")
        if pool not in self._plan.pools:
            return 404, {"ok": False, "reasons": [f"?pool= is one of {', '.join(self._plan.pools)}"]}
        read = self.store.fresh()
        if read is None:
            reason = self.store.trouble or f"the last read is older than {STALE_S:.0f} s"
            return 503, {"ok": False, "reasons": [reason]}
        needs = read.value[1].needs[pool]
        return 200, {"pool": pool, "required": round(needs.required, 4), "desired": needs.desired}

    def _account(self) -> tuple[StoreReading, Figures]:
        reading = self._read_store()
        return reading, self._accounts.figures(reading)


def run_exporter(settings: Settings, *, every_s: float = EVERY_S) -> int:
    """Until SIGTERM or SIGINT; returns the exit code."""
    set_up_logging(settings.log_level, log_format=settings.log_format)
    leave_nothing_unsaid()
    leave = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: leave.set())
    exporter = Exporter(settings, every_s=every_s)
    exporter.start()
    try:
        leave.wait()
    finally:
        log.info("leaving")
        exporter.close()
    return 0
