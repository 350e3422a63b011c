"""Real Celery workers as processes of their own, for tests that kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from celery import Celery

from tests.waiting import until

ROOT = Path(__file__).parents[2]


class Shop:
    """One queue, its workers, and what the jobs noted."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.runs = folder / "runs"
        self.runs.mkdir()
        self.queue = folder / "queue.db"
        self.log = folder / "worker.log"
        self.environment = {
            **os.environ,
            "BROKER_URL": f"embedded://{self.queue}",
            "RUNS": str(self.runs),
            "TRANSPORT_OPTIONS": json.dumps({"reclaim_interval": 0.5, **options}),
        }
        self.app = Celery("shop", broker=f"embedded://{self.queue}", set_as_current=False)
        self.app.conf.task_default_queue = "jobs"
        self._workers: list[subprocess.Popen[bytes]] = []

    def worker(self, concurrency: int = 4) -> subprocess.Popen[bytes]:
        """A running worker that consumes already."""
        name = f"w{len(self._workers)}@shop"
        arguments = ["-A", "tests.broker.app", "worker", "-P", "threads", "-n", name, "-l", "INFO"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", *arguments, "-c", str(concurrency)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        self._workers.append(process)
        until(lambda: f"{name} ready" in self.log.read_text() or process.poll() is not None, timeout_s=30)
        assert process.poll() is None, self.log.read_text()
        return process

    def send(self, task: str, *jobs: int, **options: Any) -> list[str]:
        with self.app.producer_pool.acquire(block=True) as producer, producer.channel.batch():
            return [self.app.send_task(task, (job,), producer=producer, **options).id for job in jobs]

    def count(self, what: str) -> Counter[int]:
        """Job -> how often it `started` or `ended`."""
        found: Counter[int] = Counter()
        for file in self.runs.glob(f"{what}.*"):
            found[int(file.suffix[1:])] = len(file.read_text().splitlines())
        return found

    def release(self) -> None:
        (self.runs / "release").touch()

    def close(self) -> None:
        self.release()
        for process in self._workers:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._workers:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.app.close()
        self.app.pool.force_close_all()
