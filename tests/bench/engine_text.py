"""Offline throughput of the text engine against one-by-one and padded `generate`, on a random model.

    python -m tests.bench.engine_text --requests 64 --json

Counts useful tokens per CPU second of this process on one thread, which neighbours on the machine hardly disturb.
Lengths vary as real ones do: prompts of 30 to 200 tokens, texts of 20 to 120.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from storehand.engine import BatchReport, EngineSpec
from storehand.task import Completion, GenerateOptions
from storehand_worker.engines import builtin_engines
from tests.bench.generate import Generate
from tests.bench.machine import measured
from tests.bench.random_text import MAX_TOKENS, Work, ids_of, make_model, make_work, requests_of, tokens_of
from tests.bench.rounds import Run
from tests.bench.steps import near_the_limit
from tests.tiny_models import spec_of


class TextLoad:
    """The engine of a spec, warm, and what its last run told of its steps."""

    def __init__(self, spec: EngineSpec) -> None:
        self.reports: list[BatchReport] = []
        self._engine = builtin_engines()["text"](replace(spec, on_batch=self.reports.append))
        self._completions: list[Completion] = []
        self._wall_s = 0.0
        self.run(make_work(1, seed=-1))

    def run(self, work: Sequence[Work], *, options: GenerateOptions | None = None) -> Run:
        """All requests at once."""
        self.reports.clear()
        requests = requests_of(work, options)
        with measured() as used:
            results = [each.result(900) for each in [self._engine.submit(request) for request in requests]]
        self._completions, self._wall_s = [result.completions[0] for result in results], used.wall_s
        written = sum(result.completion_tokens for result in results)
        assert written == tokens_of(work), f"{written} tokens instead of {tokens_of(work)}"
        return Run.of(used, written)

    @property
    def texts(self) -> list[list[int]]:
        """The tokens of the last run's texts."""
        return [ids_of(completion.text) for completion in self._completions]

    def steps(self) -> dict[str, float]:
        """Of the last run: rows per step, share of the wall spent in steps, and per phase how near to the machine's
        limit."""
        decodes = [report for report in self.reports if report.phase == "decode"]
        return {
            "rows": sum(report.items for report in decodes) / max(len(decodes), 1),
            "model_share": sum(report.seconds for report in self.reports) / self._wall_s,
            **{f"roofline_{phase}": ratio for phase, ratio in near_the_limit(self.reports).items()},
        }

    def close(self) -> None:
        self._engine.close()


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
        load = TextLoad(spec_of(folder, slots=slots, max_tokens=MAX_TOKENS, batch_tokens=1024))
        engine, steps = load.run(work, options=GenerateOptions(temperature=temperature)), load.steps()
        load.close()
        generate = Generate(folder)
        runs = {
            "engine": engine,
            "generate x1": generate.run(work[:singles]),
            f"generate x{slots}": generate.run(work, batch=slots),
        }
    ratios = {
        "engine_to_one_by_one": engine.per_cpu_s / runs["generate x1"].per_cpu_s,
        "engine_to_padded": engine.per_cpu_s / runs[f"generate x{slots}"].per_cpu_s,
    }
    if as_json:
        named = [{"name": name, "tokens_per_cpu_s": run.per_cpu_s, **asdict(run)} for name, run in runs.items()]
        typer.echo(json.dumps({"runs": named, "steps": steps, **ratios}))
        return
    for name, run in runs.items():
        typer.echo(f"{name:12s} {run.per_cpu_s:8.0f} tokens per CPU s   {run.work} in {run.wall_s:.1f} s")
    typer.echo(", ".join(f"{name.replace('_', ' ')} {figure:.2f}" for name, figure in steps.items()))
    for name, ratio in ratios.items():
        typer.echo(f"{name.replace('_', ' ')}: {ratio:.2f}")


if __name__ == "__main__":
    typer.run(main)
