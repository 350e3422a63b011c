"""One job of a bulk run before it is submitted, and the key by which it is found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storehand.bulk.rows import Problem
from storehand.contracts.base import TaskInput

SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Unit:
    """`row` is the number of its first row, `rows` counts them, `cells` are the first row's, of a conversation the last
    one's. `digest` stands for what is asked: equal rows have equal digests, share one job and get the same answer."""

    row: int
    rows: int
    id: str | None
    input: TaskInput[Any]
    digest: bytes
    cells: Mapping[str, Any]
    tries: int = 0

    def key(self, run: str) -> str:
        """The idempotency key: the same in every process that works on this run."""
        again = f"/{self.tries}" if self.tries else ""
        return f"bulk/{run}/{self.digest.hex()}{again}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that has its texts already and goes into the output as it is."""

    row: int
    cells: Mapping[str, Any]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that make no job. `row` and `line` are those of the first, `cells` as they were read."""

    row: int
    line: int | None
    id: str | None
    problems: tuple[Problem, ...]
    cells: Mapping[str, Any]


def digest_of(own_id: str | None, data: Mapping[str, Any]) -> bytes:
    """16 bytes of SHA-256 over the row's id and the mapped input, before the contract fills in defaults: a newer
    contract with more defaults must not make old rows look new."""
    text = json.dumps([own_id, data], ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def seed_of(data: Mapping[str, Any], base: int) -> int:
    """A seed that follows from the content: the same row gets the same text on every machine and in every run; another
    `base` gives other texts."""
    text = json.dumps([base, data], ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big") % SEEDS
