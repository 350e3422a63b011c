"""An exporter in this process, and what it answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from storehand.settings import Settings
from storehand_worker.exporter.exporter import Exporter

EVERY_S = 0.05


class Scraped:
    """Asked as Prometheus asks."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def json(self, path: str) -> tuple[int, Any]:
        status, body = self.get(path)
        return status, json.loads(body)

    def names(self) -> set[str]:
        """With at least one figure."""
        return {sample.name for sample in self._samples()}

    def value(self, name: str, **labels: str) -> float | None:
        """The sum over all series with these labels; None without any."""
        found = [
            sample.value
            for sample in self._samples()
            if sample.name == f"storehand_{name}" and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def _samples(self) -> Iterator[Any]:
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            yield from family.samples


@contextmanager
def exporting(settings: Settings) -> Iterator[Scraped]:
    exporter = Exporter(settings, every_s=EVERY_S)
    exporter.start()
    try:
        yield Scraped(exporter.port)
    finally:
        exporter.close()
