"""What tracing costs a job: `python -m tests.bench.tracing`, CPU time of the job's own thread, medians of 5 rounds.

With tracing off it is what the calls cost that tell nobody. On, it is making the spans and queueing them: claim, run,
store and the job's own, and four more for every model call; sending is another thread's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from storehand.engine import GenerateRequest, Result, Timings
from storehand.job import Outcome
from storehand.settings import Settings
from storehand.task import Completion, ModelInfo
from storehand_worker.job_trace import Tracer
from storehand_worker.log_lines import AboutJob
from storehand_worker.tracing import OpenTelemetryTracer
from tests.unit.rows import a_job

INFO = ModelInfo("text", "small", None, "generate", "plain", 512, folder="small")
REQUEST = GenerateRequest(id="1", prompt="hello")
RESULT = Result(
    timings=Timings(0.1, 0.2, 0.15), prompt_tokens=3, completion_tokens=4, completions=(Completion("hi", "stop", 4),)
)
DONE = Outcome.succeeded({})


class Dropping(SpanProcessor):
    """In place of the queue, which costs a deque's append."""

    def on_end(self, span: ReadableSpan) -> None:
        return None


def cost_us(tracer: Tracer, *, calls: int, jobs: int) -> float:
    job = a_job()
    began = time.thread_time()
    for _ in range(jobs):
        tracer.mark()
        trace = tracer.begin(job)
        with AboutJob(job), trace.inside():
            for _ in range(calls):
                with trace.call("text", INFO, REQUEST) as tell:
                    tell([RESULT], [time.monotonic()])
        trace.stored(DONE, began=time.monotonic())
        trace.end()
    return (time.thread_time() - began) / jobs * 1e6


def opened(sampler: Sampler) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False, sampler=sampler)
    provider.add_span_processor(Dropping())
    settings = Settings(data_dir=Path(tempfile.gettempdir()))
    return OpenTelemetryTracer(settings, provider.get_tracer("bench"), owner="me")


def main() -> None:
    rows = {"off": Tracer(), "on, not sampled": opened(ALWAYS_OFF), "on, sampled": opened(ALWAYS_ON)}
    sys.stdout.write("microseconds per job with 0, 1 and 3 model calls\n")
    for name, tracer in rows.items():
        found = [median(cost_us(tracer, calls=calls, jobs=1000) for _ in range(5)) for calls in (0, 1, 3)]
        sys.stdout.write(f"{name:16} {'  '.join(f'{each:7.1f}' for each in found)}\n")


if __name__ == "__main__":
    main()
