"""What a worker says of itself at a scrape: whether it is ready or draining, how many jobs it takes at once, whether
it sees its broker, how long its start took; and the memory of the devices it has models on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from storehand_worker.liveness import Checks, Liveness

DEVICE_WAIT_S = 0.5
"""A device that hangs does not answer its driver either, and must not cost the scrape all other metrics."""


class WorkerCollector(Collector):
    """`slots` is asked at each scrape: Celery's -c is known late."""

    def __init__(
        self, liveness: Liveness, checks: Checks, registry: CollectorRegistry, *, slots: Callable[[], int]
    ) -> None:
        self._liveness = liveness
        self._checks = checks
        self._slots = slots
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        liveness = self._liveness
        yield _gauge("ready", "1 while /readyz is green.", float(not self._checks.ready()))
        yield _gauge("draining", "1 from SIGTERM or `storehand drain` to the end.", float(liveness.is_draining))
        yield _gauge("slots", "Messages this worker has in hand at most: its concurrency.", self._slots())
        yield _gauge("broker_up", "1 while this worker has a connection to its broker.", float(liveness.has_broker))
        yield _gauge("start_up_seconds", "Process start to serving; absent until then.", liveness.start_up_s)


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of one device, by whomever they are used."""

    used: int
    total: int


Devices = Callable[[], dict[str, DeviceMemory | None]]
"""Device -> its memory, none where it does not answer any more."""


def cuda_memory() -> dict[str, DeviceMemory | None]:
    """Of the GPUs this process has something on. To ask for another would make a context there: half a gigabyte of a
    GPU that may be another worker's."""
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    if not hasattr(cuda, "is_initialized") or not cuda.is_initialized():  # another thread may still import torch
        return {}
    found: dict[str, DeviceMemory | None] = {}
    for number in range(cuda.device_count()):
        if not cuda.memory_reserved(number):
            continue
        try:
            free, total = cuda.mem_get_info(number)
            found[f"cuda:{number}"] = DeviceMemory(total - free, total)
        except RuntimeError:  # the driver's own words are in the engine's log
            found[f"cuda:{number}"] = None
    return found


class DeviceCollector(Collector):
    """Reads in a thread of its own; a device that was seen before and does not answer in time is down."""

    def __init__(self, registry: CollectorRegistry, *, read: Devices = cuda_memory) -> None:
        self._read = read
        self._seen: dict[str, DeviceMemory | None] = {}
        self._reading: threading.Thread | None = None
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        memory = GaugeMetricFamily(
            "storehand_device_memory_bytes", "Memory of a GPU, whoever uses it.", labels=("device", "state")
        )
        up = GaugeMetricFamily("storehand_device_up", "1 while a GPU answers its driver.", labels=("device",))
        for device, found in self._asked().items():
            up.add_metric([device], float(found is not None))
            if found is not None:
                memory.add_metric([device, "used"], found.used)
                memory.add_metric([device, "total"], found.total)
        yield from (memory, up)

    def _asked(self) -> dict[str, DeviceMemory | None]:
        if self._reading is None or not self._reading.is_alive():
            self._reading = threading.Thread(target=self._refresh, name="storehand-devices", daemon=True)
            self._reading.start()
        self._reading.join(DEVICE_WAIT_S)
        return dict.fromkeys(self._seen) if self._reading.is_alive() else self._seen

    def _refresh(self) -> None:
        self._seen = self._read()


def _gauge(name: str, sentence: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"storehand_{name}", sentence, labels=())
    if value is not None:
        family.add_metric([], value)
    return family
