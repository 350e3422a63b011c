"""A job takes the trace of whoever submits it, and a process without OpenTelemetry pays nothing for that."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from storehand import AsyncClient, Client
from storehand.errors import IdempotencyConflict, SettingsError
from storehand.job import NewJob
from storehand.message import doorbell
from storehand.settings import Settings
from storehand.traces import checked, with_trace
from storehand_worker.job_trace import UNTRACED, Tracer
from storehand_worker.span_export import close_provider, open_tracer
from storehand_worker.tracing import OpenTelemetryTracer
from tests.unit.rows import a_job

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TEXT = {"text": "a secret of the shop"}


@pytest.fixture
def kept():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(kept, monkeypatch):
    """A backend's own; the global provider of this process can be set only once."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("backend")
    monkeypatch.setattr(api, "get_tracer", lambda name: tracer)
    return tracer


def of(span: api.Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def test_a_job_that_is_submitted_inside_a_span_belongs_to_its_trace_though_tracing_is_off(tmp_path, tracer, kept):
    with Client(data_dir=tmp_path) as client, tracer.start_as_current_span("request") as span:
        job = client.submit_raw("echo", TEXT).job

    assert job.trace == of(span)
    assert [each.name for each in kept.get_finished_spans()] == ["request"]


def test_the_asyncio_client_takes_the_span_of_its_caller_too(tmp_path, tracer):
    async def submit() -> tuple[str | None, str]:
        async with AsyncClient(data_dir=tmp_path) as client:
            with tracer.start_as_current_span("request") as span:
                handle = await client.submit_raw("echo", TEXT)
            return (await handle.job()).trace, of(span)

    trace, expected = asyncio.run(submit())

    assert trace == expected


def test_with_tracing_a_submit_is_a_producer_span_and_the_job_is_below_it(tmp_path, tracer, kept):
    with Client(data_dir=tmp_path, tracing=True) as client, tracer.start_as_current_span("request") as request:
        job = client.submit_raw("echo", TEXT, priority="bulk").job

    [send, _] = kept.get_finished_spans()
    assert (send.name, send.kind) == ("send storehand.default.bulk", SpanKind.PRODUCER)
    assert send.parent is not None
    assert send.parent.span_id == request.get_span_context().span_id
    assert job.trace == of(api.NonRecordingSpan(send.context))  # type: ignore[arg-type]  # a finished span has one
    assert dict(send.attributes or {}) == {
        "messaging.system": "storehand",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "storehand.default.bulk",
        "messaging.message.id": job.id,
    }


def test_a_submit_that_fails_says_why_by_its_code_alone(tmp_path, tracer, kept):
    with Client(data_dir=tmp_path, tracing=True) as client:
        client.submit_raw("echo", TEXT, idempotency_key="k")
        with pytest.raises(IdempotencyConflict):
            client.submit_raw("echo", {"text": "another secret"}, idempotency_key="k")

    failed = kept.get_finished_spans()[1]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "idempotency_conflict")
    assert failed.events == ()
    assert "secret" not in failed.to_json()


def test_outside_of_any_span_a_job_has_no_trace(tmp_path, tracer):
    with Client(data_dir=tmp_path) as client:
        assert client.submit_raw("echo", TEXT).job.trace is None


def test_a_trace_that_a_job_has_already_stays(tracer):
    with tracer.start_as_current_span("request"):
        assert [job.trace for job in with_trace([NewJob(task="echo", input={}, trace=GOOD)])] == [GOOD]


def test_a_message_carries_the_trace_that_all_its_jobs_have():
    assert doorbell([a_job(trace=GOOD), a_job(id="job-2", trace=GOOD)], now=1.0).headers["traceparent"] == GOOD
    assert "traceparent" not in doorbell([a_job(trace=GOOD), a_job(id="job-2")], now=1.0).headers
    assert "traceparent" not in doorbell([a_job()], now=1.0).headers


