"""What customers write is in the job store and nowhere else: a mark in every free text of all five tasks, looked for
in logs at DEBUG, metrics, broker messages, events, remote control and error messages."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from celery import Celery
from pydantic import ValidationError

from storehand import Client
from storehand.celery_app import make_celery
from storehand.contracts import INPUTS
from storehand.refusal import invalid_input
from storehand.settings import Settings
from storehand_worker.loader import load_plugins
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

MARK = "Qanary7"
EXAMPLES = {
    name: task.examples[0].to_json_dict() for name, task in load_plugins(Settings(plugins=sorted(INPUTS))).tasks.items()
}


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, str):
            yield (*path, key)
        yield from _leaves(inner, (*path, key))


def _with(data: Any, path: tuple[Any, ...], change: Callable[[str], Any]) -> Any:
    copied = json.loads(json.dumps(data))
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = change(inner[path[-1]])
    return copied


def _refusal(task: str, data: Any) -> str | None:
    """Why the contract refuses it, with details."""
    try:
        INPUTS[task].model_validate(data)
    except ValidationError as error:
        refused = invalid_input(task, error)
        return refused.message + json.dumps(refused.details)
    return None


def _marked(task: str) -> Any:
    """The example with the mark in every text that may hold it."""
    data = EXAMPLES[task]
    for path in list(_leaves(data)):
        changed = _with(data, path, lambda text: f"{text} {MARK}")
        if _refusal(task, changed) is None:
            data = changed
    assert json.dumps(data).count(MARK) >= 2
    return data


@pytest.mark.parametrize("task", sorted(EXAMPLES))
def test_an_error_of_the_contract_never_quotes_the_value(task: str) -> None:
    odd: list[Callable[[str], Any]] = [
        lambda _: MARK,
        lambda _: [MARK],
        lambda _: {"a": MARK},
        lambda text: text + MARK,
    ]

    refusals = [
        _refusal(task, _with(EXAMPLES[task], path, change)) for path in _leaves(EXAMPLES[task]) for change in odd
    ]

    assert any(refusals)
    assert not [refusal for refusal in refusals if refusal and MARK in refusal]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), plugins=json.dumps(["probe", *sorted(INPUTS)]), log_level="DEBUG")


@pytest.fixture(scope="module")
def worker(shop: Shop) -> Iterator[WorkerProcess]:
    with shop.worker("-E", "-l", "DEBUG", patience_s=180) as running:
        yield running


@pytest.fixture(scope="module")
def heard(shop: Shop, worker: WorkerProcess) -> Iterator[list[Any]]:
    """All events of the worker, as Flower hears them."""
    app: Any = make_celery(shop.settings)
    events: list[Any] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": events.append})
        thread = threading.Thread(target=receiver.capture, kwargs={"limit": None, "timeout": None, "wakeup": False})
        thread.start()
        with Client(shop.settings) as client:
            until(lambda: client.submit(ProbeInput()).result(60) and events, every_s=0.2)
        yield events
        receiver.should_stop = True
        thread.join()
    app.close()


@pytest.fixture(scope="module")
def served(shop: Shop, worker: WorkerProcess, heard: list[Any]) -> dict[str, Any]:
    """Marked jobs of all tasks through both doors, good ones and bad ones; what was seen while one ran."""
    plain = Celery("plain", broker=shop.settings.broker_url.get_secret_value(), set_as_current=False)
    plain.conf.task_default_queue = "storehand"
    with Client(shop.settings) as client:
        handles = [client.submit_raw(task, _marked(task)) for task in sorted(INPUTS)]
        ids = [handle.id for handle in handles]
        inputs = [
            *((task, data) for task in sorted(INPUTS) for data in (_marked(task), {"product": {"mark": MARK}}, MARK)),
            *(("probe", {"text": MARK, "mode": mode}) for mode in ("raise", "refuse", "wrong", "watch", "echo")),
        ]
        ids += [plain.send_task(f"storehand.{task}", kwargs={"input": data}).id for task, data in inputs]
        slow = plain.send_task("storehand.probe", kwargs={"input": {"text": MARK, "workS": 60}}).id
        celery: Any = make_celery(shop.settings)
        asked = celery.control.inspect(timeout=5, limit=1)  # or it waits all of that for others to answer
        until(lambda: slow in repr(asked.active()), timeout_s=120, every_s=0.2)
        seen = {name: repr(getattr(asked, name)()) for name in ("active", "conf", "report", "stats", "reserved")}
        seen["query_task"] = repr(asked.query_task(slow))
        client.job(slow).cancel()
        until(lambda: all((row := client.store.get([each]).get(each)) and row.outcome for each in ids), timeout_s=180)
        until(lambda: {slow, *ids} <= {event.get("uuid") for event in heard if event["type"] != "task-received"})
        rows = client.store.get(ids)
        seen["errors"] = repr([row.outcome.error for row in rows.values() if row.outcome and row.outcome.error])
        assert sum(row.outcome is not None and row.outcome.error is None for row in rows.values()) >= 11
        celery.close()
    plain.close()
    return seen


def test_the_log_at_debug_does_not_have_it(served: Any, worker: WorkerProcess) -> None:
    assert "plugin probe raised in on_job_done" in worker.log_text()
    assert MARK not in worker.log_text()


def test_the_metrics_do_not_have_it(served: Any, worker: WorkerProcess) -> None:
    page = worker.get("/metrics")[1]

    assert "storehand_jobs_total" in page
    assert MARK not in page


def test_events_do_not_have_it(served: Any, heard: list[Any]) -> None:
    assert {"task-received", "task-succeeded", "task-failed"} <= {event["type"] for event in heard}
    assert not [event for event in heard if MARK in repr(event)]


def test_remote_control_does_not_tell_it(served: dict[str, str]) -> None:
    assert not [name for name, answer in served.items() if name != "errors" and MARK in answer]


def test_error_messages_do_not_quote_it(served: dict[str, str]) -> None:
    assert MARK not in served["errors"]


def test_what_our_client_sends_over_the_broker_names_ids_only(tmp_path: Any) -> None:
    shop = Shop(tmp_path)
    with Client(shop.settings) as client:
        ids = [
            client.submit_raw(task, _marked(task), idempotency_key=MARK, tenant="acme").id for task in sorted(INPUTS)
        ]
    file = shop.settings.broker_url.get_secret_value().partition("://")[2]
    with closing(sqlite3.connect(file)) as db:
        messages = [f"{envelope} {body!r}" for envelope, body in db.execute("SELECT envelope, body FROM message")]

    assert len(messages) == len(ids)
    assert not [message for message in messages if MARK in message or "acme" in message]
