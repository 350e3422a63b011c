"""Every way a job can be told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.errors import Cancelled, Expired, TimeLimit
from storehand.job import Outcome, Status
from tests.pipeline.combinations import everywhere
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.raw import publish
from tests.pipeline.workers import Shop
from tests.waiting import until

pytestmark = [pytest.mark.usefixtures("worker"), everywhere]

Send = Callable[..., str]
OutcomeOf = Callable[..., Outcome]


@pytest.fixture
def started(client: Client) -> Callable[[str], bool]:
    return lambda job_id: until(lambda: client.job(job_id).status is Status.RUNNING)


def test_the_client_cancels_a_running_job(client: Client, started: Callable[[str], bool]) -> None:
    handle = client.submit(ProbeInput(work_s=30))
    started(handle.id)

    handle.cancel()

    with pytest.raises(Cancelled):
        handle.result(timeout=10)


def test_a_cancel_takes_effect_by_the_row_alone(client: Client, started: Callable[[str], bool]) -> None:
    handle = client.submit(ProbeInput(work_s=30))
    started(handle.id)

    client.store.request_cancel([handle.id])

    with pytest.raises(Cancelled):
        handle.result(timeout=10)  # 0.25 s by the watcher; the rest is this machine's


def test_revoke_terminate_cancels_a_running_job_and_says_revoked(
    client: Client, celery: Any, send: Send, outcome_of: OutcomeOf, shop: Shop
) -> None:
    job_id = send({"workS": 30})
    until(lambda: shop.noted("starts")[job_id])

    celery.control.revoke(job_id, terminate=True)

    assert outcome_of(job_id).code == "cancelled"
    assert shop.noted("ends")[job_id] == 0
    until(lambda: job_id not in _active(celery))


def test_a_job_revoked_before_its_start_is_cancelled_in_the_store(
    celery: Any, send: Send, outcome_of: OutcomeOf, shop: Shop
) -> None:
    job_id = "revoked-before-it-came"
    celery.control.revoke(job_id, destination=["w1@test"], reply=True, timeout=5)

    send({}, task_id=job_id)

    assert outcome_of(job_id).code == "cancelled"
    assert shop.noted("starts")[job_id] == 0


def test_revoking_an_envelope_cancels_what_is_unfinished(
    client: Client, celery: Any, send: Send, outcome_of: OutcomeOf
) -> None:
    from storehand.message import item_id

    task_id = send(kwargs={"inputs": [{"workS": 0}, {"workS": 30}, {"workS": 30}]})
    assert outcome_of(item_id(task_id, 0)).code == "ok"

    celery.control.revoke(task_id, terminate=True)

    assert [outcome_of(item_id(task_id, index)).code for index in range(3)] == ["ok", "cancelled", "cancelled"]


def test_one_item_of_an_envelope_is_cancelled_alone(client: Client, started: Callable[[str], bool]) -> None:
    first, second = client.submit_many([ProbeInput(work_s=30), ProbeInput(work_s=0.6)])
    started(first.id)

    first.cancel()

    assert second.result(timeout=20).attempt == 1
    assert first.outcome(timeout=20).code == "cancelled"


def test_a_deadline_ends_a_running_job(client: Client) -> None:
    handle = client.submit(ProbeInput(work_s=30), deadline=client.store.now() + 0.6)

    with pytest.raises(Expired):
        handle.result(timeout=20)


def test_a_message_that_expired_on_its_way_is_expired_in_the_store(celery: Any, outcome_of: OutcomeOf) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()

    publish(celery, [[], {"input": {}}, {}], id="came-too-late", task="storehand.probe", expires=past)

    assert outcome_of("came-too-late").status is Status.EXPIRED


def test_a_plain_job_that_expires_before_it_is_read_is_not_dropped_unseen(send: Send, outcome_of: OutcomeOf) -> None:
    job_id = send({}, expires=datetime.now(UTC) - timedelta(seconds=1))  # Celery publishes it with a TTL of 0

    assert outcome_of(job_id).status is Status.EXPIRED


def test_the_soft_limit_of_a_message_is_kept(send: Send, outcome_of: OutcomeOf) -> None:
    began = time.monotonic()

    outcome = outcome_of(send({"workS": 30}, soft_time_limit=0.5, time_limit=20))

    assert outcome.code == TimeLimit.code
    assert time.monotonic() - began < 15  # the hard limit comes at 20 s; 0.5 s on a free machine


@everywhere("rabbitmq+redis")
def test_the_hard_limit_answers_a_job_whose_thread_will_not_stop(
    client: Client, celery: Any, send: Send, outcome_of: OutcomeOf, shop: Shop, tmp_path: Path
) -> None:
    may_end = tmp_path / "may end"
    job_id = send({"mode": "held", "text": str(may_end)}, soft_time_limit=0.3, time_limit=0.6)

    outcome = outcome_of(job_id)

    assert outcome.code == TimeLimit.code
    assert not shop.noted("ends")[job_id]
    until(lambda: job_id not in _active(celery))  # the message is settled, though the thread goes on
    may_end.touch()
    until(lambda: shop.noted("ends")[job_id])
    assert client.store.get([job_id])[job_id].outcome == outcome


def _active(celery: Any) -> set[str]:
    replies = celery.control.inspect(destination=["w1@test"], timeout=5).active() or {}
    return {each["id"] for requests in replies.values() for each in requests}
