"""A shop's own Celery app, for callbacks: its tasks write what they were called with into a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from celery import Celery

from storehand.broker import register

register()
app = Celery("shop", broker=os.environ["STOREHAND_BROKER_URL"], backend=None, set_as_current=False)
app.conf.update(task_default_queue="shop", task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task(name="shop.save", bind=True)
def save(task: Any, answer: Any) -> None:
    _note(save=answer, parent=task.request.parent_id)


@app.task(name="shop.failed")
def failed(*args: Any) -> None:
    _note(failed=args[0])


def _note(**what: Any) -> None:
    with Path(os.environ["PROBE_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")
