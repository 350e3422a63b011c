"""OpenTelemetry spans of jobs: one per attempt, and below it the claim, the task's run, each model call with its waits
and phases, and the write of the outcome. The only file that knows OpenTelemetry.

Spans are made when a stage is over, from times that were taken anyway, so that a job waits for nothing here. No text of
a job stands in them: ids, names, counts and codes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace as api
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from storehand.engine import GenerateRequest, Result
from storehand.errors import StopJob, StorehandError
from storehand.job import Job, Outcome
from storehand.job import Status as JobStatus
from storehand.settings import Settings
from storehand.task import ModelInfo
from storehand.traces import HEADER, checked, messaging_system, traceparent_of
from storehand_worker.job_trace import JobTrace, Tell, Tracer

MOST_REQUESTS = 8
"""Requests of one model call whose stages are shown; a call for 500 texts makes 16."""

OPERATIONS = {"encode": "embeddings", "classify": "classify", "score": "rerank"}
"""Kind of a model -> `gen_ai.operation.name`, where it does not depend on the request. The conventions name no
operation for classifiers and rerankers yet."""

Facts = dict[str, Any]


class OpenTelemetryTracer(Tracer):
    """`tracer` is OpenTelemetry's; `close` what ends its provider, where that is ours."""

    def __init__(self, settings: Settings, tracer: api.Tracer, *, owner: str, close: Any = lambda: None) -> None:
        self._settings = settings
        self._tracer = tracer
        self._owner = owner
        self._close = close
        self._system = messaging_system(settings)
        self._began = threading.local()

    def mark(self) -> None:
        self._began.at = time.monotonic()

    def begin(self, job: Job) -> JobTrace:
        claimed = time.monotonic()
        return _Attempt(self._tracer, self._about(job), job, began=getattr(self._began, "at", claimed), claimed=claimed)

    def close(self) -> None:
        self._close()

    def _about(self, job: Job) -> Facts:
        due = max(job.created_at, job.not_before or 0.0)
        return {
            "messaging.system": self._system,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": self._settings.queue(job.task, job.priority),
            "messaging.message.id": job.id,
            "messaging.client.id": self._owner,
            "storehand.task": job.task,
            "storehand.priority": str(job.priority),
            "storehand.tenant": job.tenant,
            "storehand.attempt": job.attempts,
            "storehand.crashes": job.crashes,
            "storehand.wait_s": round(max(0.0, (job.started_at or due) - due), 6),
            **({"storehand.batch": job.batch} if job.batch else {}),
        }


