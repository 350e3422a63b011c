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
from importlib import reload
from pathlib import Path
from types import ModuleType
from typing import Any

from storehand.engine import GenerateRequest
from tests.bench.machine import measured
from tests.bench.rounds import Run
from tests.waiting import until

PROCESSES = 2


class Prefork:
    def __init__(self, folder: Path, pid: int, app: ModuleType) -> None:
        self._done = folder / "done.jsonl"
        self._pid = pid
        self._app = app

    def _answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._done.read_text().splitlines()] if self._done.exists() else []

    def _run(self, sends: Sequence[tuple[Any, tuple[Any, ...]]]) -> Run:
        before = len(self._answers())
        with measured(self._pid) as used:
            for task, args in sends:
                task.apply_async(args)
            until(lambda: len(self._answers()) >= before + len(sends), timeout_s=900, every_s=0.02)
        return Run.of(used, sum(line["tokens"] for line in self._answers()[before:]))

    def warm(self, kind: str) -> None:
        """Until each process has its model."""
        self._run([(self._app.warm, (kind,))] * (4 * PROCESSES))

    def generate(self, requests: Sequence[GenerateRequest]) -> Run:
        """One message per request; counts the output tokens."""
        return self._run([(self._app.generate, (each.prompt, asdict(each.options))) for each in requests])

    def classify(self, texts: Sequence[str]) -> Run:
        """One message per text; counts the texts."""
        return self._run([(self._app.classify, (text,)) for text in texts])


@contextmanager
def prefork_worker(*, text: str, labels: str) -> Iterator[Prefork]:
    """`text` and `labels` are folders of models."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as folder:
        os.environ |= {"BENCH_FOLDER": folder, "BENCH_TEXT": text, "BENCH_LABELS": labels}
        from tests.bench import prefork_app

        app = reload(prefork_app)
        command = [sys.executable, "-m", "celery", "-A", "tests.bench.prefork_app", "worker", "-P", "prefork"]
        log = (Path(folder) / "log").open("wb")
        process = subprocess.Popen(
            [*command, "-c", str(PROCESSES), "-l", "WARNING"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield Prefork(Path(folder), process.pid, app)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            log.close()
