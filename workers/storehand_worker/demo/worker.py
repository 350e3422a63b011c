"""The demo's worker: a real `storehand worker` in a process of its own, and what its HTTP port tells."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from prometheus_client.parser import text_string_to_metric_families

from storehand.errors import Unavailable

_HTTP_S = 2.0
_POLL_S = 0.1
_LOG_LINES = 15
_STOPS = (signal.SIGINT, signal.SIGTERM)
_DRAIN_S = 5
"""Ctrl-C should not take a minute."""


class DemoWorker:
    """A context manager: the worker runs inside, and has drained and gone after it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.log = data_dir / "worker.log"
        self.port = _free_port()
        self.exit_code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DemoWorker:
        try:
            with _uninterrupted():
                self._process = self._start()
        except BaseException:  # a process must not be started and then forgotten
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self, timeout_s: float) -> float:
        """Seconds until /readyz was green; Unavailable with the end of the log when that does not happen."""
        start = time.monotonic()
        while not self._is_ready():
            self.check()
            if time.monotonic() - start > timeout_s:
                raise Unavailable(f"the worker was not ready after {timeout_s:g} s; its log ends:\n{self.log_tail()}")
            time.sleep(_POLL_S)
        return time.monotonic() - start

    def check(self) -> None:
        """Unavailable when the worker has ended by itself."""
        code = self._process.poll() if self._process else None
        if code is not None:
            raise Unavailable(f"the worker ended with code {code}; its log ends:\n{self.log_tail()}")

    def scrape(self) -> Scrape | None:
        """What /metrics says now; none when it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=_HTTP_S) as answer:  # noqa: S310  # http, ours
                return Scrape(answer.read().decode())
        except (OSError, ValueError):
            return None

    def stop(self, timeout_s: float = 60.0) -> int:
        """SIGTERM and wait for the drain; returns the worker's exit code."""
        if self.exit_code is not None or self._process is None:
            return self.exit_code or 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()
        return self.exit_code

    def log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "storehand.cli", "worker", "--data-dir", str(self.data_dir)]
        with self.log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603  # our own command line, no shell
                [*command, "--http-port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(self.data_dir),
                start_new_session=True,  # Ctrl-C is for us; the worker gets SIGTERM and drains
            )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=_HTTP_S) as answer:  # noqa: S310  # http, ours
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class Scrape:
    """The samples of one look at /metrics."""

    def __init__(self, text: str) -> None:
        self.lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples with these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items())
        )

    def label_values(self, name: str, label: str) -> list[str]:
        """Which values of a label this metric has."""
        return sorted({sample.labels[label] for sample in self._samples if sample.name == name})

    def mean(self, histogram: str, **labels: str) -> float | None:
        """Sum by count of a histogram; none before its first observation."""
        count = self.total(f"{histogram}_count", **labels)
        return self.total(f"{histogram}_sum", **labels) / count if count else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(data_dir: Path) -> dict[str, str]:
    """Ours without the caller's settings: the demo is the same everywhere, stays off the network and leaves nothing."""
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith("STOREHAND_")}
    ours = {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(data_dir / "torch"),  # torch makes this folder as soon as it is imported
        "STOREHAND_DRAIN_S": str(_DRAIN_S),
    }
    return {**kept, **ours}


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect after the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []
    before = {number: signal.signal(number, lambda number, _: seen.append(number)) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if seen:
        raise KeyboardInterrupt
