"""The way of one job: claim, validate, run, settle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storehand.errors import Cancelled, EngineError, Overloaded, StopJob, Unavailable
from storehand.job import EventKind, Status
from storehand_worker.delivery import Delivery, Early, Parked
from tests.unit.job_runs import Bench, WordInput, WordOutput, echo
from tests.waiting import until


def test_a_job_is_answered_stored_and_told_to_observers(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        job_id = bench.job("hello")

        outcome = bench.answer(job_id)

        assert outcome.unwrap() == {"schemaVersion": 1, "word": "hello"}
        assert bench.row(job_id).outcome == outcome
        assert bench.seen.done == [(job_id, "ok")]


def test_an_answered_job_is_not_run_again(tmp_path: Path) -> None:
    runs: list[str] = []

    def count(given: WordInput, context: Any) -> WordOutput:
        runs.append(context.job_id)
        return echo(given, context)

    with Bench(tmp_path, count) as bench:
        job_id = bench.job()

        assert bench.answer(job_id) == bench.answer(job_id)
        assert runs == [job_id]


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"input": {"word": 5}}, "invalid_input"), ({"task": "nobody"}, "unknown_task"), ({"deadline": 1.0}, "expired")],
)
def test_what_can_not_run_ends_with_its_code(fields: dict[str, Any], code: str, tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.answer(bench.job(**fields)).code == code


def test_bad_input_reads_the_same_from_the_worker_as_from_the_client(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        error = bench.answer(bench.job(input={"word": 5, "sound": True})).error

    assert error is not None
    assert error.message.startswith("the input does not fit word: word: ")
    assert [each["path"] for each in error.details["fields"]] == ["word", "sound"]


def test_a_job_without_a_row_is_not_found(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.answer("never created").code == "job_not_found"


def test_a_retryable_error_hands_the_job_back_until_its_attempts_are_spent(tmp_path: Path) -> None:
    def busy(given: WordInput, context: Any) -> WordOutput:
        raise Overloaded(details={"retry_after_s": 60})

    bench, later = (Bench(tmp_path, busy, clock=clock, max_attempts=2) for clock in (time.time, _in_two_minutes))
    with bench, later:
        job_id = bench.job()
        began = time.time()

        with pytest.raises(Early) as early:
            bench.answer(job_id)
        row = bench.row(job_id)
        assert (row.status, row.attempts) == (Status.QUEUED, 1)
        assert began - 0.01 < (row.not_before or 0) - early.value.pause_s < time.time() + 0.01

        with pytest.raises(Early):
            bench.answer(job_id)  # too early
        assert later.answer(job_id).code == "overloaded"


@pytest.mark.parametrize("raised", [ValueError("secret"), SystemExit(1), KeyboardInterrupt(), RecursionError()])
def test_whatever_a_plugin_raises_is_a_plugin_error_without_its_text(raised: BaseException, tmp_path: Path) -> None:
    def fail(given: WordInput, context: Any) -> WordOutput:
        raise raised

    with Bench(tmp_path, fail) as bench:
        outcome = bench.answer(bench.job())

        assert outcome.code == "plugin"
        assert outcome.error is not None
        assert type(raised).__name__ in outcome.error.message
        assert "secret" not in outcome.error.message


def test_an_output_of_another_type_is_a_plugin_error(tmp_path: Path) -> None:
    with Bench(tmp_path, lambda given, context: {"word": "x"}) as bench:
        assert bench.answer(bench.job()).code == "plugin"


def test_a_plugin_that_swallows_exceptions_can_not_swallow_a_stop(tmp_path: Path) -> None:
    def stubborn(given: WordInput, context: Any) -> WordOutput:
        try:
            raise StopJob(Cancelled())
        except Exception:
            return echo(given, context)

    with Bench(tmp_path, stubborn) as bench:
        assert bench.answer(bench.job()).code == "cancelled"


def test_a_job_leased_elsewhere_is_parked(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        job_id = bench.job()
        bench.store.claim([job_id], "somebody", 15, max_crashes=3)

        with pytest.raises(Parked) as parked:
            bench.answer(job_id)

        assert 0 < parked.value.pause_s <= 1


def test_a_job_that_runs_here_under_another_message_is_parked(tmp_path: Path) -> None:
    leave = threading.Event()
    with Bench(tmp_path, lambda given, context: leave.wait(10) and echo(given, context)) as bench:
        job_id = bench.job()
        first = bench.in_thread(lambda: bench.answer(job_id))
        until(lambda: bench.row(job_id).status is Status.RUNNING)

        with pytest.raises(Parked):
            bench.answer(job_id)

        leave.set()
        assert first.result() == bench.answer(job_id)


def test_a_claim_whose_answer_was_lost_is_found_again_once_its_lease_is_over(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench, Bench(tmp_path, clock=_in_two_minutes) as later:
        job_id = bench.job()
        bench.store.claim([job_id], "me", 15, max_crashes=3)  # written; the caller never heard of it
        with pytest.raises(Parked):
            bench.answer(job_id)

        with pytest.raises(Parked) as parked:
            later.answer(job_id)

        assert parked.value.pause_s == 0
        assert later.answer(job_id).code == "ok"
        assert (bench.row(job_id).attempts, bench.row(job_id).crashes) == (1, 0)


def test_a_job_that_was_taken_over_writes_nothing(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:

        def lose(given: WordInput, context: Any) -> WordOutput:
            bench.store.release([context.job_id], "me")
            bench.store.claim([context.job_id], "somebody", 15, max_crashes=3)
            return echo(given, context)

        bench.runner._tasks["word"]._body = lose  # type: ignore[attr-defined]  # the channel's
        job_id = bench.job()

        with pytest.raises(Parked):
            bench.answer(job_id)

        assert bench.row(job_id).status is Status.RUNNING
        assert bench.seen.done == []


def test_handing_back_costs_no_attempt_and_stops_the_job(tmp_path: Path) -> None:
    with Bench(tmp_path, _until_stopped) as bench:
        job_id, delivery = bench.job(), Delivery()
        running = bench.in_thread(lambda: bench.answer(job_id, delivery))
        until(delivery.running)

        bench.runner.settler.hand_back(delivery.running())

        with pytest.raises(Parked):
            running.result()
        row = bench.row(job_id)
        assert (row.status, row.attempts, row.crashes) == (Status.QUEUED, 0, 0)
        assert bench.counts == ["handed_back"]


def test_a_closed_delivery_starts_nothing(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        job_id, delivery = bench.job(), Delivery()
        delivery.close()

        with pytest.raises(Parked):
            bench.answer(job_id, delivery)

        assert bench.row(job_id).attempts == 0


def test_a_stopped_delivery_stops_its_job(tmp_path: Path) -> None:
    with Bench(tmp_path, _until_stopped) as bench:
        job_id, delivery = bench.job(), Delivery()
        running = bench.in_thread(lambda: bench.answer(job_id, delivery))
        until(delivery.running)

        delivery.stop(Cancelled("revoked"))

        assert running.result().code == "cancelled"


def test_items_of_an_envelope_run_side_by_side_and_each_is_stored_as_it_ends(tmp_path: Path) -> None:
    both = threading.Barrier(2)
    late = threading.Event()

    def meet(given: WordInput, context: Any) -> WordOutput:
        both.wait(10)
        if given.word == "late":
            late.wait(10)
        return echo(given, context)

    with Bench(tmp_path, meet) as bench:
        ids = [bench.job("soon"), bench.job("late")]
        running = bench.in_thread(lambda: bench.runner.answer_all(ids, Delivery()))

        until(lambda: bench.row(ids[0]).outcome)
        assert bench.row(ids[1]).outcome is None
        late.set()

        assert {job_id: each.code for job_id, each in running.result().items()} == dict.fromkeys(ids, "ok")


def test_a_redelivered_envelope_runs_only_what_is_unanswered(tmp_path: Path) -> None:
    runs: list[str] = []

    def count(given: WordInput, context: Any) -> WordOutput:
        runs.append(given.word)
        return echo(given, context)

    with Bench(tmp_path, count) as bench:
        ids = [bench.job("a"), bench.job("b"), bench.job("c")]
        bench.answer(ids[1])

        outcomes = bench.runner.answer_all(ids, Delivery())

        assert set(outcomes) == set(ids)
        assert sorted(runs) == ["a", "b", "c"]


def test_one_bad_item_fails_alone(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        ids = [bench.job("good"), bench.job(input={"word": []})]

        assert [each.code for each in bench.runner.answer_all(ids, Delivery()).values()] == ["ok", "invalid_input"]


def test_an_envelope_with_an_item_elsewhere_is_parked_after_the_others_ended(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        ids = [bench.job(), bench.job()]
        bench.store.claim(ids[:1], "somebody", 15, max_crashes=3)

        with pytest.raises(Parked):
            bench.runner.answer_all(ids, Delivery())

        assert bench.row(ids[1]).status is Status.SUCCEEDED


def test_streamed_pieces_stand_in_order_before_the_end(tmp_path: Path) -> None:
    def speak(given: WordInput, context: Any) -> WordOutput:
        for piece in ["one", "two", "three"]:
            context.emit(piece)
        return echo(given, context)

    with Bench(tmp_path, speak) as bench:
        job_id = bench.job()
        bench.answer(job_id)

        events = bench.store.events(job_id)

        assert events[-1].kind is EventKind.END
        assert "".join(str(event.data["text"]) for event in events[:-1]) == "onetwothree"


def test_a_job_whose_worker_died_runs_alone(tmp_path: Path) -> None:
    leave = threading.Event()
    with Bench(tmp_path, lambda given, context: leave.wait(10) and echo(given, context)) as bench:
        suspect, neighbour = bench.job("suspect"), bench.job("neighbour")
        bench.store.claim([suspect], "dead", 0.01, max_crashes=3)
        until(lambda: (bench.row(suspect).lease_until or 0) < time.time())
        running = bench.in_thread(lambda: bench.answer(suspect))
        until(lambda: bench.row(suspect).owner == "me")

        with pytest.raises(Parked):
            bench.answer(neighbour)
        assert bench.row(neighbour).attempts == 0

        leave.set()
        assert running.result().code == "ok"
        assert bench.answer(neighbour).code == "ok"
        assert bench.row(suspect).crashes == 1
        assert bench.counts == ["crashes"]


def test_while_the_store_is_away_a_message_is_kept(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        job_id = bench.job()
        with _away(bench, "claim"), pytest.raises(Parked):
            bench.answer(job_id)

        assert bench.answer(job_id).code == "ok"


def test_an_answer_is_written_once_the_store_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storehand_worker.settle.INSIST_S", 0.02)
    with Bench(tmp_path) as bench:
        job_id = bench.job()
        with _away(bench, "finish"):
            running = bench.in_thread(lambda: bench.answer(job_id))
            until(lambda: bench.row(job_id).status is Status.RUNNING)
            assert not running.is_over

        assert running.result().code == "ok"


class _away:  # noqa: N801  # reads as a statement
    """The store can't be reached for one kind of call."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench, self._name = bench, name
        self._call: Callable[..., Any] = getattr(bench.store, name)

    def __enter__(self) -> None:
        def unavailable(*args: Any, **kwargs: Any) -> Any:
            raise Unavailable

        setattr(self._bench.store, self._name, unavailable)

    def __exit__(self, *_: object) -> None:
        setattr(self._bench.store, self._name, self._call)


