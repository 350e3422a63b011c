"""One trace from the producer through the queue into the engine of a real worker, as a collector sees it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from storehand import Client
from storehand.celery_app import make_celery
from tests.pipeline.collector import Collector
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.waiting import until

MODELS = {"text": {"engine": "fake", "model": "fake"}}
JOB = "process storehand.default.standard"


class Backend:
    """A shop's backend that is traced: its spans, and their tracer."""

    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.tracer = provider.get_tracer("backend")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """In this process, whose global provider can be set only once."""
    backend = Backend()
    monkeypatch.setattr(api, "get_tracer", lambda name: backend.tracer)
    return backend


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        _export_to(collector, monkeypatch)
        yield collector


def _export_to(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")


def test_one_trace_leads_from_the_backend_through_the_queue_into_the_engine_and_the_log(
    tmp_path: Path, backend: Backend, collector: Collector
) -> None:
    shop = Shop(tmp_path, tracing="true", log_format="json", models=MODELS)
    with Client(shop.settings) as client, shop.worker() as worker:
        with backend.tracer.start_as_current_span("checkout") as checkout:
            handle = client.submit(ProbeInput(mode="ask", text="a secret of the shop"))
        handle.result(timeout=10)
        until(lambda: collector.named(JOB) and collector.named("decode") and collector.named("store"))
        log = [json.loads(line) for line in worker.log_text().splitlines()]

    [send] = [span for span in backend.kept.get_finished_spans() if span.kind is SpanKind.PRODUCER]
    [job] = collector.named(JOB)
    [call] = collector.named("text_completion")
    stages, phases = ("claim", "run", "store"), ("lane", "prefill", "decode")
    parents = {name: collector.named(name)[0].parent_id for name in (*stages, *phases)}
    assert {span.trace_id for span in collector.spans} == {f"{checkout.get_span_context().trace_id:032x}"}
    assert send.parent is not None
    assert send.parent.span_id == checkout.get_span_context().span_id
    assert send.context is not None
    assert job.parent_id == f"{send.context.span_id:016x}"
    assert parents == {**dict.fromkeys(stages, job.span_id), **dict.fromkeys(phases, call.span_id)}
    assert call.parent_id == job.span_id
    assert job.about["messaging.message.id"] == handle.id
    assert (job.service["service.name"], job.service["service.instance.id"]) == (
        "storehand-worker", job.about["messaging.client.id"]
    )  # fmt: skip
    [line] = [line for line in log if line.get("job") == handle.id and line["logger"] == "storehand_worker.jobs"]
    assert (line["trace_id"], line["span_id"]) == (job.trace_id, job.span_id)
    assert "secret" not in repr(collector.spans)


@pytest.mark.long
def test_a_trace_goes_on_in_the_worker_that_takes_over(tmp_path: Path, backend: Backend, collector: Collector) -> None:
    shop = Shop(tmp_path, tracing="true", drain_s=0.2)
    with Client(shop.settings) as client:
        with shop.worker() as worker:
            handle = client.submit(ProbeInput(work_s=1.5))
            until(lambda: shop.noted("starts")[handle.id])
            worker.send(signal.SIGTERM)
            worker.wait()
        with shop.worker(name="w2"):
            handle.result(timeout=20)
            until(lambda: len(collector.named(JOB)) == 2)

    [send] = backend.kept.get_finished_spans()
    first, second = collector.named(JOB)
    assert send.context is not None
    assert {first.parent_id, second.parent_id} == {f"{send.context.span_id:016x}"}
    assert first.service["service.instance.id"] != second.service["service.instance.id"]
    assert first.events == ("storehand.handed_back",)
    assert second.about["storehand.outcome"] == "succeeded"


def test_a_plain_celery_producer_s_trace_is_taken_from_its_header(tmp_path: Path, collector: Collector) -> None:
    shop = Shop(tmp_path, tracing="true")
    celery: Any = make_celery(shop.settings)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    with shop.worker():
        celery.send_task("storehand.probe", kwargs={"inputs": [{}, {}]}, headers=headers)
        celery.send_task("storehand.probe", kwargs={"input": {}}, headers={"traceparent": "x" * 9000})
        until(lambda: len(collector.named(JOB)) == 3)
    celery.close()

    ours, strange = [[span for span in collector.named(JOB) if (span.trace_id == trace) is it] for it in (True, False)]
    assert [span.parent_id for span in ours] == ["00f067aa0ba902b7"] * 2
    assert [span.parent_id for span in strange] == [""]


@pytest.mark.parametrize("how", [pytest.param("away", marks=pytest.mark.long), "silent"])
def test_a_collector_that_does_not_answer_costs_no_job_and_holds_up_no_drain(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody listens on `discard`
    shop = Shop(tmp_path, tracing="true")
    with Collector(hangs=True) as silent:
        if how == "silent":
            _export_to(silent, monkeypatch)
        with Client(shop.settings) as client, shop.worker() as worker:
            for handle in client.submit_many(ProbeInput() for _ in range(300)):
                handle.result(timeout=10)
            if how == "silent":
                until(silent.asked.is_set)
            began = time.monotonic()
            worker.send(signal.SIGTERM)
            code = worker.wait()

    assert code == 0
    assert time.monotonic() - began < 20  # 2 s of it for the spans; without that limit the wait above runs out
