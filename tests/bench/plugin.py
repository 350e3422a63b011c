"""Two tasks that are nothing but a model call: what they cost beside the engine is the queue's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from storehand.contracts.base import TaskInput, TaskOutput
from storehand.hookspecs import hookimpl
from storehand.task import Context, GenerateOptions, Kind, Models, Task

TEXT_ROLE, LABELS_ROLE = "bench_text", "bench_labels"


class BenchTextOutput(TaskOutput):
    text: str
    tokens: int


class BenchTextInput(TaskInput[BenchTextOutput], task="bench_text"):
    prompt: str
    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    n: int = 1


class BenchTextTask(Task[BenchTextInput, BenchTextOutput]):
    name = "bench_text"
    input_type = BenchTextInput
    output_type = BenchTextOutput
    roles: ClassVar[dict[str, Kind]] = {TEXT_ROLE: "generate"}

    def run(self, input: BenchTextInput, models: Models, context: Context) -> BenchTextOutput:
        options = GenerateOptions(
            max_new_tokens=input.max_new_tokens,
            temperature=input.temperature,
            top_p=input.top_p,
            top_k=input.top_k,
            seed=input.seed,
            n=input.n,
        )
        completions = models.generate(TEXT_ROLE, input.prompt, options)
        return BenchTextOutput(
            text=completions[0].text, tokens=sum(completion.completion_tokens for completion in completions)
        )


class BenchLabelsOutput(TaskOutput):
    labels: tuple[str, ...]


class BenchLabelsInput(TaskInput[BenchLabelsOutput], task="bench_labels"):
    texts: tuple[str, ...]


class BenchLabelsTask(Task[BenchLabelsInput, BenchLabelsOutput]):
    name = "bench_labels"
    input_type = BenchLabelsInput
    output_type = BenchLabelsOutput
    roles: ClassVar[dict[str, Kind]] = {LABELS_ROLE: "classify"}

    def run(self, input: BenchLabelsInput, models: Models, context: Context) -> BenchLabelsOutput:
        return BenchLabelsOutput(labels=tuple(each.label for each in models.classify(LABELS_ROLE, input.texts)))


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [BenchTextTask(), BenchLabelsTask()]


def install(folder: Path) -> Path:
    """What `pip install` would leave behind: an entry point, found where this folder is on the path."""
    info = folder / "storehand_bench-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-bench\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[storehand]\nbench = tests.bench.plugin\n")
    return folder
