"""Messages that are no jobs: each is laid aside once, the worker lives, and who waits for a job gets its error."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from storehand import Client
from storehand.job import NewJob, Outcome
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.raw import publish
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

OutcomeOf = Callable[..., Outcome]

GOOD = [[], {"input": {}}, {}]
PROBE = {"task": "storehand.probe"}

MALFORMED: dict[str, tuple[Any, dict[str, Any]]] = {
    "bad JSON": ('[[], {"input', {**PROBE, "id": "m1"}),
    "not UTF-8": (b"\xff\xfe[[], {}, {}]", {**PROBE, "id": "m2", "content_encoding": "binary"}),
    "20,000 deep": ("[" * 20_000 + "]" * 20_000, {**PROBE, "id": "m3"}),
    "plain text": ("hello", {**PROBE, "id": "m4", "content_type": "text/plain"}),
    "pickle": (
        pickle.dumps(GOOD),
        {**PROBE, "id": "m5", "content_type": "application/x-python-serialize", "content_encoding": "binary"},
    ),
    "unknown content type": (b"x", {**PROBE, "id": "m6", "content_type": "x/y", "content_encoding": "binary"}),
    "no headers": (GOOD, {}),
    "no id": (GOOD, {**PROBE}),
    "unknown task": (GOOD, {"task": "storehand.nobody", "id": "m7"}),
    "somebody else's task": ([[], {}, {}], {"task": "shop.nobody", "id": "m8"}),
    "a task of Celery's own": ([[], {"task": "storehand.probe", "it": [1]}, {}], {"task": "celery.map", "id": "m23"}),
    "task is an object": (GOOD, {"task": {}, "id": "m9"}),
    "bad eta": (GOOD, {**PROBE, "id": "m10", "eta": "tomorrow"}),
    "eta out of range": (GOOD, {**PROBE, "id": "m11", "eta": "0001-01-01T00:00:00+23:00"}),
    "bad expires": (GOOD, {**PROBE, "id": "m12", "expires": {}}),
    "body null": ("null", {**PROBE, "id": "m13"}),
    "body without embed": ([[], {"input": {}}], {**PROBE, "id": "m14"}),
    "timelimit is text": (GOOD, {**PROBE, "id": "m15", "timelimit": "x"}),
    "timelimit is negative": (GOOD, {**PROBE, "id": "m16", "timelimit": [-1, None]}),
    "id is an object": (GOOD, {**PROBE, "id": {}}),
    "kwargs are a list": ([[], [], {}], {**PROBE, "id": "m17"}),
    "args are a number": ([5, {}, {}], {**PROBE, "id": "m18"}),
    "embed is a list": ([[], {"input": {}}, [1]], {**PROBE, "id": "m19"}),
    "shadow is an object": (GOOD, {**PROBE, "id": "m20", "shadow": {"a": 1}}),
    "callbacks are a number": ([[], {"input": {}}, {"callbacks": 5}], {**PROBE, "id": "m21"}),
    "stamps are a number": (GOOD, {**PROBE, "id": "m22", "stamped_headers": 5}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_message_is_laid_aside_and_the_next_one_is_answered(
    case: str, celery: Any, client: Client, worker: WorkerProcess
) -> None:
    body, options = MALFORMED[case]
    before = client.store.stats().dead_letters

    publish(celery, body, **options)

    until(lambda: client.store.stats().dead_letters == before + 1)
    assert client.submit(ProbeInput(text=case)).result(timeout=10).text == case
    assert client.store.stats().dead_letters == before + 1
    assert worker.exit_code() is None


def test_a_dead_letter_keeps_the_start_of_its_body(celery: Any, client: Client) -> None:
    before = client.store.stats().dead_letters

    publish(celery, '{"half": ' + "x" * 5_000_000, **PROBE, id="huge")

    until(lambda: client.store.stats().dead_letters == before + 1)
    letter = client.store.dead_letters(1)[0]
    assert letter.queue == "storehand"
    assert letter.body.startswith('{"half": xxx')
    assert len(letter.body) <= 64 * 1024


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ("null", PROBE, "malformed_message"),
        ('["half', PROBE, "malformed_message"),
        (GOOD, {"task": "storehand.nobody"}, "unknown_task"),
        (GOOD, {**PROBE, "timelimit": "x"}, "malformed_message"),
        ([["too", "many"], {}, {}], PROBE, "malformed_message"),
    ],
)
def test_the_job_a_malformed_message_names_ends_with_its_code(
    body: Any, headers: dict[str, Any], code: str, celery: Any, client: Client, outcome_of: OutcomeOf
) -> None:
    [job] = client.store.create([NewJob(task="probe", input={})])

    publish(celery, body, id=job.id, **headers)

    assert outcome_of(job.id).code == code


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (GOOD, {"task": "storehand.nobody"}, "unknown_task"),
        ('["half', PROBE, "malformed_message"),
        ([[], {"input": {}}, {"callbacks": [{"task": "storehand.probe"}]}], PROBE, "malformed_message"),
    ],
)
def test_a_plain_message_that_is_laid_aside_is_a_failed_job_under_its_id(
    body: Any, headers: dict[str, Any], code: str, celery: Any, outcome_of: OutcomeOf, request: pytest.FixtureRequest
) -> None:
    publish(celery, body, id=request.node.name, **headers)

    assert outcome_of(request.node.name).code == code


def test_the_items_of_an_envelope_nobody_knows_end_too(celery: Any, client: Client, outcome_of: OutcomeOf) -> None:
    jobs = client.store.create([NewJob(task="probe", input={}) for _ in range(2)])

    publish(celery, [[], {"jobs": [job.id for job in jobs]}, {}], id="env", task="storehand.nobody")

    assert [outcome_of(job.id).code for job in jobs] == ["unknown_task", "unknown_task"]


@pytest.mark.long
def test_a_malformed_message_that_comes_while_the_store_is_away_is_kept_until_it_is_back(
    celery: Any, client: Client, worker: WorkerProcess, shop: Shop
) -> None:
    file = shop.settings.store_url.get_secret_value().removeprefix("sqlite://")
    before = client.store.stats().dead_letters
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")  # nobody else can write now
        publish(celery, "null", **PROBE, id="while-away")
        until(lambda: "a message is given back" in worker.log_text(), timeout_s=20)
        assert client.store.stats().dead_letters == before
        somebody.execute("ROLLBACK")

    until(lambda: client.store.stats().dead_letters == before + 1, timeout_s=20)
    assert client.submit(ProbeInput(text="next")).result(timeout=10).text == "next"
