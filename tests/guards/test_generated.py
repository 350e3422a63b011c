"""Thousands of malformed messages: the worker lives, and each is a job that ended or a dead letter, once."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from storehand import Client
from storehand.job import TERMINAL
from tests.guards.generated import wires
from tests.guards.wire import Line, RedisLine, Wire
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import WorkerProcess
from tests.waiting import until


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_whatever_comes_is_accounted_for_and_the_next_job_is_answered(
    count: int, broker: str, line: Line, client: Client, worker: WorkerProcess
) -> None:
    numbers = itertools.count()
    sent: dict[str, Wire] = {}
    letters_before = client.store.stats().dead_letters

    @settings(
        max_examples=count, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(wires(lambda: f"mark{count}x{next(numbers)}x"))
    def send(made: tuple[str, Wire]) -> None:
        mark, wire = made
        if wire.item is not None and not isinstance(line, RedisLine):
            return
        if line.put(wire):
            sent[mark] = wire

    send()

    answer = client.submit(ProbeInput(text="next")).result(timeout=60 + count / 20)
    assert answer.text == "next"
    until(lambda: line.left() == 0, timeout_s=60 + count / 20, every_s=0.2)
    assert len(sent) > count * 0.5  # items of Redis are for Redis only
    missing = until(lambda: _Unaccounted(client, sent).are_none, timeout_s=60, every_s=1)
    assert missing
    assert worker.exit_code() is None
    assert worker.log_text().count("can't be laid aside") == 0
    assert client.store.stats().dead_letters - letters_before <= len(sent), "some came again"


class _Unaccounted:
    """Marks of which neither a row that ended nor a dead letter knows; its repr is for the test's message."""

    def __init__(self, client: Client, sent: dict[str, Wire]) -> None:
        letters = client.store.dead_letters(100_000)
        texts = "\n".join(f"{letter.job_id} {letter.body}" for letter in letters)
        rows = client.store.find(statuses=TERMINAL, limit=100_000)
        known = texts + "\n".join(f"{row.id} {row.input}" for row in rows)
        self.left = [repr(wire)[:500] for mark, wire in sent.items() if mark not in known]
        self.twice = [key for key, found in Counter(letter.job_id for letter in letters).items() if key and found > 1]

    @property
    def are_none(self) -> Any:
        assert not self.twice, f"laid aside more than once: {self.twice[:5]}"
        return not self.left or self._complain()

    def _complain(self) -> bool:
        print(f"{len(self.left)} not accounted for yet, the first:", *self.left[:5], sep="\n")
        return False
