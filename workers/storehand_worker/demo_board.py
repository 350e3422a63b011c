"""What the demo knows so far: counted by the threads that wait for answers, drawn by the view, summed up at the end."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from storehand.contracts import DescriptionInput, DescriptionOutput, SentimentOutput
from storehand_worker.demo_data import ReviewGroup
from storehand_worker.demo_worker import Scrape

Kind = Literal["description", "sentiment"]
KINDS: tuple[Kind, ...] = ("description", "sentiment")
LANGUAGES = ("en", "zh")
RECENT = 4
SERVING = "serving / 处理中"


@dataclass(frozen=True, slots=True)
class Answer:
    """An input beside its answer, short enough to look at."""

    kind: Kind
    language: str
    asked: str
    answered: str
    latency_s: float


@dataclass(slots=True)
class Board:
    """Thread-safe through `lock`; times are on the monotonic clock."""

    products: int
    reviews: int
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stage: str = "starting the worker / 正在启动工作进程"
    ready_after_s: float = 0.0
    described: int = 0
    rated: int = 0
    failures: list[str] = field(default_factory=list)
    latencies: dict[Kind, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    recent: dict[tuple[Kind, str], deque[Answer]] = field(default_factory=dict)
    coverage: list[float] = field(default_factory=list)
    invented_numbers: int = 0
    by_model: int = 0
    judged: int = 0
    judged_right: int = 0
    streamed_for: str = ""
    streamed: str = ""
    scrape: Scrape = field(default_factory=lambda: Scrape(""))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def elapsed_s(self) -> float:
        return (self.ended or time.monotonic()) - self.began

    def start(self) -> None:
        """The jobs go out now."""
        self.began, self.stage = time.monotonic(), SERVING

    def end(self) -> None:
        self.ended, self.stage = time.monotonic(), "done / 完成"

    def described_one(self, asked: DescriptionInput, output: DescriptionOutput, latency_s: float) -> Answer:
        best = output.best
        answer = Answer("description", output.locale.split("-")[0], fact_line(asked), best.description, latency_s)
        with self.lock:
            self._add(answer)
            self.described += 1
            self.coverage.append(best.attribute_coverage)
            self.invented_numbers += sum(claim.kind in ("number", "unit") for claim in best.unsupported_claims)
            self.by_model += best.written_by == "model"
        return answer

    def rated_group(self, group: ReviewGroup, output: SentimentOutput, latency_s: float) -> Answer:
        labels = {review.id: review.label for review in output.reviews}
        answer = Answer("sentiment", group.language, quoted(group), verdict(output), latency_s)
        with self.lock:
            self._add(answer)
            self.rated += len(output.reviews)
            self.judged += len(group.gold)
            self.judged_right += sum(labels.get(id_) == gold for id_, gold in group.gold.items())
        return answer

    def failed(self, job: str, code: str, message: str) -> None:
        with self.lock:
            self.failures.append(f"{job}: {code}: {message}")

    def _add(self, answer: Answer) -> None:
        self.latencies[answer.kind].append(answer.latency_s)
        self.recent.setdefault((answer.kind, answer.language), deque(maxlen=RECENT)).append(answer)

    def newest(self, kind: Kind, count: int) -> list[Answer]:
        """The last answers of each language, `count` together where there are so many."""
        found: list[Answer] = []
        for language in LANGUAGES:
            found += list(self.recent.get((kind, language), ()))[-max(1, count // len(LANGUAGES)) :]
        return found


def fact_line(asked: DescriptionInput) -> str:
    """A product's facts on one line."""
    product = asked.product
    named = [product.brand, product.color, product.material, product.size]
    facts = [fact for fact in named if fact]
    facts += [
        each.name if each.value == "true" else f"{each.name} {each.value}{each.unit_code or ''}"
        for each in product.additional_property
    ]
    between = "，" if product.language == "zh" else ", "
    return between.join([product.name, *facts, *product.positive_notes])


def quoted(group: ReviewGroup) -> str:
    """A product's name and the first of its reviews."""
    first = group.input.reviews[0].review_body
    return f"{group.product} ({len(group.input.reviews)}): {first}"


def verdict(output: SentimentOutput) -> str:
    """What all reviews of a job come to, on one line."""
    counts = output.overall.distribution
    shares = " ".join(f"{sign}{counts.get(label, 0)}" for sign, label in _SIGNS)
    points = [f"+ {note.point}" for note in output.positive_notes[:2]]
    points += [f"- {note.point}" for note in output.negative_notes[:2]]
    return f"{output.overall.label} {output.overall.score:+.2f} [{shares}] {'; '.join(points)}".strip()


_SIGNS: Sequence[tuple[str, Any]] = (("↑", "positive"), ("→", "neutral"), ("↓", "negative"))


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value below which this share lies; none without values."""
    ordered = sorted(values)
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    return statistics.quantiles(ordered, n=100, method="inclusive")[round(share * 100) - 1]
