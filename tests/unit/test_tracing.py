"""The spans of a job: whose children they are, what they say, and that they quote nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from storehand.engine import EngineSpec
from storehand.errors import EngineError, InvalidInput, Overloaded
from storehand.task import GenerateOptions, Message
from storehand_worker.context import JobContext
from storehand_worker.delivery import Delivery, Parked
from storehand_worker.job_trace import Tracer
from storehand_worker.models import JobModels
from storehand_worker.tracing import OpenTelemetryTracer
from tests.small_engine import SMALL, SmallEngine
from tests.unit.job_runs import Bench, Body, WordOutput, echo
from tests.waiting import until

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SENDER}-01"
SECRET = "Mrs Chen of Lane 7"


class Traced:
    """A runner whose spans are kept in memory."""

    def __init__(self, folder: Path, **sampling: Any) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, **sampling)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self._folder = folder
        self._tracer = provider.get_tracer("test")
        self.engines = {
            "text": SmallEngine(EngineSpec(role="text", kind="generate", name="small", folder="", binding=SMALL)),
            "vectors": SmallEngine(EngineSpec(role="vectors", kind="encode", name="tiny", folder="", binding=SMALL)),
        }

    def bench(self, ask: Callable[[JobModels], object] = lambda models: None, body: Body = echo, **more: Any) -> Bench:
        settings_of = Bench(self._folder, **more).settings
        tracer: Tracer = OpenTelemetryTracer(settings_of, self._tracer, owner="me")
        asked: list[JobModels] = []

        def models(context: JobContext, task: object) -> JobModels:
            asked.append(JobModels(self.engines, context, task="word", calls=context.calls))
            return asked[-1]

        def answer(given: Any, context: Any) -> Any:
            ask(asked[-1])
            return body(given, context)

        return Bench(self._folder, answer, tracer=tracer, models=models, **more)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.kept.get_finished_spans()}


@pytest.fixture
def traced(tmp_path):
    return Traced(tmp_path)


def parents(spans: dict[str, ReadableSpan]) -> dict[str, str | None]:
    names = {span.context.span_id: name for name, span in spans.items()}
    return {name: names.get(span.parent.span_id, "outside") if span.parent else None for name, span in spans.items()}


JOB = "process storehand.default.interactive"


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


def test_a_model_call_is_a_span_by_the_conventions_for_generative_ai_with_its_phases_below(traced):
    def ask(models: JobModels) -> None:
        models.generate("text", [Message("user", SECRET)], GenerateOptions(max_new_tokens=9, temperature=0.5))

    with traced.bench(ask) as bench:
        bench.answer(bench.job(priority="interactive"))

    spans = traced.spans()
    assert {name: parent for name, parent in parents(spans).items() if name not in ("claim", "run", "store")} == {
        JOB: None, "chat small": JOB, "lane": "chat small", "prefill": "chat small", "decode": "chat small"
    }  # fmt: skip
    said = spans["chat small"].attributes
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.request.model"] == "small"
    assert said["gen_ai.request.max_tokens"] == 9
    assert said["gen_ai.request.temperature"] == 0.5
    assert said["gen_ai.response.time_to_first_chunk"] == 0.35
    assert said["gen_ai.usage.input_tokens"] > 0
    assert said["gen_ai.usage.output_tokens"] > 0
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert _seconds(spans["lane"]) == pytest.approx(0.25)
    assert _seconds(spans["prefill"]) == pytest.approx(0.1)
    assert _seconds(spans["decode"]) == pytest.approx(0.4)


def test_texts_and_vectors_have_operations_of_their_own_and_a_long_list_shows_its_first_requests(traced):
    def ask(models: JobModels) -> None:
        models.generate("text", SECRET)
        models.encode("vectors", ["x"] * 500)

    with traced.bench(ask) as bench:
        bench.answer(bench.job())

    spans = traced.spans()
    assert spans["text_completion small"].attributes["gen_ai.operation.name"] == "text_completion"
    assert spans["embeddings tiny"].attributes["storehand.requests"] == 16
    lanes = [span for span in traced.kept.get_finished_spans() if span.name == "lane"]
    assert len(lanes) == 1 + 8


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

    for name in (JOB, "text_completion small"):
        span = traced.spans()[name]
        assert span.attributes["error.type"] == Overloaded.code
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, Overloaded.code)


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


def _seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9
