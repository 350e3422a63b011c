"""A job's life beside its run: admission, large inputs, erasure, its story, and its way back from the dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.dead_letters import DeadLetters
from storehand.errors import PayloadLost, RateLimited
from storehand.job import Outcome, Status
from storehand.message import item_id
from storehand.story import tell_story
from tests.pipeline.combinations import everywhere
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

Send = Callable[..., str]
OutcomeOf = Callable[..., Outcome]
LARGE = ProbeInput(text="水" * 3000)


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("share")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shared_places: dict[str, object], share: Path) -> Shop:
    """Its tenant `slow` may submit two jobs and then one in a thousand seconds, `few` one at a time, `shut` none."""
    limits = {"slow": {"jobs_per_s": 0.001, "burst": 2}, "few": {"open_jobs": 1}, "shut": {"open_jobs": 0}}
    return Shop(
        tmp_path_factory.mktemp("shop"),
        **{**shared_places, "tenant_limits": limits, "payload_url": share.as_uri(), "payload_max_bytes": 4096},
    )


def story_of(client: Client, job_id: str) -> list[str]:
    job = client.job(job_id).job
    story = tell_story(job, client.store.history(job_id), client.store.events(job_id), now=client.store.now())
    return [line.what for line in story.lines]


@everywhere
def test_plain_messages_of_a_tenant_over_its_limit_end_with_the_code_and_the_others_are_served(
    send: Send, outcome_of: OutcomeOf, client: Client, shop: Shop
) -> None:
    slow = {"options": {"tenant": "slow"}}
    task_ids = [send(kwargs={"input": {}, **slow}) for _ in range(4)]
    many = send(kwargs={"inputs": [{}, {}, {}], **slow})

    ends = [outcome_of(each) for each in task_ids]

    assert sorted(end.code for end in ends) == ["ok", "ok", "rate_limited", "rate_limited"]
    assert [outcome_of(item_id(many, index)).code for index in range(3)] == ["rate_limited"] * 3
    refused = next(each for each, end in zip(task_ids, ends, strict=True) if end.code == "rate_limited")
    assert client.job(refused).job.input == {}
    assert client.submit(ProbeInput(text="others")).result(timeout=10).text == "others"
    with pytest.raises(RateLimited):
        client.submit(ProbeInput(), tenant="slow")
    assert shop.noted("starts")[refused] == 0


def test_a_refused_message_that_comes_again_gets_the_same_answer(
    send: Send, outcome_of: OutcomeOf, client: Client, shop: Shop
) -> None:
    few = {"input": {"work_s": 30}, "options": {"tenant": "few"}}
    first = send(kwargs=few)
    until(lambda: shop.noted("starts")[first])
    refused = send(kwargs=few)
    assert outcome_of(refused).code == "quota_exceeded"
    client.job(first).cancel()
    assert outcome_of(first).code == "cancelled"

    send(kwargs=few, task_id=refused)
    outcome_of(send({"text": "behind it"}))

    assert outcome_of(refused).code == "quota_exceeded"


@everywhere
def test_the_error_callback_of_a_refused_message_is_called(send: Send, celery: Any, shop: Shop) -> None:
    errback = celery.signature("shop.failed", queue="shop")
    queue = celery.connection_for_read()
    kwargs = {"input": {}, "options": {"tenant": "shut"}}

    task_id = send(kwargs=kwargs, link_error=errback)

    with queue as connection:
        simple = connection.SimpleQueue("shop")
        message = simple.get(block=True, timeout=10)
        message.ack()
        simple.close()
    assert task_id in json.dumps(message.payload)


def test_a_large_input_lies_beside_the_store_until_the_job_is_erased(client: Client, share: Path) -> None:
    handle = client.submit(LARGE, subject="li")

    assert handle.result(timeout=10).text == LARGE.text
    assert handle.job.input == {}
    file = share / str(handle.job.payload_ref)
    assert file.is_file()
    client.erase(subject="li", timeout=10)
    assert not file.exists()


@pytest.mark.long
def test_a_large_input_that_is_away_for_a_moment_costs_the_job_nothing(client: Client, share: Path) -> None:
    handle = client.submit(LARGE, not_before=client.store.now() + 3)
    away = share.with_name("away")
    share.rename(away)
    try:
        until(lambda: "handed_back" in story_of(client, handle.id))
    finally:
        away.rename(share)

    assert handle.result(timeout=20).attempt == 1


def test_a_large_input_that_is_gone_is_a_coded_error(client: Client, share: Path) -> None:
    handle = client.submit(LARGE, not_before=client.store.now() + 3)
    (share / str(handle.job.payload_ref)).unlink()

    with pytest.raises(PayloadLost):
        handle.result(timeout=10)


def test_a_running_job_is_stopped_and_erased(client: Client, shop: Shop) -> None:
    handle = client.submit(ProbeInput(text="Dear Ms Li", work_s=30), subject="wang")
    until(lambda: shop.noted("starts")[handle.id])

    report = client.erase(subject="wang", timeout=10)

    assert (report.erased, report.running) == ((handle.id,), ())
    assert (handle.status, handle.job.input) == (Status.CANCELLED, {})
    assert client.store.events(handle.id) == []


@everywhere
def test_a_late_message_does_not_run_an_erased_job(
    send: Send, outcome_of: OutcomeOf, client: Client, shop: Shop
) -> None:
    job_id = send({"text": "once"})
    outcome_of(job_id)
    client.erase([job_id])

    send({"text": "once"}, task_id=job_id)
    outcome_of(send({"text": "behind it"}))

    assert shop.noted("starts")[job_id] == 1
    assert outcome_of(job_id).code == "erased"


def test_a_jobs_story_has_its_claim_and_its_retries(client: Client) -> None:
    handle = client.submit(ProbeInput(mode="flaky"))
    handle.result(timeout=20)

    whats = story_of(client, handle.id)

    assert whats[:2] == ["created", "rung"] or whats[:2] == ["created", "claimed"]
    assert [what for what in whats if what in ("claimed", "retried")] == ["claimed", "retried"] * 2 + ["claimed"]
    assert whats[-1] == "ended"


@everywhere
def test_a_message_laid_aside_is_tried_again_and_answered(send: Send, client: Client) -> None:
    letters = DeadLetters(client)
    task_id = send({"text": "again"}, task="storehand.tomorrow")
    [letter] = until(lambda: [each for each in letters.find() if each.job_id == task_id])
    assert letter.task == "storehand.tomorrow"

    repaired = type(letter)(letter.id, letter.queue, letter.reason, letter.at, None, "storehand.probe", letter.body)
    [job_id] = letters.retry(repaired)

    assert client.job(job_id).result(timeout=10)["text"] == "again"
    assert letter.id not in [each.id for each in letters.find()]
