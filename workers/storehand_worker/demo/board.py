"""What the demo knows so far: counted by the threads that wait for answers, drawn by the view, summed up at the end."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storehand_worker.demo.answers import Quality, answer_lines, asked_line
from storehand_worker.demo.shop import Asked
from storehand_worker.demo.worker import Scrape

TASKS = ("chat", "description", "copy", "sentiment", "recommendation")
NAMES: Mapping[str, str] = {
    "chat": "chat / 客服",
    "description": "description / 商品描述",
    "copy": "copy / 营销文案",
    "sentiment": "sentiment / 评价情感",
    "recommendation": "recommendation / 推荐",
}
LANGUAGES = ("en", "zh")
RECENT = 4
SERVING = "serving / 处理中"


@dataclass(frozen=True, slots=True)
class Answer:
    """An input beside its answer, short enough to look at."""

    task: str
    language: str
    asked: str
    lines: tuple[str, ...]
    latency_s: float


@dataclass(slots=True)
class Board:
    """Thread-safe through `lock`; times are on the monotonic clock. `totals` and `done` count units (single reviews,
    turns of a chat) by task; a latency is that of a job."""

    totals: Mapping[str, int]
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stage: str = "starting the worker / 正在启动工作进程"
    ready_after_s: float = 0.0
    done: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TASKS, 0))
    failures: list[str] = field(default_factory=list)
    latencies: dict[str, list[float]] = field(default_factory=lambda: {task: [] for task in TASKS})
    recent: dict[tuple[str, str], deque[Answer]] = field(default_factory=dict)
    quality: Quality = field(default_factory=Quality)
    bulk_waiting: int = 0
    overtaken: list[int] = field(default_factory=list)
    """How many bulk jobs had no answer yet, each time a chat was answered."""
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

    def answered(self, asked: Asked, output: Any, latency_s: float) -> Answer:
        """A job of the nightly run has its answer."""
        answer = Answer(asked.task, asked.language, asked_line(asked), tuple(answer_lines(output)), latency_s)
        with self.lock:
            self._add(answer, asked.units)
            self.quality.count(asked, output)
        return answer

    def replied(self, language: str, question: str, output: Any, latency_s: float) -> Answer:
        """A customer has an answer."""
        answer = Answer("chat", language, question, tuple(answer_lines(output)), latency_s)
        with self.lock:
            self._add(answer, 1)
            self.quality.count(None, output)
            self.overtaken.append(self.bulk_waiting)
        return answer

    def failed(self, job: str, code: str, message: str) -> None:
        with self.lock:
            self.failures.append(f"{job}: {code}: {message}")

    def _add(self, answer: Answer, units: int) -> None:
        self.done[answer.task] += units
        self.latencies[answer.task].append(answer.latency_s)
        self.recent.setdefault((answer.task, answer.language), deque(maxlen=RECENT)).append(answer)

    def newest(self, task: str, count: int) -> list[Answer]:
        """The last answers of each language, `count` together where there are so many."""
        found: list[Answer] = []
        for language in LANGUAGES:
            found += list(self.recent.get((task, language), ()))[-max(1, count // len(LANGUAGES)) :]
        return found


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value below which this share lies; none without values."""
    ordered = sorted(values)
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    return statistics.quantiles(ordered, n=100, method="inclusive")[round(share * 100) - 1]
