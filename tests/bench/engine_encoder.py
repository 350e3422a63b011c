"""Offline throughput of the encoder engine against one-by-one and arrival-order padding, on a random BERT.

    python -m tests.bench.engine_encoder --texts 512 --json

Counts texts per CPU second of this process on one thread. Lengths are those of reviews: log-normal, median 41 tokens,
capped at 250.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from storehand.engine import BatchReport, EngineSpec, TextsRequest
from storehand_worker.engines import builtin_engines
from tests.tiny_models import save_encoder, spec_of

WORDS = ("warm", "bag", "jacket", "light", "轻", "便", "好", "看")
"""Each is one token of the model's tokenizer."""


@dataclass(frozen=True)
class Measured:
    """`padding` is padded over useful tokens."""

    name: str
    texts: int
    cpu_s: float
    wall_s: float
    texts_per_cpu_s: float
    padding: float = 0.0


def make_texts(count: int, *, seed: int = 0) -> list[str]:
    dice = random.Random(seed)  # a load, no secret
    lengths = [min(250, max(3, round(dice.lognormvariate(3.71, 0.75)))) for _ in range(count)]
    return [" ".join(dice.choice(WORDS) for _ in range(length)) for length in lengths]


def make_model(folder: Path, *, layers: int = 4, hidden: int = 256) -> Path:
    return save_encoder(
        folder,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(hidden // 64, 2),
    )


def run_engine(spec: EngineSpec, texts: list[str], *, texts_per_request: int = 1) -> Measured:
    """All texts at once through the engine of this spec."""
    reports: list[BatchReport] = []
    engine = builtin_engines()["encoder"](replace(spec, on_batch=reports.append))
    engine.submit(TextsRequest(id="warm up", texts=tuple(texts[:1]))).result(600)
    reports.clear()
    cpu, wall = time.process_time(), time.monotonic()
    futures = [
        engine.submit(TextsRequest(id=f"{start}", texts=tuple(texts[start : start + texts_per_request])))
        for start in range(0, len(texts), texts_per_request)
    ]
    for future in futures:
        future.result(600)
    cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    engine.close()
    padding = sum(report.padding_tokens for report in reports) / sum(report.tokens for report in reports)
    return Measured("engine", len(texts), cpu_s, wall_s, len(texts) / cpu_s, padding)


def run_padded(folder: str, texts: list[str], *, batch: int = 1) -> Measured:
    """The model's own forward, `batch` texts at a time in the order they came, padded to the longest."""
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    useful = padded = 0
    cpu, wall = time.process_time(), time.monotonic()
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            inputs = tokenizer(texts[start : start + batch], padding=True, return_tensors="pt")
            model(**inputs).logits.softmax(-1).tolist()
            useful += int(inputs["attention_mask"].sum())
            padded += inputs["attention_mask"].numel()
    cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    name = f"in order x{batch}"
    return Measured(name, len(texts), cpu_s, wall_s, len(texts) / cpu_s, (padded - useful) / useful)


def main(
    texts: Annotated[int, typer.Option(help="texts of each run")] = 512,
    batch: Annotated[int, typer.Option(help="texts of an arrival-order batch")] = 32,
    budget: Annotated[int, typer.Option(help="tokens of one of the engine's batches")] = 1024,
    layers: Annotated[int, typer.Option(help="layers of the random model")] = 4,
    hidden: Annotated[int, typer.Option(help="width of the random model, a multiple of 64")] = 256,
    dtype: Annotated[str, typer.Option(help="the engine's dtype: float32 or bfloat16")] = "float32",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Prints the engine's texts per CPU second and how many times those of the others they are."""
    torch.set_num_threads(1)
    load = make_texts(texts)
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), layers=layers, hidden=hidden)
        spec = spec_of(folder, kind="classify", batch_tokens=budget, dtype=dtype)
        engine = run_engine(spec, load)
        single = run_padded(folder, load[: max(texts // 4, 1)])
        padded = run_padded(folder, load, batch=batch)
    ratios = {
        "engine_to_one_by_one": engine.texts_per_cpu_s / single.texts_per_cpu_s,
        "engine_to_arrival_order": engine.texts_per_cpu_s / padded.texts_per_cpu_s,
    }
    if as_json:
        typer.echo(json.dumps({"runs": [asdict(run) for run in (engine, single, padded)], **ratios}))
        return
    for run in (engine, single, padded):
        typer.echo(f"{run.name:14s} {run.texts_per_cpu_s:8.0f} texts per CPU s   padding {run.padding:.2f}")
    for name, ratio in ratios.items():
        typer.echo(f"{name.replace('_', ' ')}: {ratio:.2f}")


if __name__ == "__main__":
    typer.run(main)