def _in_two_minutes() -> float:
    """The clock of a bench that is the same worker later."""
    return time.time() + 120


def _until_stopped(given: WordInput, context: Any) -> WordOutput:
    stopped = threading.Event()
    context.attach(lambda error: stopped.set())
    assert stopped.wait(10)
    context.check()
    raise EngineError("was not stopped")


def test_an_item_that_ended_elsewhere_while_it_waited_for_a_thread_is_not_told_again(tmp_path: Path) -> None:
    may_go_on = threading.Event()

    def hold(given: WordInput, context: Any) -> WordOutput:
        may_go_on.wait(10)
        return echo(given, context)

    with Bench(tmp_path, hold, item_threads=1) as bench, Bench(tmp_path, owner="other") as other:
        first, second = bench.job("first"), bench.job("second")
        envelope = bench.in_thread(lambda: bench.runner.answer_all([first, second], Delivery()))
        until(lambda: bench.row(first).status is Status.RUNNING)
        other.answer(second)
        may_go_on.set()

        assert {each.code for each in envelope.result().values()} == {"ok"}
        assert bench.seen.done == [(first, "ok")]
        assert other.seen.done == [(second, "ok")]


def test_an_answer_that_waited_for_the_store_too_long_gives_way_to_the_one_that_was_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storehand_worker.settle.INSIST_S", 0.02)
    with Bench(tmp_path, lease_s=1.1) as bench, Bench(tmp_path, owner="other") as other:
        job_id = bench.job()
        with _away(bench, "finish"):
            late = bench.in_thread(lambda: bench.answer(job_id))
            until(lambda: bench.row(job_id).status is Status.RUNNING)
            until(lambda: (bench.row(job_id).lease_until or 0) < time.time())
            first = other.answer(job_id)

        with pytest.raises(Parked):
            late.result()
        assert bench.answer(job_id) == first
        assert bench.seen.done == []
        assert [event.kind for event in bench.store.events(job_id)] == [EventKind.END]


def test_an_attempt_that_comes_again_says_why_and_one_that_does_not_says_so_too(tmp_path: Path) -> None:
    def busy(given: WordInput, context: Any) -> WordOutput:
        raise Overloaded(details={"retry_after_s": 120 if given.word == "hurried" else 0.05})

    with Bench(tmp_path, busy, max_attempts=2) as bench:
        job_id = bench.job()
        hurried = bench.job("hurried", deadline=time.time() + 60)
        with pytest.raises(Early):
            bench.answer(job_id)

        outcome = bench.answer(hurried)

        note = next(note for note in bench.store.history(job_id) if note.what == "retried")
        assert (note.data["code"], note.data["attempt"], note.data["retry_after_s"]) == ("overloaded", 1, 0.05)
        assert outcome.error is not None
        assert (outcome.code, outcome.error.details["gave_up"]) == ("overloaded", "deadline")
        assert bench.counts == ["retried"]
