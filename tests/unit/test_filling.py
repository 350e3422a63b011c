"""Which parts make a batch: filled well, and in time."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from storehand.job import Priority
from storehand_worker.engines.filling import MARGIN, Waits, fill, fill_in_time
from storehand_worker.engines.scheduler import Part, Scheduler
from storehand_worker.engines.step_time import StepTime, padded, unpadded


class Wait(NamedTuple):
    """One part."""

    cost: int
    left_s: float = inf
    is_lower: bool = False


COSTS = st.lists(st.integers(1, 60), min_size=1, max_size=30)
WAITS = st.lists(
    st.builds(Wait, st.integers(1, 60), st.just(inf) | st.floats(0.001, 1.0), st.booleans()), min_size=1, max_size=30
).map(lambda waits: [waits[0]._replace(is_lower=False), *waits[1:]])


def columns(waits: Sequence[Wait]) -> Waits:
    return Waits(*map(list, zip(*waits, strict=True)))


def learned() -> StepTime:
    """A machine that takes 10 ms a step and 1 ms a token."""
    times = StepTime()
    for number in range(300):
        tokens, squares = padded([1 + number % 60] * (1 + number % 7))
        times.observe(tokens, squares, 0.01 + 0.001 * tokens)
    return times


TIMES = learned()


@given(COSTS, st.integers(1, 300), st.integers(1, 40))
def test_a_packed_batch_holds_the_most_urgent_part_and_no_more_than_the_budget(
    costs: list[int], budget: int, room: int
) -> None:
    chosen = fill(costs, budget=budget, room=room, packed=True)

    assert 0 in chosen
    assert len(chosen) <= room
    assert len(chosen) == 1 or sum(costs[index] for index in chosen) <= budget
    if len(chosen) < min(room, len(costs)):  # the next one in length does not fit in besides
        longest = max(cost for at, cost in enumerate(costs) if at not in chosen)
        assert sum(costs[index] for index in chosen) + longest > budget


@given(WAITS, st.integers(1, 300), st.integers(1, 40), st.booleans())
def test_a_batch_breaks_no_deadline_that_could_be_met(waits: list[Wait], budget: int, room: int, packed: bool) -> None:
    chosen = fill_in_time(columns(waits), budget=budget, room=room, times=TIMES, packed=packed)

    def seconds(*indexes: int) -> float:
        return MARGIN * TIMES.predict(*(unpadded if packed else padded)([waits[index].cost for index in indexes]))

    assert 0 in chosen
    for at in chosen:
        can_be_met = max(seconds(0), seconds(at)) <= waits[at].left_s
        assert len(chosen) == 1 or not can_be_met or seconds(*chosen) <= waits[at].left_s + 1e-9
    left_behind = [
        at
        for at, wait in enumerate(waits)
        if at not in chosen and not wait.is_lower and max(seconds(0), seconds(at)) <= wait.left_s
    ]
    for at in left_behind:  # it can still be done after this batch, or the batch holds only what is more urgent
        assert seconds(*chosen) + seconds(at) <= waits[at].left_s + 1e-9 or max(chosen) < at


def test_without_deadlines_near_a_batch_is_as_full_as_ever() -> None:
    waits = [Wait(10, left_s=60.0) for _ in range(20)]

    assert len(fill_in_time(columns(waits), budget=200, room=30, times=TIMES)) == 20


def test_a_batch_stops_where_its_earliest_deadline_would_break() -> None:
    waits = [Wait(10, left_s=0.1), *(Wait(10) for _ in range(19))]

    chosen = fill_in_time(columns(waits), budget=200, room=30, times=TIMES)

    assert len(chosen) == 7  # 1.25 x (10 ms + 70 tokens of 1 ms) are 100 ms


def test_a_deadline_that_breaks_anyhow_does_not_count() -> None:
    waits = [Wait(10, left_s=0.005), *(Wait(10) for _ in range(19))]

    assert len(fill_in_time(columns(waits), budget=200, room=30, times=TIMES)) == 20


def test_a_lower_class_does_not_make_a_batch_of_a_higher_one_smaller() -> None:
    waits = [*(Wait(10) for _ in range(19)), Wait(10, left_s=0.05, is_lower=True)]

    assert fill_in_time(columns(waits), budget=200, room=30, times=TIMES) == list(range(19))


def test_short_ones_are_not_pulled_in_front_of_a_long_one_whose_deadline_is_near() -> None:
    waits = [Wait(5), Wait(60, left_s=0.15), *(Wait(5) for _ in range(20))]

    assert fill_in_time(columns(waits), budget=110, room=30, times=TIMES) == [0]
    assert fill_in_time(columns([wait._replace(left_s=inf) for wait in waits]), budget=110, room=30, times=TIMES) != [0]


def test_a_pick_fills_in_time_once_the_steps_are_known() -> None:
    def picked(times: StepTime | None, *, extra_s: float = 0.0) -> int:
        line: Scheduler[int] = Scheduler(100)
        for number in range(20):
            deadline = None if number else 5.105
            line.push(f"{number}", [Part(number, 10)], priority=Priority.STANDARD, now=0, deadline=deadline)
        return len(line.pick(5.0, room=32, budget=200, times=times, extra_s=extra_s).items)

    assert picked(None) == picked(StepTime()) == 20
    assert picked(TIMES) == 7
    assert picked(TIMES, extra_s=0.05) == 3
