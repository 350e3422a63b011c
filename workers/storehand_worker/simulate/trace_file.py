"""Traffic from a CSV file, told by its header: AzureLLMInferenceTrace, BurstGPT, or a plain list of times."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from storehand.errors import InvalidInput
from storehand.job import Priority
from storehand_worker.simulate.generators import CHAT_S
from storehand_worker.simulate.traffic import Ask, Traffic

READ_PER_S, WRITTEN_PER_S = 4000.0, 33.0
"""Tokens of a prompt read, and of an answer written, by a worker that has nothing else to do (kind `text`)."""

TIMES = ("at", "timestamp", "time", "arrived_at")
PROMPT = ("contexttokens", "request tokens", "prompt_tokens", "input_tokens")
ANSWER = ("generatedtokens", "response tokens", "completion_tokens", "output_tokens")


def read_trace(file: Path, *, size: float = 1.0, priority: Priority = Priority.INTERACTIVE) -> Traffic:
    """Jobs at the times of the column `at`, `timestamp` or `TIMESTAMP` (seconds or ISO), which need not be in order.

    How long a job takes alone is read from `service_s`, else from the tokens of prompt and answer, else it is a chat's
    6 s; all but `service_s` are multiplied by `size`. Columns `priority` and `task` may say what it is. InvalidInput
    names the file and line of what can't be read; a row without an answer (BurstGPT's failed calls) is left out.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            asks = sorted(_asks(file, csv.DictReader(lines), size, priority), key=lambda ask: ask.at_s)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"can't read {file}: {error}") from None
    if not asks:
        raise InvalidInput(f"{file} has no rows")
    first_s = asks[0].at_s
    moved = [Ask(ask.at_s - first_s, ask.priority, ask.work_s, ask.task) for ask in asks]
    return Traffic(file.stem, moved, moved[-1].at_s)


def _asks(file: Path, rows: csv.DictReader[str], size: float, priority: Priority) -> Iterator[Ask]:
    names = {name.strip().lower(): name for name in rows.fieldnames or ()}
    at = next((names[name] for name in TIMES if name in names), None)
    if at is None:
        raise InvalidInput(f"{file} has no column of times; it needs one of {', '.join(TIMES)}")
    for row in rows:
        try:
            work_s = _work_s(row, names, size)
            if work_s > 0:
                yield Ask(
                    _seconds(row[at]),
                    Priority(row[names["priority"]].strip()) if "priority" in names else priority,
                    work_s,
                    row[names["task"]].strip() if "task" in names else "job",
                )
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidInput(f"{file}, line {rows.line_num}: {error}") from None


def _work_s(row: Mapping[str, str], names: Mapping[str, str], size: float) -> float:
    if "service_s" in names:
        return float(row[names["service_s"]])
    answer = next((names[name] for name in ANSWER if name in names), None)
    if answer is None:
        return CHAT_S * size
    written = float(row[answer])
    prompt = next((names[name] for name in PROMPT if name in names), None)
    read = float(row[prompt]) if prompt else 0.0
    return (read / READ_PER_S + written / WRITTEN_PER_S) * size if written else 0.0


def _seconds(text: str) -> float:
    try:
        at_s = float(text)
    except ValueError:
        said = datetime.fromisoformat(_microseconds(text.strip()))
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(at_s):  # the simulation would never end
        raise ValueError(f"{text!r} is no time")
    return at_s


def _microseconds(text: str) -> str:
    """Azure writes seven digits of a second; Python reads six of them."""
    head, dot, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}{dot}{tail[:digits][:6]}{tail[digits:]}" if dot else text
