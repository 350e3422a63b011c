"""Offline throughput of the text engine against one-by-one and padded `generate`, on a random model.

    python -m tests.bench.engine_text --requests 64 --json

Counts useful tokens per CPU second of this process on one thread, which neighbours on the machine hardly disturb.
Lengths vary as real ones do: prompts of 30 to 200 tokens, texts of 20 to 120.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from storehand.engine import BatchReport, EngineSpec, GenerateRequest
from storehand.task import GenerateOptions
from storehand_worker.engines import builtin_engines
from tests.tiny_models import save_text_model, spec_of, word_tokenizer

VOCABULARY = 6656


@dataclass(frozen=True)
class Work:
    """One request: prompt tokens, and how many to write."""

    prompt: tuple[int, ...]
    tokens: int


@dataclass(frozen=True)
class Measured:
    """`model_share` is the part of the engine's loop that was spent in forward and sampling."""

    name: str
    tokens: int
    cpu_s: float
    wall_s: float
    tokens_per_cpu_s: float
    mean_rows: float = 0.0
    model_share: float = 0.0


def make_work(requests: int, *, seed: int = 0) -> list[Work]:
    dice = random.Random(seed)  # a load, no secret
    return [
        Work(
            tuple(dice.randrange(2, VOCABULARY) for _ in range(dice.randint(30, 200))),
            dice.randint(20, 120),
        )
        for _ in range(requests)
    ]


def make_model(folder: Path, *, layers: int = 4, hidden: int = 256) -> Path:
    """About 5M parameters by default: the size of the bundled model."""
    return save_text_model(
        folder,
        tokenizer=word_tokenizer(VOCABULARY),
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 64,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.02,
    )


@contextmanager
def _clock(found: list[float]) -> Iterator[None]:
    cpu, wall = time.process_time(), time.monotonic()
    yield
    found += [time.process_time() - cpu, time.monotonic() - wall]


def run_engine(spec: EngineSpec, work: list[Work], *, options: GenerateOptions | None = None) -> Measured:
    """All requests at once through the engine of this spec."""
    options = options or GenerateOptions()
    reports: list[BatchReport] = []
    engine = builtin_engines()["text"](replace(spec, on_batch=reports.append))
    requests = [
        GenerateRequest(
            id=f"{number}",
            prompt=" ".join(f"w{token}" for token in each.prompt),
            options=replace(options, max_new_tokens=each.tokens),
            seed=number,
        )
        for number, each in enumerate(work)
    ]
    engine.submit(replace(requests[0], id="warm up")).result(600)
    reports.clear()
    times: list[float] = []
    with _clock(times):
        tokens = sum(each.result(600).completion_tokens for each in [engine.submit(request) for request in requests])
    engine.close()
    decodes = [report for report in reports if report.phase == "decode"]
    return _measured(
        "engine",
        tokens,
        times,
        mean_rows=sum(report.items for report in decodes) / max(len(decodes), 1),
        model_share=sum(report.seconds for report in reports) / times[1],
    )


def run_generate(folder: str, work: list[Work], *, batch: int = 1) -> Measured:
    """transformers' `generate`, `batch` requests at a time, padded on the left; every batch runs to its longest."""
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    times: list[float] = []
    with torch.inference_mode(), _clock(times):
        for start in range(0, len(work), batch):
            _generate(model, work[start : start + batch])
    return _measured(f"generate x{batch}", sum(each.tokens for each in work), times)


def _generate(model: Any, work: list[Work]) -> None:
    width = max(len(each.prompt) for each in work)
    ids = torch.tensor([[*[0] * (width - len(each.prompt)), *each.prompt] for each in work])
    longest = max(each.tokens for each in work)
    model.generate(ids, attention_mask=(ids != 0).long(), max_new_tokens=longest, do_sample=False, pad_token_id=0)


def _measured(name: str, tokens: int, times: list[float], **more: float) -> Measured:
    cpu_s, wall_s = times
    return Measured(name, tokens, cpu_s, wall_s, tokens / cpu_s, **more)


def main(
    requests: Annotated[int, typer.Option(help="requests of the engine and the padded batches")] = 64,
    singles: Annotated[int, typer.Option(help="requests of the one-by-one run")] = 8,
    slots: Annotated[int, typer.Option(help="slots of the engine, rows of a padded batch")] = 32,
    layers: Annotated[int, typer.Option(help="layers of the random model")] = 4,
    hidden: Annotated[int, typer.Option(help="width of the random model, a multiple of 64")] = 256,
    temperature: Annotated[float, typer.Option(help="0 is greedy")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Prints the engine's tokens per CPU second and how many times those of `generate` they are."""
    torch.set_num_threads(1)
    work = make_work(requests)
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), layers=layers, hidden=hidden)
        spec = spec_of(folder, slots=slots, max_tokens=384, batch_tokens=1024)
        runs: list[Callable[[], Measured]] = [
            lambda: run_engine(spec, work, options=GenerateOptions(temperature=temperature)),
            lambda: run_generate(folder, work[:singles]),
            lambda: run_generate(folder, work, batch=slots),
        ]
        engine, single, padded = (run() for run in runs)
    ratios = {
        "engine_to_one_by_one": engine.tokens_per_cpu_s / single.tokens_per_cpu_s,
        "engine_to_padded": engine.tokens_per_cpu_s / padded.tokens_per_cpu_s,
    }
    if as_json:
        typer.echo(json.dumps({"runs": [asdict(run) for run in (engine, single, padded)], **ratios}))
        return
    for run in (engine, single, padded):
        typer.echo(f"{run.name:12s} {run.tokens_per_cpu_s:8.0f} tokens per CPU s   {run.tokens} in {run.wall_s:.1f} s")
    typer.echo(f"rows per step {engine.mean_rows:.1f} of {slots}, model share of the loop {engine.model_share:.2f}")
    for name, ratio in ratios.items():
        typer.echo(f"{name.replace('_', ' ')}: {ratio:.2f}")


if __name__ == "__main__":
    typer.run(main)