@pytest.mark.parametrize("given", [None, 7, "", "x", GOOD + "\n", GOOD.upper(), GOOD + "-00", "0" * 55])
def test_what_a_stranger_calls_a_trace_is_checked(given):
    assert checked(given) is None
    assert checked(GOOD) == GOOD


def test_a_producer_without_opentelemetry_never_imports_it(tmp_path):
    code = (
        "import sys; from storehand import Client\n"
        f"with Client(data_dir={str(tmp_path)!r}) as client: client.submit_raw('echo', {{}})\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_tracing_without_the_extra_is_told_by_both_sides(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with Client(data_dir=tmp_path, tracing=True) as client, pytest.raises(SettingsError, match=r"storehand\[tracing\]"):
        client.submit_raw("echo", TEXT)
    with pytest.raises(SettingsError, match=r"storehand\[tracing\]"):
        open_tracer(Settings(data_dir=tmp_path, tracing=True), "me")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
    ],
)
def test_a_way_to_export_that_is_not_there_is_refused_at_the_start(tmp_path, name, value, monkeypatch):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"{name} is '{value}'"):
        open_tracer(Settings(data_dir=tmp_path, tracing=True), "me")


def test_the_signal_s_own_protocol_goes_before_the_general_one(tmp_path, monkeypatch):
    monkeypatch.setattr(api, "set_tracer_provider", lambda provider: None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")

    tracer = open_tracer(Settings(data_dir=tmp_path, tracing=True), "me")
    tracer.close()

    assert isinstance(tracer, OpenTelemetryTracer)


def test_what_opentelemetry_itself_refuses_is_an_error_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "256")  # a batch has 512

    with pytest.raises(SettingsError, match=r"OTEL_\*.*max_queue_size"):
        open_tracer(Settings(data_dir=tmp_path, tracing=True), "me")


def test_the_worker_keeps_a_provider_that_is_there_and_else_names_itself(tmp_path, monkeypatch):
    given: list[TracerProvider] = []
    monkeypatch.setattr(api, "get_tracer_provider", lambda: given[-1] if given else None)
    monkeypatch.setattr(api, "set_tracer_provider", given.append)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    settings = Settings(data_dir=tmp_path, tracing=True)

    first = open_tracer(settings, "host:1:a")
    second = open_tracer(settings, "host:1:a")

    assert isinstance(first, OpenTelemetryTracer)
    assert isinstance(second, OpenTelemetryTracer)
    assert len(given) == 1
    assert _of(given[0].resource) == ("storehand-worker", "host:1:a", "test")


def test_a_name_that_the_operator_gives_is_kept(tmp_path, monkeypatch):
    given: list[TracerProvider] = []
    monkeypatch.setattr(api, "get_tracer_provider", lambda: None)
    monkeypatch.setattr(api, "set_tracer_provider", given.append)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "chat-pool")

    open_tracer(Settings(data_dir=tmp_path, tracing=True), "host:1:a")

    assert _of(given[0].resource)[0] == "chat-pool"


def _of(resource: Resource) -> tuple[object, ...]:
    return tuple(
        resource.attributes.get(name) for name in ("service.name", "service.instance.id", "deployment.environment.name")
    )


def test_without_the_setting_nobody_is_told(tmp_path):
    tracer = open_tracer(Settings(data_dir=tmp_path), "me")

    assert type(tracer) is Tracer
    assert tracer.begin(a_job()) is UNTRACED
    assert UNTRACED.traceparent is None


def test_the_last_spans_are_waited_for_only_so_long(caplog):
    class Slow(SpanProcessor):
        let_go = threading.Event()

        def on_end(self, span: ReadableSpan) -> None: ...

        def shutdown(self) -> None:
            self.let_go.wait(30)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Slow())
    began = time.monotonic()

    close_provider(provider, within_s=0.05)
    Slow.let_go.set()

    assert time.monotonic() - began < 5
    assert "they are dropped" in caplog.text
