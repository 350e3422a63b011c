"""Fair shares: tokens, not requests, are divided among the tasks and tenants of a class; and nobody starves."""

from __future__ import annotations

import random
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from storehand.job import Priority
from storehand_worker.engines.fair import JOINERS, QUANTUM
from storehand_worker.engines.scheduler import Part, Scheduler

Named = Scheduler[tuple[str, int]]
"""Items are the share's name and the part's tokens."""


def push(
    line: Named, share: str, *costs: int, now: float = 0.0, deadline: float | None = None, later: int = 0,
    priority: Priority = Priority.STANDARD, numbers: count[int] = count(),  # noqa: B008  # one count for all
) -> None:  # fmt: skip
    parts = [Part((share, cost + later), cost, later) for cost in costs]
    line.push(f"{share}-{next(numbers)}", parts, priority=priority, now=now, deadline=deadline, share=share)


def tokens_until(line: Named, share: str, *, now: float = 0.0, most: int = 2000) -> int:
    """What others get before the first part of this share leaves, one part at a time."""
    passed = 0
    for _ in range(most):
        [(name, cost)] = line.pick(now, room=1, budget=64).items
        if name == share:
            return passed
        passed += cost
    raise AssertionError(f"{share} waits behind more than {most} parts")


@settings(deadline=None, max_examples=25)
@given(
    costs=st.lists(st.sampled_from([(1, 9), (60, 99), (5, 200), (200, 200)]), min_size=2, max_size=4),
    budget=st.sampled_from([1, 256, 600]),
    room=st.integers(1, 40),
    window=st.sampled_from([None, 64]),
    packed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_shares_that_all_wait_get_equal_tokens_whatever_they_push(
    costs: list[tuple[int, int]], budget: int, room: int, window: int | None, packed: bool, seed: int
) -> None:
    dice = random.Random(seed)
    line: Named = Scheduler(10_000)
    served = {f"{number}": 0 for number in range(len(costs))}
    waiting = dict(served)
    bound = 2 * (QUANTUM + 2 * budget + max(high for _, high in costs))
    for _ in range(120):
        for share, (low, high) in zip(served, costs, strict=True):
            while waiting[share] < bound:
                parts = [dice.randint(low, high) for _ in range(dice.randint(1, 40))]
                waiting[share] += sum(parts)
                push(line, share, *parts, deadline=dice.choice([None, dice.random() * 9]))
        for share, cost in line.pick(-1.0, room=room, budget=budget, window=window, packed=packed).items:
            served[share] += cost
            waiting[share] -= cost
        assert max(served.values()) - min(served.values()) <= bound


def test_a_thousand_requests_of_one_tenant_do_not_hold_up_the_one_of_another() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(1000):
        push(line, "many", 50)
    push(line, "one", 300, now=5)

    assert tokens_until(line, "one") <= QUANTUM + 50


def test_who_waits_alone_runs_up_no_debt() -> None:
    line: Named = Scheduler(10_000)
    for number in range(1000):
        push(line, "many", 50, now=number / 1000)
    for _ in range(900):
        line.pick(1, room=1, budget=64)
    for _ in range(200):
        push(line, "newcomer", 50, now=2)

    assert tokens_until(line, "many") == 0


def test_who_was_away_has_no_credit() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(2000):
        push(line, "a", 50)
        push(line, "b", 50)
    for _ in range(1000):
        line.pick(0, room=1, budget=64)
    for _ in range(1000):
        push(line, "c", 50, deadline=1)  # more urgent, and never served before

    assert tokens_until(line, "a") + tokens_until(line, "b") <= 3 * (QUANTUM + 50)


def test_who_comes_back_in_a_round_finds_what_it_had_counted() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(1000):
        push(line, "many", 50)
    chosen: list[str] = []
    for _ in range(300):
        if not chosen or chosen[-1] == "one":
            push(line, "one", 50, deadline=1)  # always the most urgent, never more than one at a time
        chosen += [name for name, _ in line.pick(0, room=1, budget=64).items]

    assert 100 <= chosen.count("many") <= 200


def test_newcomers_without_end_starve_nobody() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(200):
        push(line, "old", 100)
    names: list[str] = []
    for number in range(4 * JOINERS):
        push(line, f"new {number}", 100, deadline=1)
        names += [name for name, _ in line.pick(0, room=1, budget=128).items]

    turns = [at for at, name in enumerate(names) if name == "old"]
    assert max(later - at for at, later in zip([0, *turns], [*turns, len(names)], strict=True)) < 2 * JOINERS


def test_the_earlier_deadline_goes_first_across_shares_inside_a_round() -> None:
    line: Named = Scheduler(10)
    push(line, "late", 9, deadline=8)
    push(line, "soon", 9, deadline=3)
    push(line, "never", 9)

    assert [line.pick(0, room=1, budget=64).items[0][0] for _ in range(3)] == ["soon", "late", "never"]


def test_what_a_text_may_still_write_counts_for_its_share() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(200):
        push(line, "short", 10, later=10)
        push(line, "long", 10, later=90)
    names = [line.pick(0, room=1, budget=64).items[0][0] for _ in range(200)]

    assert 3 < names.count("short") / names.count("long") < 7


def test_a_batch_is_filled_by_others_when_the_round_has_too_little() -> None:
    line: Named = Scheduler(10_000)
    for _ in range(200):
        push(line, "many", 50)
    for _ in range(10):
        push(line, "few", 50)
    for _ in range(5):
        assert len(line.pick(0, room=8, budget=400).items) == 8
    for _ in range(10):
        push(line, "few", 50, deadline=1)

    assert all(len(line.pick(0, room=8, budget=400).items) == 8 for _ in range(20))
