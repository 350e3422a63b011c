"""The celery-batches worker: messages are gathered and answered by one padded `generate`. Runs in an environment of
its own."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import torch
from celery import Celery
from celery_batches import Batches

import storehand.broker
from tests.bench.generate import Generate
from tests.bench.random_text import Work, ids_of

FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))
FLUSH = 32

storehand.broker.register()
app = Celery("bench", broker=f"embedded://{FOLDER / 'prefork.db'}", set_as_current=False)
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=3 * FLUSH,  # it gathers from what is prefetched
    task_ignore_result=True,
    accept_content=["json"],
    worker_hijack_root_logger=False,
)


@cache
def _model() -> Generate:
    torch.set_num_threads(1)
    return Generate(os.environ["BENCH_TEXT"])


@app.task(name="bench.batch", base=Batches, flush_every=FLUSH, flush_interval=0.5)
def generate(requests: list[Any]) -> None:
    work = [Work(tuple(ids_of(each.args[0])), each.args[1]["max_new_tokens"]) for each in requests]
    lines = [json.dumps({"tokens": len(text)}) + "\n" for text in _model().texts(work, batch=len(work))]
    with (FOLDER / "done.jsonl").open("a") as file:
        file.write("".join(lines))
