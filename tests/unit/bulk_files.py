"""For tests of bulk runs: files, mappings, and a stand-in for workers that answers whatever waits in the store."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from storehand.bulk.contract import Contract
from storehand.bulk.mapper import MapOptions, make_mapping
from storehand.bulk.mapping import Mapping as ColumnMapping
from storehand.bulk.plan import Plan
from storehand.bulk.shape import shape_of
from storehand.bulk.source import open_source
from storehand.cli.schema import schemas_of
from storehand.contracts import INPUTS
from storehand.job import Job, Outcome, Status
from storehand.settings import Settings
from storehand.store import Finish, open_store


@cache
def contract(task: str) -> Contract:
    return Contract(task, schemas_of(INPUTS[task], INPUTS[task].output_type)[0], payload_max_bytes=262_144)


def mapping(task: str, *columns: str, **options: Any) -> ColumnMapping:
    return make_mapping(contract(task), shape_of(task), columns, MapOptions(**options))


def plan(task: str, file: Path, *, limit: int | None = None, seed: int = 0, **options: Any) -> Plan:
    source = open_source(str(file))
    found = make_mapping(contract(task), shape_of(task), source.columns, MapOptions(**options))
    return Plan(source, contract(task), found, limit=limit, seed=seed)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def described(job: Job) -> Outcome:
    """What the description task would say, with the row's name and seed in it."""
    name = job.input["product"]["name"]
    variant = {"title": name, "description": f"About {name}, {job.input['seed']}.", "attributeCoverage": 1.0}
    usage = {"promptTokens": 3, "completionTokens": 4}
    return Outcome.succeeded({"variants": [variant], "chosen": 0, "checks": [], "usage": usage})


class Answerer:
    """A context manager: inside, waiting jobs are answered by `answer` on a thread; `answered` counts names."""

    def __init__(self, data_dir: Path, answer: Callable[[Job], Outcome] = described) -> None:
        self.answered: Counter[str] = Counter()
        self._store = open_store(Settings(data_dir=data_dir, synchronous="NORMAL"))
        self._answer = answer
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Answerer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join(10)
        self._store.close()

    def _work(self) -> None:
        while not self._is_over.wait(0.005):
            jobs = self._store.find(statuses=[Status.QUEUED], limit=500)
            claims = self._store.claim([job.id for job in jobs], "w", 30, max_crashes=3)
            held = [claim.job for claim in claims if claim.job is not None and claim.job.status is Status.RUNNING]
            self._store.finish([Finish(job.id, self._answer(job), owner="w", attempt=job.attempts) for job in held])
            self.answered.update(_name(job.input) for job in held)


def _name(given: Mapping[str, Any]) -> str:
    product = given.get("product")
    return str(product["name"]) if isinstance(product, Mapping) else "?"
