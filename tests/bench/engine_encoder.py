"""Offline throughput of the encoder engine against one-by-one, arrival-order padding and sentence-transformers.

    python -m tests.bench.engine_encoder --texts 512 --rounds 5 [--loads] [--starter] [--json]

Counts texts per CPU second of this process on one thread: everybody once per round, all on the same random BERT (or
the bundled sentiment model) in the same dtype, ratios taken within a round. Lengths are those of reviews: log-normal,
median 41 tokens, capped at 250. `--loads` asks how the engine stands against one-by-one when few texts wait.
sentence-transformers is compared where it can be imported; it is no dependency of ours.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from storehand.engine import BatchReport, EngineSpec, TextsRequest
from storehand_worker.engines import builtin_engines
from tests.tiny_models import save_encoder, spec_of

WORDS = ("warm", "bag", "jacket", "light", "轻", "便", "好", "看")
"""Each is one token of the model's tokenizer."""
LOADS = (1, 2, 3, 4, 8, 32, 512)
CLOSE = {"float32": 1e-5, "bfloat16": 0.1}
"""Answers may differ by so much; else there is nothing to compare."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Measured:
    """`padding` is padded over useful tokens."""

    name: str
    texts: int
    cpu_s: float
    wall_s: float
    texts_per_cpu_s: float
    padding: float = 0.0


Answers = list[list[float]]


def make_texts(count: int, *, seed: int = 0) -> list[str]:
    dice = random.Random(seed)  # a load, no secret
    lengths = [min(250, max(3, round(dice.lognormvariate(3.71, 0.75)))) for _ in range(count)]
    return [" ".join(dice.choice(WORDS) for _ in range(length)) for length in lengths]


def make_model(folder: Path, *, layers: int = 4, hidden: int = 256, kind: Any = "classify") -> Path:
    """A random BERT; one that embeds comes as sentence-transformers reads it, too."""
    save_encoder(
        folder,
        kind=kind,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(hidden // 64, 2),
        pooling="mean_tokens" if kind == "encode" else None,
    )
    if kind == "encode":
        steps = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
        modules = [
            {"idx": number, "name": f"{number}", "path": path, "type": f"sentence_transformers.models.{step}"}
            for number, (step, path) in enumerate(steps.items())
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


class Engine:
    """The engine of a spec, one request per text (or so many texts)."""

    def __init__(self, spec: EngineSpec, *, texts_per_request: int = 1, name: str = "engine") -> None:
        self.name = name
        self._reports: list[BatchReport] = []
        self._size = texts_per_request
        own = EngineSpec(
            role=spec.role, kind=spec.kind, name=spec.name, folder=spec.folder, binding=spec.binding,
            on_batch=self._reports.append,
        )  # fmt: skip
        self._engine = builtin_engines()["encoder"](own)
        self._numbers = iter(range(1 << 60))

    def close(self) -> None:
        self._engine.close()

    def __call__(self, texts: Sequence[str]) -> Answers:
        futures = [
            self._engine.submit(
                TextsRequest(id=f"{next(self._numbers)}", texts=tuple(texts[start : start + self._size]))
            )
            for start in range(0, len(texts), self._size)
        ]
        results = [future.result(600) for future in futures]
        if self._engine.info.kind == "encode":
            return [list(vector) for result in results for vector in result.vectors]
        return [list(each.scores.values()) for result in results for each in result.classifications]

    def padding(self) -> float:
        """Since last asked."""
        useful = sum(report.tokens for report in self._reports)
        padded = sum(report.padding_tokens for report in self._reports)
        self._reports.clear()
        return padded / max(useful, 1)


class InOrder:
    """The model's own forward, `batch` texts at a time in the order they came, padded to the longest."""

    def __init__(self, folder: str, *, batch: int, dtype: str) -> None:
        from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

        self.name = f"in order x{batch}"
        self._batch = batch
        self._tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        model: Any = AutoModelForSequenceClassification
        self._model = model.from_pretrained(folder, local_files_only=True, dtype=_DTYPES[dtype]).eval()
        self._useful = self._padded = 0

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Answers:
        answers: Answers = []
        for start in range(0, len(texts), self._batch):
            inputs = self._tokenizer(list(texts[start : start + self._batch]), padding=True, return_tensors="pt")
            answers += self._model(**inputs).logits.float().softmax(-1).tolist()
            self._useful += int(inputs["attention_mask"].sum())
            self._padded += inputs["attention_mask"].numel()
        return answers

    def padding(self) -> float:
        share = self._padded / max(self._useful, 1) - 1
        self._useful = self._padded = 0
        return share


class SentenceTransformers:
    """Its `encode`, which sorts by length, too."""

    name = "sentence-transformers"

    def __init__(self, folder: str, *, batch: int, dtype: str) -> None:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]  # only who compares has it

        self._batch = batch
        self._model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": _DTYPES[dtype]})

    def __call__(self, texts: Sequence[str]) -> Answers:
        vectors: Answers = self._model.encode(list(texts), batch_size=self._batch, show_progress_bar=False).tolist()
        return vectors

    def padding(self) -> float:
        return 0.0  # it doesn't tell


Contender = Engine | InOrder | SentenceTransformers


def measure(contender: Contender, texts: Sequence[str]) -> tuple[Measured, Answers]:
    contender.padding()
    cpu, wall = time.process_time(), time.monotonic()
    answers = contender(texts)
    cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    return (
        Measured(contender.name, len(texts), cpu_s, wall_s, len(texts) / cpu_s, contender.padding()),
        answers,
    )


