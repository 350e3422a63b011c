"""Drives the usual Celery worker of `prefork_app.py`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from celery import Celery

import storehand.broker
from storehand.engine import GenerateRequest
from tests.bench.machine import measured
from tests.bench.rounds import Run
from tests.waiting import until

PROCESSES = 2


class Prefork:
    """A running worker whose tasks write a line per answer; `pid` is the root of its processes."""

    def __init__(self, folder: Path, pid: int, *, text_task: str = "bench.generate") -> None:
        self._done = folder / "done.jsonl"
        self._pid = pid
        self._text_task = text_task
        storehand.broker.register()
        self._app = Celery("bench", broker=f"embedded://{folder / 'prefork.db'}", set_as_current=False)
        self._app.conf.task_ignore_result = True

    def _answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._done.read_text().splitlines()] if self._done.exists() else []

    def _run(self, task: str, sends: Sequence[tuple[Any, ...]]) -> Run:
        before = len(self._answers())
        with measured(self._pid) as used:
            for arguments in sends:
                self._app.send_task(task, arguments)
            until(lambda: len(self._answers()) >= before + len(sends), timeout_s=900, every_s=0.02)
        return Run.of(used, sum(line["tokens"] for line in self._answers()[before:]))

    def warm(self, kind: str) -> None:
        """Until each process has its model."""
        self._run("bench.warm", [(kind,)] * (4 * PROCESSES))

    def generate(self, requests: Sequence[GenerateRequest]) -> Run:
        """One message per request; counts the output tokens."""
        return self._run(self._text_task, [(each.prompt, asdict(each.options)) for each in requests])

    def classify(self, texts: Sequence[str]) -> Run:
        """One message per text; counts the texts."""
        return self._run("bench.classify", [(text,) for text in texts])


@contextmanager
def prefork_worker(*, text: str, labels: str) -> Iterator[Prefork]:
    """`text` and `labels` are folders of models."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as folder:
        environment = {**os.environ, "BENCH_FOLDER": folder, "BENCH_TEXT": text, "BENCH_LABELS": labels}
        command = [sys.executable, "-m", "celery", "-A", "tests.bench.prefork_app", "worker", "-P", "prefork"]
        log = (Path(folder) / "log").open("wb")
        process = subprocess.Popen(
            [*command, "-c", str(PROCESSES), "-l", "WARNING"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield Prefork(Path(folder), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            log.close()
