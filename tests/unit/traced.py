"""A runner whose spans are kept in memory, for tests of what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from storehand.engine import EngineSpec
from storehand_worker.context import JobContext
from storehand_worker.job_trace import Tracer
from storehand_worker.models import JobModels
from storehand_worker.tracing import OpenTelemetryTracer
from tests.small_engine import SMALL, SmallEngine
from tests.unit.job_runs import Bench, Body, echo

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SENDER}-01"
SECRET = "Mrs Chen of Lane 7"
JOB = "process storehand.default.interactive"


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


def parents(spans: dict[str, ReadableSpan]) -> dict[str, str | None]:
    names = {span.context.span_id: name for name, span in spans.items() if span.context}
    return {name: names.get(span.parent.span_id, "outside") if span.parent else None for name, span in spans.items()}


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9
