"""A small shop on Redis with workers, an exporter and a Prometheus that has our rules, all real, to be harmed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from storehand_worker.operation.rules import FILES, Alert, Record
from storehand_worker.operation.rules.rendering import as_yaml
from tests.pipeline.workers import Shop, WorkerProcess
from tests.servers import PrometheusServer, RedisServer, Scrape
from tests.waiting import until

POOLS = {"default": {"families": ["default", "encoder", "text"], "slots": 8, "cold_start_s": 1}}
WORKERS = ("w1", "w2")


class ExporterProcess(WorkerProcess):
    """`storehand exporter`, ready when it has read broker and store."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "storehand.cli", "exporter", "--every", "0.5"]


class LiveShop:
    """Workers are scraped from the first moment on, whether they run or not, and have no labels of their own."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        urls = {"broker_url": redis.url, "store_url": redis.fresh_url()}
        self.redis = redis
        self.shop = Shop(folder, **urls, concurrency=8, pools=POOLS, lease_s=2, visibility_s=3)
        self.workers = {name: self.shop.worker(name=name) for name in WORKERS}
        self.exporter = ExporterProcess(self.shop, "exporter", (), {})
        targets = {**self.workers, "exporter": self.exporter}
        scrapes = [Scrape("storehand", each.address) for each in targets.values()]
        self.server = PrometheusServer(*scrapes, rules=_written(folder), every_s=1.0)

    def firing(self, severity: str = "") -> set[str]:
        """Names, of this severity or of both."""
        return {each["alertname"] for each in self.server.alerts() if severity in each["severity"]}


@contextmanager
def live_shop(folder: Path) -> Iterator[LiveShop]:
    """Exporter and both workers up; Prometheus may not have scraped yet."""
    with ExitStack() as stack:
        shop = LiveShop(folder, stack.enter_context(RedisServer("appendfsync always")))
        stack.enter_context(shop.server)
        for process in shop.workers.values():
            process.start()
            stack.push(process.__exit__)
        stack.enter_context(shop.exporter)
        for process in shop.workers.values():
            until(process.is_ready, timeout_s=60, every_s=0.05)
        yield shop


def _written(folder: Path) -> list[Path]:
    """At one pace and without patience: what an alert waits for by itself stays, its `for` is a second."""
    found: list[Path] = []
    for name, groups in FILES.items():
        hasty = [replace(group, rules=tuple(map(_hasty, group.rules))) for group in groups]
        path = folder / name
        path.write_text(as_yaml(hasty, intervals=False), encoding="utf-8")
        found.append(path)
    return found


def _hasty(rule: Record | Alert) -> Record | Alert:
    return replace(rule, for_="1s", keep=None) if isinstance(rule, Alert) else rule
