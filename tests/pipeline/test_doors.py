"""How jobs come in and answers go out: our client, plain Celery producers, callbacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from storehand import Client
from storehand.broker.depth import queue_depths
from storehand.broker.transport import queue_file
from storehand.errors import InvalidInput
from storehand.job import Outcome, Status
from storehand.message import item_id
from tests.pipeline.combinations import everywhere, only
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

pytestmark = [pytest.mark.usefixtures("worker"), everywhere]

Send = Callable[..., str]
OutcomeOf = Callable[..., Outcome]


@pytest.fixture
def shop_task(celery: Any) -> Callable[[str], Any]:
    """The signature of a task that lives in the shop's own worker."""
    from celery import signature

    return lambda name: signature(name, app=celery).set(queue="shop")


def test_the_client_gets_its_typed_answer(client: Client) -> None:
    answer = client.submit(ProbeInput(text="你好")).result(timeout=10)

    assert (answer.text, answer.attempt) == ("你好", 1)


def test_a_plain_celery_message_is_answered_under_its_task_id(send: Send, outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(send({"text": "plain"}))

    assert outcome.unwrap()["text"] == "plain"


def test_a_plain_message_with_many_inputs_is_answered_item_by_item(send: Send, outcome_of: OutcomeOf) -> None:
    task_id = send(kwargs={"inputs": [{"text": "a"}, {"text": 7}, {"text": "c"}]})

    ends = [outcome_of(item_id(task_id, index)) for index in range(3)]

    assert [end.code for end in ends] == ["ok", "invalid_input", "ok"]


def test_items_of_an_envelope_run_side_by_side(client: Client) -> None:
    handles = client.submit_many([ProbeInput(text=str(number), work_s=0.5) for number in range(20)])

    jobs = [handle.job for handle in handles if handle.result(timeout=10)]

    starts, ends = [job.started_at or 0.0 for job in jobs], [job.finished_at or 0.0 for job in jobs]
    assert max(starts) < min(ends)


def test_bad_input_ends_with_the_place_and_without_the_value(send: Send, outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(send({"text": "x", "workS": "13 Secret Street"}))

    assert outcome.code == "invalid_input"
    assert outcome.error is not None
    assert "workS" in outcome.error.message
    assert "Secret" not in str(outcome)


@pytest.mark.parametrize(
    ("mode", "code"),
    [("refuse", "invalid_input"), ("raise", "plugin"), ("exit", "plugin"), ("wrong", "plugin")],
)
def test_whatever_a_task_raises_becomes_a_coded_error(mode: str, code: str, send: Send, outcome_of: OutcomeOf) -> None:
    assert outcome_of(send({"mode": mode})).code == code


def test_what_a_plugin_raises_is_not_quoted(send: Send, outcome_of: OutcomeOf, worker: WorkerProcess) -> None:
    outcome = outcome_of(send({"mode": "raise", "text": "jane@example.com"}))

    assert outcome.error is not None
    assert "ValueError" in outcome.error.message
    assert "jane@example.com" not in outcome.error.message + worker.log_text()


def test_a_retryable_failure_is_tried_again_until_it_succeeds(client: Client) -> None:
    answer = client.submit(ProbeInput(mode="flaky")).result(timeout=40)

    assert answer.attempt == 3


def test_an_input_over_the_limit_is_refused_and_not_stored(send: Send, outcome_of: OutcomeOf, client: Client) -> None:
    job_id = send({"text": "x" * 300_000})

    assert outcome_of(job_id).code == "payload_too_large"
    assert client.store.get([job_id])[job_id].input == {}


def test_a_streamed_answer_comes_whole_and_ends(client: Client) -> None:
    handle = client.submit(ProbeInput(text="one two three", mode="stream"))

    texts = list(handle.text_stream(timeout=10))

    assert texts[-1] == "one two three "


def test_an_answered_job_is_not_run_again(client: Client, shop: Shop, send: Send, outcome_of: OutcomeOf) -> None:
    job_id = send({"text": "once"})
    first = outcome_of(job_id)

    send({"text": "once"}, task_id=job_id)
    send({"text": "once"}, task_id=job_id)
    client.submit(ProbeInput()).result(timeout=10)

    assert outcome_of(job_id) == first
    assert shop.noted("starts")[job_id] == 1


@pytest.fixture(scope="module")
def calls(shop: Shop) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the shop's own worker was called with, so far."""
    file = shop.folder / "calls"
    file.touch()
    broker = shop.settings.broker_url.get_secret_value()
    environment = {**shop.environment, "STOREHAND_BROKER_URL": broker, "PROBE_CALLS": str(file)}
    options = ["-P", "solo", "-n", "shop@test", "--without-mingle", "--without-gossip", "--without-heartbeat"]
    shop_log = shop.folder / "shop.log"
    with shop_log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.pipeline.shop_app", "worker", "-l", "INFO", *options],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "ready" in shop_log.read_text(encoding="utf-8"), timeout_s=60, every_s=0.1)
        yield lambda: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    finally:
        process.kill()
        process.wait()


Calls = Callable[[], list[dict[str, Any]]]


def test_link_gets_the_output_and_the_job_id(calls: Calls, send: Send, shop_task: Any) -> None:
    job_id = send({"text": "linked"}, link=shop_task("shop.save"))

    call = until(lambda: next((each for each in calls() if each.get("parent") == job_id), None))

    assert call is not None
    assert call["save"]["text"] == "linked"


def test_link_error_is_called_for_a_failed_job(calls: Calls, send: Send, shop_task: Any) -> None:
    job_id = send({"mode": "refuse"}, link_error=shop_task("shop.failed"))

    until(lambda: {"failed": job_id} in calls())


def test_link_error_is_called_for_a_task_that_nobody_has(
    calls: Calls, send: Send, shop_task: Any, outcome_of: OutcomeOf
) -> None:
    job_id = send({}, task="storehand.nobody", link_error=shop_task("shop.failed"))

    until(lambda: {"failed": job_id} in calls())
    assert outcome_of(job_id).code == "unknown_task"


@only("embedded")  # it looks into the queue file
def test_link_error_of_an_unknown_task_may_not_name_our_own_tasks_either(
    shop: Shop, send: Send, shop_task: Any, outcome_of: OutcomeOf
) -> None:
    ours = shop_task("storehand.probe").set(queue="nobody-reads-this")

    assert outcome_of(send({}, task="storehand.nobody", link_error=ours)).code == "unknown_task"
    assert outcome_of(send({"text": "handled after it"})).code == "ok"

    assert "nobody-reads-this" not in queue_depths(queue_file(shop.settings.broker_url.get_secret_value()))


def test_link_error_is_called_at_the_hard_limit(calls: Calls, send: Send, shop_task: Any) -> None:
    options = {"soft_time_limit": 0.2, "time_limit": 0.4}
    job_id = send({"mode": "stubborn", "workS": 8}, link_error=shop_task("shop.failed"), **options)

    until(lambda: {"failed": job_id} in calls())


def test_link_survives_the_retries_of_a_job(calls: Calls, send: Send, shop_task: Any) -> None:
    job_id = send({"mode": "flaky"}, link=shop_task("shop.save"))

    call = until(lambda: next((each for each in calls() if each.get("parent") == job_id), None), timeout_s=15)

    assert call is not None
    assert call["save"]["attempt"] == 3


def test_a_job_stands_in_a_chain(calls: Calls, celery: Any, shop_task: Any) -> None:
    from celery import chain, signature

    first = signature("storehand.probe", kwargs={"input": {"text": "chained"}}, app=celery)
    chain(first, shop_task("shop.save")).apply_async()

    until(lambda: [each for each in calls() if each.get("save", {}).get("text") == "chained"])


def test_callbacks_may_not_name_our_own_tasks(send: Send, outcome_of: OutcomeOf, client: Client, celery: Any) -> None:
    from celery import signature

    before = client.store.stats().dead_letters
    send({"text": "a"}, link=signature("storehand.probe", kwargs={"input": {}}, app=celery))
    client.submit(ProbeInput()).result(timeout=10)

    assert client.store.stats().dead_letters == before + 1


def test_a_wrongly_asked_job_says_so_in_its_row(send: Send, outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(send(kwargs={"input": {}, "options": {"priority": "urgent"}}))

    assert (outcome.status, outcome.code) == (Status.FAILED, InvalidInput.code)