def compare(contenders: Sequence[Contender], texts: Sequence[str], *, rounds: int, close: float) -> list[Measured]:
    """Everybody once per round. The first's answers must be the others', text by text."""
    for contender in contenders:
        contender(texts[:4])
    runs: list[Measured] = []
    for _ in range(rounds):
        expected: Answers = []
        for contender in contenders:
            run, answers = measure(contender, texts)
            runs.append(run)
            expected = expected or answers
            difference = max(
                abs(left - right)
                for a, b in zip(expected, answers, strict=True)
                for left, right in zip(a, b, strict=True)
            )
            assert difference <= close, f"{contender.name} answers otherwise, by {difference}"
    return runs


def ratio(runs: Sequence[Measured], name: str, other: str) -> tuple[float, float, float]:
    """How many times as many texts per CPU second: median, lowest and highest of the rounds."""
    by_name: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run.texts_per_cpu_s)
    ratios = [ours / theirs for ours, theirs in zip(by_name[name], by_name[other], strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def loads(
    engine: Contender, single: Contender, texts: Sequence[str], *, rounds: int, counts: Sequence[int] = LOADS
) -> dict[int, float]:
    """The engine's texts per CPU second over one-by-one's, when so many texts come at once and the next ones only when
    these are answered (1: a single caller in a loop). Medians of the rounds."""
    found: dict[int, float] = {}
    for count in counts:
        pieces = [texts[start : start + count] for start in range(0, max(count, min(64, len(texts))), count)]
        ratios: list[float] = []
        for _ in range(rounds):
            spent = {engine: 0.0, single: 0.0}
            for piece in pieces:  # in turn, so that the machine's mood meets both
                for contender in spent:
                    start = time.process_time()
                    contender(piece)
                    spent[contender] += time.process_time() - start
            ratios.append(spent[single] / spent[engine])
        found[count] = statistics.median(ratios)
    return found


def main(
    texts: Annotated[int, typer.Option(help="texts of each run")] = 512,
    rounds: Annotated[int, typer.Option(help="interleaved rounds")] = 1,
    batch: Annotated[int, typer.Option(help="texts of the others' batches")] = 32,
    budget: Annotated[int, typer.Option(help="tokens of one of the engine's batches")] = 1024,
    layers: Annotated[int, typer.Option(help="layers of the random model")] = 4,
    hidden: Annotated[int, typer.Option(help="width of the random model, a multiple of 64")] = 256,
    dtype: Annotated[str, typer.Option(help="everybody's dtype: float32 or bfloat16")] = "float32",
    starter: Annotated[bool, typer.Option("--starter", help="the bundled sentiment model and reviews")] = False,
    with_loads: Annotated[bool, typer.Option("--loads", help="also against one-by-one under small loads")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Prints the engine's texts per CPU second and how many times those of the others they are."""
    torch.set_num_threads(1)
    binding = {"batch_tokens": budget, "dtype": dtype}
    close = CLOSE[dtype]
    told: dict[str, Any] = {}
    with ExitStack() as stack:
        load, folder = make_texts(texts), stack.enter_context(tempfile.TemporaryDirectory())
        if starter:
            from tests.bench.work import reviews

            load = reviews(texts)
            labels = str(stack.enter_context(as_file(files("storehand_plugins.starter"))) / "sentiment")
        else:
            labels = str(make_model(Path(folder, "labels"), layers=layers, hidden=hidden))
        engine = Engine(spec_of(labels, kind="classify", **binding))
        stack.callback(engine.close)
        single = InOrder(labels, batch=1, dtype=dtype)
        runs = compare([engine, single, InOrder(labels, batch=batch, dtype=dtype)], load, rounds=rounds, close=close)
        told["engine_to_one_by_one"] = ratio(runs, "engine", single.name)
        told["engine_to_arrival_order"] = ratio(runs, "engine", f"in order x{batch}")
        if with_loads:
            for count, found in loads(engine, single, make_texts(512) if not starter else load, rounds=5).items():
                told[f"at_load_{count}"] = (found, found, found)
        if starter:
            pass
        elif find_spec("sentence_transformers") is None:
            typer.echo("sentence-transformers can't be imported here: not compared", err=True)
        else:
            vectors = str(make_model(Path(folder, "vectors"), layers=layers, hidden=hidden, kind="encode"))
            embedder = Engine(spec_of(vectors, kind="encode", **binding), name="engine, vectors")
            stack.callback(embedder.close)
            other = SentenceTransformers(vectors, batch=batch, dtype=dtype)
            runs += compare([embedder, other], load, rounds=rounds, close=close)
            told["engine_to_sentence_transformers"] = ratio(runs, embedder.name, other.name)
    _tell(runs, told, as_json=as_json)


def _tell(runs: Sequence[Measured], told: dict[str, tuple[float, float, float]], *, as_json: bool) -> None:
    if as_json:
        medians = {name: found[0] for name, found in told.items()}
        typer.echo(json.dumps({"runs": [asdict(run) for run in runs], **medians, "spread": told}))
        return
    for name in dict.fromkeys(run.name for run in runs):
        own = [run for run in runs if run.name == name]
        speed = statistics.median(run.texts_per_cpu_s for run in own)
        typer.echo(f"{name:22s} {speed:8.0f} texts per CPU s   padding {own[0].padding:.2f}")
    for name, (middle, low, high) in told.items():
        typer.echo(f"{name.replace('_', ' ')}: {middle:.2f} ({low:.2f}-{high:.2f})")


if __name__ == "__main__":
    typer.run(main)
