"""A tiny Celery app for the process tests: `celery -A tests.broker.app worker …` with BROKER_URL in the environment.

Each task writes one line into the folder RUNS, so that a test can see how often a job ran, whatever was killed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

from celery import Celery

import storehand.broker  # noqa: F401 -- makes the scheme known

RUNS = Path(os.environ["RUNS"])

app = Celery("tiny", broker=os.environ["BROKER_URL"], set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_default_queue="jobs",
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_prefetch_count_reduction=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options=json.loads(os.environ.get("TRANSPORT_OPTIONS", "{}")),
)


def _note(name: str, job: int) -> None:
    with (RUNS / f"{name}.{job}").open("a") as file:
        file.write(f"{os.getpid()} {time.time()}\n")


@app.task(name="tiny.work")
def work(job: int, seconds: float = 0.0) -> None:
    """Notes its start, works, notes its end."""
    _note("started", job)
    threading.Event().wait(seconds)
    _note("ended", job)


@app.task(name="tiny.hold")
def hold(job: int) -> None:
    """Works until the file `release` appears."""
    _note("started", job)
    while not (RUNS / "release").exists():
        threading.Event().wait(0.02)
    _note("ended", job)
