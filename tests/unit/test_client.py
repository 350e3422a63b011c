from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.contracts import DescriptionInput, DescriptionOutput, SentimentInput
from storehand.errors import (
    Cancelled,
    IdempotencyConflict,
    InvalidInput,
    JobNotFound,
    NotReady,
    OutOfMemory,
    PayloadTooLarge,
    PluginError,
    SettingsError,
)
from storehand.job import EventKind, Outcome, Priority, Status
from storehand.settings import Settings
from tests.unit import workers_hand
from tests.unit.forked import in_child
from tests.waiting import until

OK = Outcome.succeeded(workers_hand.description())


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(data_dir=tmp_path, synchronous="NORMAL", payload_max_bytes=2048) as client:
        yield client


def kettle(number: int = 0) -> DescriptionInput:
    return DescriptionInput(product=f"Kettle {number}, 1.7 L")  # type: ignore[arg-type]  # one line is enough


class TestSubmit:
    def test_a_job_is_queued_and_its_message_is_out(self, client: Client) -> None:
        handle = client.submit(kettle())

        assert handle.status is Status.QUEUED
        assert handle.job.published_at is not None
        assert handle.job.input["product"]["name"] == "Kettle 0"
        assert handle.id in repr(handle)

    def test_the_same_key_gives_the_same_job_and_another_input_conflicts(self, client: Client) -> None:
        first = client.submit(kettle(), idempotency_key="k")

        assert client.submit(kettle(), idempotency_key="k").id == first.id
        with pytest.raises(IdempotencyConflict):
            client.submit(kettle(1), idempotency_key="k")

    def test_options_reach_the_row(self, client: Client) -> None:
        job = client.submit(kettle(), deadline=2e9, priority="interactive", tenant="shop").job

        assert (job.deadline, job.priority, job.tenant) == (2e9, Priority.INTERACTIVE, "shop")

    @pytest.mark.parametrize("moment", [timedelta(hours=1), "in an hour"])
    def test_a_deadline_may_be_a_distance_or_an_aware_time(self, client: Client, moment: Any) -> None:
        deadline = moment if isinstance(moment, timedelta) else datetime.now(UTC) + timedelta(hours=1)

        job = client.submit(kettle(), deadline=deadline).job

        assert job.deadline == pytest.approx(time.time() + 3600, abs=5)

    def test_without_a_deadline_the_setting_counts(self, tmp_path: Path) -> None:
        with Client(data_dir=tmp_path, deadline_s=60) as client:
            assert client.submit(kettle()).job.deadline == pytest.approx(time.time() + 60, abs=5)

    @pytest.mark.parametrize(
        "options",
        [
            {"deadline": datetime(2030, 1, 1)},  # noqa: DTZ001  # naive on purpose
            {"deadline": 60},
            {"deadline": "soon"},
            {"priority": "urgent"},
            {"priority": 9},
            {"tenant": "t" * 65},
            {"tenant": ""},
            {"idempotency_key": "k" * 256},
            {"idempotency_key": 7},
        ],
    )
    def test_options_that_mean_nothing_are_refused_before_any_write(
        self, client: Client, options: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInput):
            client.submit(kettle(), **options)

        assert client.jobs() == []

    def test_a_payload_over_the_cap_is_refused_before_any_write(self, client: Client) -> None:
        with pytest.raises(PayloadTooLarge, match="2048"):
            client.submit_raw("tagline", {"text": "水" * 700})

        assert client.jobs() == []

    def test_raw_data_of_a_built_in_task_is_checked_and_every_wrong_field_is_named(self, client: Client) -> None:
        with pytest.raises(InvalidInput) as caught:
            client.submit_raw("sentiment", {"reviews": [{"id": "1"}], "maxPoints": 99})

        assert "reviews.0.reviewBody: Field required" in caught.value.message
        assert "maxPoints: " in caught.value.message
        assert {"reviews.0.reviewBody", "maxPoints"} <= {each["path"] for each in caught.value.details["fields"]}

    def test_raw_data_of_an_unknown_task_goes_to_its_plugin_as_it_is(self, client: Client) -> None:
        assert client.submit_raw("tagline", {"words": 3}).job.input == {"words": 3}

    def test_plain_data_is_not_taken_for_an_input_object(self, client: Client) -> None:
        with pytest.raises(InvalidInput, match="submit_raw"):
            client.submit({"product": "Kettle"})  # type: ignore[arg-type]  # on purpose

    def test_a_job_for_later_has_no_message_yet(self, client: Client) -> None:
        job = client.submit(kettle(), not_before=timedelta(hours=1)).job

        assert job.published_at is None

    def test_a_job_is_accepted_while_the_broker_is_away_and_the_log_says_what_happens_next(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Client(data_dir=tmp_path, broker_url="amqp://guest@127.0.0.1:1//") as client:
            handle = client.submit(kettle())

            assert handle.job.published_at is None
            assert "reconciler" in caplog.text

    def test_settings_and_overrides_do_not_mix_and_wrong_ones_are_a_settings_error(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="not both"):
            Client(Settings(data_dir=tmp_path), lease_s=20)
        with pytest.raises(SettingsError, match="lease_s"):
            Client(data_dir=tmp_path, lease_s=-1)


class TestSubmitMany:
    def test_every_input_becomes_a_job_in_order_and_one_batch(self, client: Client) -> None:
        handles = client.submit_many(kettle(number) for number in range(1200))

        jobs = client.store.get([handle.id for handle in handles])
        assert [jobs[handle.id].input["product"]["name"] for handle in handles] == [
            f"Kettle {number}" for number in range(1200)
        ]
        assert len({job.batch for job in jobs.values()}) == 1
        assert {job.priority for job in jobs.values()} == {Priority.BULK}
        assert all(job.published_at for job in jobs.values())

    def test_keys_make_a_repeated_catalogue_the_same_jobs(self, client: Client) -> None:
        inputs, keys = [kettle(number) for number in range(5)], [f"sku-{number}" for number in range(5)]

        first = client.submit_many(inputs, idempotency_keys=keys)
        again = client.submit_many(inputs, idempotency_keys=keys)

        assert [each.id for each in again] == [each.id for each in first]
        assert len(client.jobs()) == 5

    def test_too_few_keys_are_an_error(self, client: Client) -> None:
        with pytest.raises(ValueError, match="fewer"):
            client.submit_many([kettle(), kettle(1)], idempotency_keys=["only"])

    def test_map_gives_outputs_in_the_order_of_inputs(self, client: Client) -> None:
        def echo(job: Any) -> Outcome:
            return Outcome.succeeded(workers_hand.description(job.input["product"]["name"]))

        with workers_hand.Answering(client.store, echo):
            texts = [out.best.description for out in client.map([kettle(n) for n in range(20)], timeout=20)]

        assert texts == [f"Kettle {number}" for number in range(20)]


class TestResult:
    def test_the_output_is_typed(self, client: Client) -> None:
        handle = client.submit(kettle())
        workers_hand.answer(client.store, handle.id, OK)

        output = handle.result(timeout=5)

        assert isinstance(output, DescriptionOutput)
        assert output.best.description == "A kettle."
        assert handle.outcome() == OK

    def test_a_waiting_caller_hears_within_milliseconds(self, client: Client) -> None:
        """A polling Celery backend looks every half second; a busy machine gets more chances."""

        def hears() -> bool:
            handle = client.submit(kettle())
            job = workers_hand.start(client.store, handle.id)
            heard = threading.Event()

            def wait() -> None:
                handle.result(timeout=10)
                heard.set()

            thread = threading.Thread(target=wait)
            thread.start()
            workers_hand.end(client.store, job, OK)
            in_time = heard.wait(0.4)
            thread.join()
            return in_time

        assert any(hears() for _ in range(5))

    def test_a_wait_that_runs_out_is_not_ready_and_the_job_goes_on(self, client: Client) -> None:
        handle = client.submit(kettle())

        with pytest.raises(NotReady):
            handle.result(timeout=0.05)
        assert handle.status is Status.QUEUED

    def test_an_error_is_raised_with_its_class_message_and_details(self, client: Client) -> None:
        handle = client.submit(kettle())
        workers_hand.answer(client.store, handle.id, Outcome.of_error(OutOfMemory("too long", details={"tokens": 9})))

        with pytest.raises(OutOfMemory, match="too long") as caught:
            handle.result(timeout=5)

        assert caught.value.details == {"tokens": 9}
        assert handle.outcome().code == "out_of_memory"

    def test_a_job_found_by_its_id_has_the_output_its_task_promises(self, client: Client) -> None:
        handle = client.submit(kettle())
        workers_hand.answer(client.store, handle.id, OK)

        assert isinstance(client.job(handle.id).result(timeout=5), DescriptionOutput)

    def test_an_unknown_task_answers_with_its_plain_data(self, client: Client) -> None:
        handle = client.submit_raw("tagline", {})
        workers_hand.answer(client.store, handle.id, Outcome.succeeded({"line": "hot"}))

        assert handle.result(timeout=5) == {"line": "hot"}

    def test_an_answer_that_breaks_the_contract_says_so(self, client: Client) -> None:
        handle = client.submit(kettle())
        workers_hand.answer(client.store, handle.id, Outcome.succeeded({"surprise": 1}))

        with pytest.raises(PluginError, match="contract"):
            handle.result(timeout=5)

    def test_a_job_that_never_was_is_not_found(self, client: Client) -> None:
        with pytest.raises(JobNotFound):
            client.job("nobody").result(timeout=5)
        with pytest.raises(JobNotFound):
            list(client.job("nobody").stream(timeout=5))
        with pytest.raises(JobNotFound):
            client.job("nobody").cancel()


class TestAsCompleted:
    def test_handles_come_as_their_jobs_end_each_once(self, client: Client) -> None:
        slow, fast = client.submit(kettle()), client.submit(kettle(1))
        workers_hand.answer(client.store, fast.id, OK)

        ended = client.as_completed([slow, fast], timeout=10)

        assert next(ended) is fast
        workers_hand.answer(client.store, slow.id, OK)
        assert list(ended) == [slow]

    def test_two_handles_of_one_job_both_come(self, client: Client) -> None:
        handles = [client.submit(kettle(), idempotency_key="k") for _ in range(2)]
        workers_hand.answer(client.store, handles[0].id, OK)

        assert list(client.as_completed(handles, timeout=5)) == handles

    def test_hundreds_of_jobs_are_waited_for_together(self, client: Client) -> None:
        handles = client.submit_many(kettle(number) for number in range(300))

        with workers_hand.Answering(client.store, lambda job: OK):
            ended = list(client.as_completed(handles, timeout=30))

        assert {each.id for each in ended} == {each.id for each in handles}

    def test_a_wait_that_runs_out_says_how_many_are_left(self, client: Client) -> None:
        with pytest.raises(NotReady, match="2 jobs"):
            list(client.as_completed([client.submit(kettle()), client.submit(kettle(1))], timeout=0.05))


class TestStream:
    def test_events_come_as_they_are_written_and_stop_at_the_end(self, client: Client) -> None:
        handle = client.submit(kettle())
        job = workers_hand.start(client.store, handle.id)
        workers_hand.say(client.store, job, "A ")
        stream = handle.stream(timeout=10)

        assert next(stream).data == {"text": "A "}
        workers_hand.say(client.store, job, "kettle")
        assert next(stream).data == {"text": "kettle"}
        workers_hand.end(client.store, job, OK)
        assert [event.kind for event in stream] == [EventKind.END]

    def test_a_reader_goes_on_where_it_stopped(self, client: Client) -> None:
        handle = client.submit(kettle())
        job = workers_hand.start(client.store, handle.id)
        for text in "abc":
            workers_hand.say(client.store, job, text)
        workers_hand.end(client.store, job, OK)

        assert [event.seq for event in handle.stream(after=2, timeout=5)] == [3, 4]
        assert list(handle.stream(after=4, timeout=5)) == []

    def test_a_long_stream_is_read_in_pages(self, client: Client) -> None:
        handle = client.submit(kettle())
        job = workers_hand.start(client.store, handle.id)
        for _ in range(12):
            for _ in range(100):
                workers_hand.say(client.store, job, "x")
        workers_hand.end(client.store, job, OK)

        assert [event.seq for event in handle.stream(timeout=5)] == list(range(1, 1202))

    def test_silence_over_the_timeout_is_not_ready(self, client: Client) -> None:
        with pytest.raises(NotReady):
            next(client.submit(kettle()).stream(timeout=0.05))

    def test_text_starts_anew_when_another_attempt_takes_over(self, client: Client) -> None:
        handle = client.submit(kettle())
        first = workers_hand.start(client.store, handle.id)
        workers_hand.say(client.store, first, "half")
        client.store.release([handle.id], workers_hand.OWNER)
        second = workers_hand.start(client.store, handle.id)
        workers_hand.say(client.store, second, "the ")
        workers_hand.say(client.store, second, "whole")
        workers_hand.end(client.store, second, OK)

        assert list(handle.text_stream(timeout=5)) == ["half", "", "the ", "the whole"]


class TestCancel:
    def test_a_queued_job_ends_at_once(self, client: Client) -> None:
        handle = client.submit(kettle())

        assert handle.cancel() is Status.CANCELLED
        with pytest.raises(Cancelled):
            handle.result(timeout=5)

    def test_a_running_job_is_asked_and_a_finished_one_keeps_its_answer(self, client: Client) -> None:
        handle = client.submit(kettle())
        job = workers_hand.start(client.store, handle.id)

        assert handle.cancel() is Status.RUNNING
        assert handle.job.cancel_requested_at is not None
        workers_hand.end(client.store, job, OK)
        assert handle.cancel() is Status.SUCCEEDED

    def test_a_broker_that_is_away_does_not_stop_a_cancel(self, tmp_path: Path) -> None:
        with Client(data_dir=tmp_path, broker_url="amqp://guest@127.0.0.1:1//") as client:
            handle = client.submit(kettle())
            workers_hand.start(client.store, handle.id)

            assert handle.cancel() is Status.RUNNING


def test_a_client_made_before_the_fork_works_in_parent_and_child(client: Client) -> None:
    client.submit(kettle())

    def submit() -> None:
        assert client.submit(kettle(1), tenant="child").job.published_at is not None

    in_child(submit)

    assert len(client.jobs(tenant="child")) == 1
    assert client.submit(kettle(2)).job.published_at is not None


def test_threads_may_share_a_client(client: Client) -> None:
    def one(number: int) -> str:
        return client.submit(kettle(number)).result(timeout=20).best.description

    with workers_hand.Answering(client.store, lambda job: OK), ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(24))) == {"A kettle."}


def test_another_process_reads_the_answer(client: Client, tmp_path: Path) -> None:
    handle = client.submit(kettle())
    code = (
        "from storehand import Client\n"
        f"with Client(data_dir={str(tmp_path)!r}) as client:\n"
        f"    print(client.job({handle.id!r}).result(timeout=20).best.title)\n"
    )

    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    workers_hand.answer(client.store, handle.id, OK)

    assert reader.communicate(timeout=30)[0] == "Kettle\n"


def test_a_sentiment_input_goes_to_the_encoders(client: Client) -> None:
    reviews = SentimentInput(reviews=[{"id": "1", "reviewBody": "很好"}])  # type: ignore[list-item]  # as JSON

    handle = client.submit(reviews)

    assert handle.job.task == "sentiment"
    assert until(lambda: handle.job.published_at)
