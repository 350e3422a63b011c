"""The queue path: jobs through client, store, broker and worker against the same engine fed offline, and against the
usual ways to put a model behind a queue."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storehand.contracts.base import TaskInput
from storehand.engine import GenerateRequest, Request, TextsRequest
from storehand.settings import Settings
from storehand_worker.loader import load_plugins
from tests.bench import engine_encoder, plugin
from tests.bench.machine import measured
from tests.bench.offline import Offline
from tests.bench.outside import outside_contenders
from tests.bench.plugin import LABELS_ROLE, TEXT_ROLE, BenchLabelsInput, BenchTextInput
from tests.bench.prefork import PROCESSES, Prefork, prefork_worker
from tests.bench.random_text import MAX_TOKENS, MIDDLE, SMALL, Size, make_model, make_work, requests_of
from tests.bench.rounds import Contender, Run, interleaved, table
from tests.bench.steps import sentence
from tests.bench.worker import Worker, storehand_worker

OFFLINE = "the engine offline"


@dataclass(frozen=True)
class Plan:
    """How much is sent per round: half of it to those who gather fixed batches, whose time is linear in it, `few`
    messages to the worker that answers one after the other."""

    size: Size
    rounds: int
    requests: int = 128
    few: int = 6
    texts: int = 960
    is_full: bool = False


QUICK = Plan(Size("1M", 2, 128), rounds=1, requests=24, few=2, texts=64)
SHORT = Plan(SMALL, rounds=2)
FULL = Plan(MIDDLE, rounds=3, texts=1920, is_full=True)


def through(worker: Worker, inputs: Sequence[TaskInput[Any]], work_of: Callable[[Any], int]) -> Run:
    """Everything submitted at once, then every result awaited; the worker's whole tree counts, the client does not."""
    with measured(worker.pid) as used:
        handles = worker.client.submit_many(inputs)
        outputs = [handle.result(timeout=900) for handle in handles]
    return Run.of(used, sum(map(work_of, outputs)))


def text_job(request: Request) -> BenchTextInput:
    """The job that asks a model for just this."""
    assert isinstance(request, GenerateRequest)
    assert isinstance(request.prompt, str)
    options = request.options
    return BenchTextInput(
        prompt=request.prompt,
        max_new_tokens=options.max_new_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        seed=request.seed if options.seed is None else options.seed,
        n=options.n,
    )


@dataclass(frozen=True)
class Shop:
    """Two random models, and who works on them."""

    offline: Offline
    worker: Worker
    prefork: Prefork
    text_folder: str


@contextmanager
def _shop(plan: Plan) -> Iterator[Shop]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storehand-bench-")))
        text = str(make_model(folder / "text", layers=plan.size.layers, hidden=plan.size.hidden))
        labels = str(engine_encoder.make_model(folder / "labels"))
        models: dict[str, Any] = {
            TEXT_ROLE: {"model": text, "max_tokens": MAX_TOKENS},
            LABELS_ROLE: {"model": labels},
        }
        offline = Offline(plugin.register_tasks(), Settings(models=models))
        stack.callback(offline.close)
        worker = stack.enter_context(storehand_worker(plugins="bench", models=json.dumps(models)))
        yield Shop(offline, worker, stack.enter_context(prefork_worker(text=text, labels=labels)), text)


def random_sections(plan: Plan, *, rounds: int | None = None) -> list[str]:
    with _shop(plan) as shop:
        return [_text(shop, plan, rounds or plan.rounds), _labels(shop, plan, rounds or plan.rounds)]


def _text(shop: Shop, plan: Plan, rounds: int) -> str:
    def requests(number: int) -> list[GenerateRequest]:
        return requests_of(make_work(plan.requests, seed=100 + number))

    def jobs(number: int) -> Run:
        return through(shop.worker, list(map(text_job, requests(number))), lambda output: output.tokens)

    through(shop.worker, list(map(text_job, requests(-1)[:8])), lambda output: output.tokens)
    shop.prefork.warm("generate")
    contenders: dict[str, Contender] = {
        OFFLINE: lambda number: shop.offline.run(requests(number), TEXT_ROLE),
        "storehand": jobs,
        f"plain Celery, {PROCESSES} processes": lambda number: shop.prefork.generate(requests(number)[: plan.few]),
    }
    with outside_contenders(shop.text_folder, is_wanted=plan.is_full) as (others, reasons):
        for name, run in others.items():
            contenders[name] = lambda number, run=run: run(requests(number)[: plan.requests // 2])  # type: ignore[misc]  # bound by its default
        runs = interleaved(f"text through Celery, {plan.size.name}", contenders, rounds=rounds)
    title = f"Text through Celery, random Llama model of {plan.size.name} parameters, {plan.requests} jobs"
    note = " ".join([sentence(shop.offline.reports), *reasons])
    return table(title, "tokens", runs, baseline=OFFLINE, note=note)


def _labels(shop: Shop, plan: Plan, rounds: int) -> str:
    def texts(number: int) -> list[str]:
        return engine_encoder.make_texts(plan.texts, seed=100 + number)

    def offline(number: int) -> Run:
        requests = [TextsRequest(id="", texts=(text,)) for text in texts(number)]
        return shop.offline.run(requests, LABELS_ROLE)

    def jobs(number: int, per_job: int) -> Run:
        each = texts(number)
        pieces = [tuple(each[start : start + per_job]) for start in range(0, len(each), per_job)]
        return through(shop.worker, [BenchLabelsInput(texts=piece) for piece in pieces], lambda out: len(out.labels))

    jobs(-1, 32)
    shop.prefork.warm("classify")
    runs = interleaved(
        "labels through Celery",
        {
            OFFLINE: offline,
            "storehand, 1 text a job": lambda number: jobs(number, 1),
            "storehand, 10 texts a job": lambda number: jobs(number, 10),
            "storehand, 32 texts a job": lambda number: jobs(number, 32),
            f"plain Celery, {PROCESSES} processes": lambda number: shop.prefork.classify(
                texts(number)[: plan.texts // 8]
            ),
        },
        rounds=rounds,
    )
    title = f"Texts classified through Celery, random BERT of 4 x 256, {plan.texts} texts of review length"
    return table(title, "texts", runs, baseline=OFFLINE, note=sentence(shop.offline.reports))


def offline_of(names: Sequence[str], settings: Settings) -> Offline:
    """Engines of the named plugins' tasks."""
    tasks = dict(load_plugins(settings).tasks)
    return Offline([tasks[name] for name in names], settings)
