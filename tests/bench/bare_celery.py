"""A Celery worker as its users run it, for comparison: the fake engine's answer, computed in the task itself or asked
of the same engine through the same lane.

This module is the worker's app too: `celery -A tests.bench.bare_celery worker`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from celery import Celery

from storehand.broker import register
from storehand.engine import EngineSpec, TextsRequest
from storehand.settings import ModelBinding
from storehand_worker.engines import builtin_engines
from storehand_worker.engines.fake_answers import classify
from tests.bench.worker import ROOT
from tests.waiting import until

TASK = "bare.label"
BROKER, DONE, ENGINE = "BARE_BROKER", "BARE_DONE", "BARE_ENGINE"


def make_app(broker_url: str) -> Celery:
    register()
    app = Celery("bare", broker=broker_url, set_as_current=False)
    app.conf.update(task_default_queue="bare", broker_connection_retry_on_startup=True)
    return app


def __getattr__(name: str) -> Any:
    """`app`, once Celery's command line asks for it."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = app = make_app(os.environ[BROKER])
    ended, file = count(1), Path(os.environ[DONE])
    label_of = _engine_label() if os.environ[ENGINE] else lambda text: classify(text, truncated=False).label

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery has no types
    def label(text: str, last: int) -> str:
        answer: str = label_of(text)
        if next(ended) == last:
            file.write_text("done")
        return answer

    return app


def _engine_label() -> Callable[[str], str]:
    """As a Celery user would call an engine that lives in the worker: a request, and a wait for its answer."""
    engine = builtin_engines()["fake"](
        EngineSpec(
            role="labels",
            kind="classify",
            name="fake",
            folder="",
            binding=ModelBinding(engine="fake", model="fake"),
        )
    )
    numbers = count()

    def label_of(text: str) -> str:
        answer = engine.submit(TextsRequest(id=f"{next(numbers)}", task=TASK, texts=(text,))).result()
        return answer.classifications[0].label

    return label_of


@dataclass
class BareWorker:
    """`drained` is true once as many tasks have ended as the messages say there are, counted since the start."""

    process: subprocess.Popen[bytes]
    app: Celery
    done: Path
    sent: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def folder(self) -> Path:
        return self.done.parent

    def submit(self, texts: Sequence[str]) -> None:
        self.done.unlink(missing_ok=True)
        self.sent += len(texts)
        for text in texts:
            self.app.send_task(TASK, (text, self.sent), queue="bare")

    def is_drained(self) -> bool:
        return self.done.exists()


@contextmanager
def bare_worker(folder: Path, broker_url: str, *, threads: int, with_engine: bool) -> Iterator[BareWorker]:
    """On its own queue file or database, ready; killed at the end."""
    folder.mkdir(parents=True)
    done, log = folder / "done", folder / "worker.log"
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        BROKER: broker_url,
        DONE: str(done),
        ENGINE: "1" if with_engine else "",
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.bench.bare_celery", "worker", "-P", "threads"]
    options = ["-c", str(threads), "-n", f"{folder.name}@bare"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], env=env, stdout=output, stderr=subprocess.STDOUT)
    app: Any = make_app(broker_url)
    worker = BareWorker(process, app, done)
    try:
        worker.submit(["ready?"])
        until(lambda: process.poll() is not None or worker.is_drained(), timeout_s=60)
        assert process.poll() is None, log.read_text()[-4000:]
        yield worker
    finally:
        app.close()
        process.send_signal(signal.SIGKILL)
        process.wait()
