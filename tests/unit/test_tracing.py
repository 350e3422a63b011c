"""The spans of a job: whose children they are, what they say, and that they quote nothing."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from storehand.errors import Cancelled, EngineError, InvalidInput, Overloaded, StopJob
from storehand_worker.delivery import Delivery, Parked
from storehand_worker.models import JobModels
from tests.unit.job_runs import WordOutput
from tests.unit.traced import JOB, SECRET, SENDER, TRACE, TRACEPARENT, Traced, parents
from tests.waiting import until


@pytest.fixture
def traced(tmp_path):
    return Traced(tmp_path)


def test_a_job_is_a_span_below_its_producer_and_its_stages_are_below_it(traced):
    with traced.bench() as bench:
        bench.answer(bench.job(trace=TRACEPARENT, priority="interactive"))

    spans = traced.spans()
    assert parents(spans) == {JOB: "outside", "claim": JOB, "run": JOB, "store": JOB}
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}
    assert f"{spans[JOB].parent.span_id:016x}" == SENDER
    assert spans[JOB].kind is SpanKind.CONSUMER
    assert spans[JOB].start_time <= spans["claim"].start_time <= spans["run"].start_time <= spans["store"].start_time
    assert spans["store"].end_time <= spans[JOB].end_time


def test_the_span_of_a_job_says_what_it_was_by_the_conventions_for_messages(traced):
    with traced.bench() as bench:
        job_id = bench.job(priority="interactive", not_before=None)
        bench.answer(job_id)

    said = dict(traced.spans()[JOB].attributes)
    assert 0 <= said.pop("storehand.wait_s") < 60
    assert said == {
        "messaging.system": "storehand",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "storehand.default.interactive",
        "messaging.message.id": job_id,
        "messaging.client.id": "me",
        "storehand.task": "word",
        "storehand.priority": "interactive",
        "storehand.tenant": "default",
        "storehand.attempt": 1,
        "storehand.crashes": 0,
        "storehand.outcome": "succeeded",
    }


def test_no_span_holds_a_word_of_the_job(traced):
    def ask(models: JobModels) -> None:
        models.generate("text", SECRET)
        raise InvalidInput(f"not with {SECRET}")

    with traced.bench(ask) as bench:
        outcome = bench.answer(bench.job(SECRET, trace=TRACEPARENT))

    assert outcome.code == "invalid_input"
    assert "Chen" not in json.dumps([json.loads(span.to_json()) for span in traced.kept.get_finished_spans()])


def test_a_failure_is_the_span_s_error_by_its_code(traced):
    def ask(models: JobModels) -> None:
        traced.engines["text"].room = 0
        models.generate("text", "hello")

    with traced.bench(ask, retries={"word": {"max_attempts": 1}}) as bench:
        bench.answer(bench.job(priority="interactive"))

    for name in (JOB, "run", "text_completion small"):
        span = traced.spans()[name]
        assert span.attributes["error.type"] == Overloaded.code
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, Overloaded.code)
    assert not [key for key in traced.spans()["text_completion small"].attributes if "usage" in key]


def test_a_task_that_raises_is_the_error_of_its_run_without_its_words(traced):
    def ask(models: JobModels) -> None:
        raise ValueError(SECRET)

    with traced.bench(ask) as bench:
        bench.answer(bench.job(priority="interactive"))

    run = traced.spans()["run"]
    assert (run.attributes["error.type"], run.status.status_code) == ("plugin", StatusCode.ERROR)
    assert "Chen" not in run.to_json()


def test_a_cancelled_job_is_no_error_of_its_run(traced):
    def body(given: Any, context: Any) -> WordOutput:
        raise StopJob(Cancelled())

    with traced.bench(body=body) as bench:
        bench.answer(bench.job(priority="interactive"))

    assert traced.spans()["run"].status.status_code is StatusCode.UNSET


def test_an_attempt_that_comes_again_says_so_and_the_next_one_is_in_the_same_trace(traced):
    def body(given: Any, context: Any) -> WordOutput:
        if context.attempt == 1:
            raise EngineError("not yet")
        return WordOutput(word="ok")

    with traced.bench(body=body, retries={"word": {"backoff_s": 0.01, "backoff_max_s": 0.01}}) as bench:
        job_id = bench.job(trace=TRACEPARENT, priority="interactive")
        with pytest.raises(Parked):
            bench.answer(job_id)
        while not bench.row(job_id).status.is_terminal:
            try:
                bench.answer(job_id)
            except Parked:
                continue

    first, second = [span for span in traced.kept.get_finished_spans() if span.name == JOB]
    assert [event.name for event in first.events] == ["storehand.retried"]
    assert first.events[0].attributes["storehand.code"] == "engine"
    assert first.attributes["error.type"] == "engine"
    assert "error.type" not in second.attributes
    assert [f"{each.parent.span_id:016x}" for each in (first, second)] == [SENDER, SENDER]
    assert second.attributes["storehand.attempt"] == 2


def test_a_job_that_is_handed_back_says_so(traced):
    delivery = Delivery()

    def body(given: Any, context: Any) -> WordOutput:
        bench.runner.settler.hand_back(delivery.running())
        return WordOutput(word="late")

    bench = traced.bench(body=body)
    with bench, pytest.raises(Parked):
        bench.answer(bench.job(priority="interactive"), delivery)

    [event] = traced.spans()[JOB].events
    assert event.name == "storehand.handed_back"


def test_a_job_that_is_handed_back_while_its_thread_leaves_says_so_too(traced, monkeypatch, caplog):
    delivery, leaves = Delivery(), threading.Event()

    def body(given: Any, context: Any) -> WordOutput:
        assert leaves.wait(10)
        return WordOutput(word="late")

    bench = traced.bench(body=body)
    release = bench.store.release

    def release_slowly(*args: Any, **named: Any) -> None:
        leaves.set()
        until(lambda: running.is_over)
        release(*args, **named)

    monkeypatch.setattr(bench.store, "release", release_slowly)
    with bench:
        job_id = bench.job(priority="interactive")
        running = bench.in_thread(lambda: bench.answer(job_id, delivery))
        until(delivery.running)
        bench.runner.settler.hand_back(delivery.running())

    assert [event.name for event in traced.spans()[JOB].events] == ["storehand.handed_back"]
    assert [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")] == []


def test_logs_and_observers_get_the_attempt_s_own_span(traced, tmp_path):
    seen: list[str | None] = []
    with traced.bench() as bench:
        bench.seen.on_job_done = lambda job, outcome: seen.append(job.trace)  # type: ignore[method-assign]  # a spy
        bench.answer(bench.job(trace=TRACEPARENT, priority="interactive"))

    assert seen == [f"00-{TRACE}-{traced.spans()[JOB].context.span_id:016x}-01"]


def test_what_a_task_s_own_libraries_trace_lies_below_the_job(traced):
    active: list[int] = []

    def body(given: Any, context: Any) -> WordOutput:
        active.append(api.get_current_span().get_span_context().span_id)
        return WordOutput(word="ok")

    with traced.bench(body=body) as bench:
        bench.answer(bench.job(priority="interactive"))

    assert active == [traced.spans()[JOB].context.span_id]
    assert not api.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("trace", ["nonsense", f"00-{'0' * 32}-{SENDER}-01", f"ff-{TRACE}-{SENDER}-01"])
def test_a_trace_that_is_none_begins_a_new_one(traced, trace):
    with traced.bench() as bench:
        bench.answer(bench.job(trace=trace, priority="interactive"))

    assert traced.spans()[JOB].parent is None


def test_a_trace_that_is_not_sampled_costs_no_spans_and_goes_on(tmp_path):
    traced = Traced(tmp_path, sampler=ALWAYS_OFF)
    with traced.bench(lambda models: models.generate("text", "hello")) as bench:
        outcome = bench.answer(bench.job(trace=TRACEPARENT))

    assert outcome.code == "ok"
    assert traced.kept.get_finished_spans() == ()