class _Attempt(JobTrace):
    def __init__(self, tracer: api.Tracer, about: Facts, job: Job, *, began: float, claimed: float) -> None:
        self._tracer = tracer
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        trace = checked(job.trace)
        parent = _PROPAGATOR.extract({HEADER: trace}) if trace else otel_context.Context()
        self._span = tracer.start_span(
            f"process {about['messaging.destination.name']}", parent, SpanKind.CONSUMER, about,
            start_time=self._ns(began),
        )  # fmt: skip
        self._below = api.set_span_in_context(self._span, otel_context.Context())
        self._lock = threading.Lock()
        self._is_over = False
        self._run_code: str | None = None
        self.traceparent = traceparent_of(self._span)
        if self._span.is_recording():
            self._stage("claim", began, claimed)

    @contextmanager
    def inside(self) -> Iterator[None]:
        began = time.monotonic()
        token = otel_context.attach(self._below)  # so that what a plugin's own libraries trace lies below the job
        try:
            yield
        finally:
            otel_context.detach(token)
            self._stage("run", began, time.monotonic(), code=self._run_code)

    def ran(self, outcome: Outcome) -> None:
        self._run_code = _code(outcome)

    def call(self, role: str, info: ModelInfo, request: GenerateRequest | None) -> AbstractContextManager[Tell]:
        return self._call(role, info, request) if self._span.is_recording() else super().call(role, info, request)

    @contextmanager
    def _call(self, role: str, info: ModelInfo, request: GenerateRequest | None) -> Iterator[Tell]:
        about, began = _of_request(role, info, request), time.monotonic()
        told: list[tuple[Sequence[Result], Sequence[float]]] = []
        code: str | None = "internal"
        try:
            yield lambda results, asked_at: told.append((results, asked_at))
            code = None
        except StopJob as stop:
            code = stop.error.code
            raise
        except StorehandError as error:
            code = error.code
            raise
        finally:
            results, asked_at = told[0] if told else ((), ())
            kind = SpanKind.CLIENT if info.server else SpanKind.INTERNAL
            about |= _of_results(results, is_streamed=request is not None and request.on_text is not None)
            span = self._open(f"{about['gen_ai.operation.name']} {info.name}", began, about, kind=kind)
            below = api.set_span_in_context(span, otel_context.Context())
            for result, at in list(zip(results, asked_at, strict=False))[:MOST_REQUESTS]:
                self._phases(result, at, below)
            _fail(span, code)
            span.end(self._ns(time.monotonic()))

    def _phases(self, result: Result, asked_at: float, below: otel_context.Context) -> None:
        """Of one request in its engine: the wait in its lane, then reading and writing, or computing."""
        timings = result.timings
        scheduled = asked_at + timings.lane_wait_s
        ended = scheduled + timings.inference_s
        self._stage("lane", asked_at, scheduled, below)
        if timings.first_token_s is None:
            self._stage("compute", scheduled, ended, below)
            return
        first = min(max(scheduled, asked_at + timings.first_token_s), ended)
        self._stage("prefill", scheduled, first, below, {"gen_ai.usage.input_tokens": result.prompt_tokens})
        self._stage("decode", first, ended, below, {"gen_ai.usage.output_tokens": result.completion_tokens})

    def event(self, name: str, **facts: str | float) -> None:
        if not self._span.is_recording():  # the job's thread was faster
            return
        self._span.add_event(f"storehand.{name}", {f"storehand.{key}": value for key, value in facts.items()})
        if "code" in facts:
            _fail(self._span, str(facts["code"]))

    def stored(self, outcome: Outcome, *, began: float) -> None:
        if not self._span.is_recording():
            return
        self._stage("store", began, time.monotonic())
        self._span.set_attribute("storehand.outcome", str(outcome.status))
        _fail(self._span, _code(outcome))

    def end(self) -> None:
        with self._lock:
            is_first, self._is_over = not self._is_over, True
        if is_first:
            self._span.end(self._ns(time.monotonic()))

    def _stage(
        self,
        name: str,
        began: float,
        ended: float,
        below: otel_context.Context | None = None,
        about: Facts | None = None,
        *,
        code: str | None = None,
    ) -> None:
        if self._span.is_recording():
            span = self._open(name, began, about, below)
            _fail(span, code)
            span.end(self._ns(ended))

    def _open(
        self,
        name: str,
        began: float,
        about: Facts | None,
        below: otel_context.Context | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        return self._tracer.start_span(name, below or self._below, kind, about, start_time=self._ns(began))

    def _ns(self, monotonic_s: float) -> int:
        return int(monotonic_s * 1e9) + self._offset_ns


_PROPAGATOR = TraceContextTextMapPropagator()


def _code(outcome: Outcome) -> str | None:
    """Why it failed; being cancelled is no failure."""
    return outcome.code if outcome.status in (JobStatus.FAILED, JobStatus.EXPIRED) else None


def _fail(span: Span, code: str | None) -> None:
    """By its code alone: messages may quote a job."""
    if code is not None:
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR, code))


def _of_request(role: str, info: ModelInfo, request: GenerateRequest | None) -> Facts:
    """What the semantic conventions for generative AI want of a call; the model computes in this process, or where its
    endpoint is."""
    about: Facts = {
        "gen_ai.operation.name": OPERATIONS.get(info.kind, "text_completion"),
        "gen_ai.provider.name": "openai" if info.server else "storehand",  # whoever speaks its protocol
        "gen_ai.request.model": info.name,
        "storehand.role": role,
    }
    if info.server:
        about["server.address"], about["server.port"] = info.server
    if request is None:
        return about
    options = request.options
    about |= {
        "gen_ai.operation.name": "text_completion" if isinstance(request.prompt, str) else "chat",
        "gen_ai.request.max_tokens": options.max_new_tokens,
        "gen_ai.request.temperature": options.temperature,
        "gen_ai.request.top_p": options.top_p,
        "gen_ai.request.stream": request.on_text is not None,
    }
    if options.n > 1:
        about["gen_ai.request.choice.count"] = options.n
    return about


def _of_results(results: Sequence[Result], *, is_streamed: bool) -> Facts:
    if not results:  # it raised: what it has used is not known
        return {}
    about: Facts = {
        "gen_ai.usage.input_tokens": sum(result.prompt_tokens for result in results),
        "gen_ai.usage.output_tokens": sum(result.completion_tokens for result in results),
    }
    if len(results) > 1:
        about["storehand.requests"] = len(results)
    if reasons := [each.finish_reason for result in results for each in result.completions]:
        about["gen_ai.response.finish_reasons"] = reasons
    firsts = [result.timings.first_token_s for result in results if result.timings.first_token_s is not None]
    if firsts and is_streamed:
        about["gen_ai.response.time_to_first_chunk"] = min(firsts)
    return about
