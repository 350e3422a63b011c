from __future__ import annotations

import json
from typing import Any

import pytest

from storehand.errors import InvalidInput, MalformedMessage
from storehand.job import NewJob, Priority
from storehand.message import MAX_ITEMS, doorbell, item_id, read_call
from storehand.store.rows import created

NAME = "storehand.description"


def jobs(count: int) -> list[Any]:
    return [created(NewJob("description", {}, id=f"id-{number}"), now=1.0) for number in range(count)]


def test_a_doorbell_for_one_job_carries_its_id_as_the_task_id():
    bell = doorbell(jobs(1), now=7.5)

    assert (bell.name, bell.task_id, bell.kwargs) == (NAME, "id-0", {"jobs": ["id-0"]})
    assert bell.headers == {"storehand": {"v": 1, "sent_at": 7.5, "priority": "standard"}}
    assert json.loads(json.dumps(bell.kwargs)) == bell.kwargs


def test_an_envelope_has_an_id_of_its_own():
    bell = doorbell(jobs(3), now=1)

    assert bell.task_id not in bell.kwargs["jobs"]
    assert bell.task_id != doorbell(jobs(3), now=1).task_id


@pytest.mark.parametrize("count", [1, 3])
def test_a_doorbell_reads_back_as_the_call_it_means(count: int):
    bell = doorbell(jobs(count), now=1)

    call = read_call(bell.name, bell.task_id, [], bell.kwargs)

    assert call.task == "description"
    assert call.ids == tuple(f"id-{number}" for number in range(count))
    assert call.new_jobs == ()
    assert call.is_envelope is (count > 1)


def test_a_plain_producers_input_is_a_job_with_the_celery_task_id():
    options = {"tenant": "shop", "priority": "bulk", "deadline": 2e9, "idempotency_key": "k"}

    call = read_call(NAME, "abc", [], {"input": {"a": 1}, "options": options})

    assert call.ids == ("abc",)
    assert not call.is_envelope
    job = call.new_jobs[0]
    assert (job.id, job.task, job.input) == ("abc", "description", {"a": 1})
    assert (job.tenant, job.priority, job.deadline, job.idempotency_key) == ("shop", Priority.BULK, 2e9, "k")


def test_a_plain_producer_that_names_no_options_gets_the_defaults():
    job = read_call(NAME, "abc", [], {"input": {}, "options": None}, tenant="house").new_jobs[0]

    assert (job.tenant, job.priority, job.deadline, job.idempotency_key) == ("house", Priority.STANDARD, None, None)


def test_one_positional_argument_is_the_input_so_that_chains_work():
    assert read_call(NAME, "abc", [{"a": 1}], {}).new_jobs[0].input == {"a": 1}


def test_several_inputs_get_ids_that_are_the_same_on_every_delivery():
    message = {"inputs": [{"a": 1}, {"a": 2}]}

    call = read_call(NAME, "abc", [], message)

    assert call == read_call(NAME, "abc", [], message)
    assert call.is_envelope
    assert call.ids == (item_id("abc", 0), item_id("abc", 1))
    assert [job.input for job in call.new_jobs] == [{"a": 1}, {"a": 2}]
    assert set(call.ids).isdisjoint(read_call(NAME, "abd", [], message).ids)


@pytest.mark.parametrize(
    ("name", "task_id", "args", "kwargs"),
    [
        ("description", "x", [], {"input": {}}),
        ("storehand.", "x", [], {"input": {}}),
        (None, "x", [], {"input": {}}),
        (NAME, {}, [], {"input": {}}),
        (NAME, "", [], {"input": {}}),
        (NAME, "x" * 256, [], {"input": {}}),
        (NAME, "x", [], {}),
        (NAME, "x", [], None),
        (NAME, "x", None, {"input": {}}),
        (NAME, "x", "text", {}),
        (NAME, "x", [{}, {}], {}),
        (NAME, "x", [{}], {"input": {}}),
        (NAME, "x", [], {"input": {}, "inputs": [{}]}),
        (NAME, "x", [], {"input": {}, "surprise": 1}),
        (NAME, "x", [], {"inputs": []}),
        (NAME, "x", [], {"inputs": {"a": 1}}),
        (NAME, "x", [], {"inputs": [{}] * (MAX_ITEMS + 1)}),
        (NAME, "x", [], {"jobs": "abc"}),
        (NAME, "x", [], {"jobs": [1]}),
        (NAME, "x", [], {"jobs": ["a", "a"]}),
        (NAME, "x", [], {"jobs": ["a"], "options": {"tenant": "t"}}),
    ],
)
def test_what_is_no_job_is_malformed(name: Any, task_id: Any, args: Any, kwargs: Any):
    with pytest.raises(MalformedMessage):
        read_call(name, task_id, args, kwargs)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"input": "a kettle"},
        {"input": None},
        {"inputs": [{}, 3]},
        {"input": {}, "options": [1]},
        {"input": {}, "options": {"prio": 1}},
        {"input": {}, "options": {"priority": 9}},
        {"input": {}, "options": {"deadline": "tomorrow"}},
        {"input": {}, "options": {"deadline": 30}},
        {"input": {}, "options": {"deadline": True}},
        {"input": {}, "options": {"deadline": float("nan")}},
        {"input": {}, "options": {"tenant": 7}},
        {"input": {}, "options": {"tenant": ""}},
        {"input": {}, "options": {"tenant": "t" * 65}},
        {"inputs": [{}, {}], "options": {"idempotency_key": "k"}},
    ],
)
def test_a_job_asked_for_wrongly_is_invalid_input_but_no_malformed_message(kwargs: Any):
    with pytest.raises(InvalidInput) as caught:
        read_call(NAME, "x", [], kwargs)

    assert not isinstance(caught.value, MalformedMessage)
