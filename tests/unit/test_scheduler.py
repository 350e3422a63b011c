"""The scheduler: order, limits and cost of picking, as a pure data structure."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand.errors import Overloaded
from storehand.job import Priority
from storehand_worker.engines.scheduler import AGEING_S, PATIENCE_S, Part, Scheduler, fill, room_to_share
from tests.bench.lane import time_picks

COSTS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


def push(
    line: Scheduler[str], name: str, *, priority: Priority = Priority.STANDARD, now: float = 0.0, cost: int = 1,
    deadline: float | None = None,
) -> None:  # fmt: skip
    line.push(name, [Part(name, cost)], priority=priority, now=now, deadline=deadline)


def pick_all(line: Scheduler[str], now: float = 0.0) -> list[str]:
    found = []
    while items := line.pick(now, room=1, budget=1000).items:
        found += items
    return found


def test_an_interactive_request_passes_everything_of_a_lower_class() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "bulk", priority=Priority.BULK, now=0)
    push(line, "standard", priority=Priority.STANDARD, now=1)
    push(line, "interactive", priority=Priority.INTERACTIVE, now=2)

    assert pick_all(line) == ["interactive", "standard", "bulk"]


def test_the_earlier_deadline_goes_first_within_a_class() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "none", now=0)
    push(line, "late", now=0, deadline=8)
    push(line, "soon", now=1, deadline=3)

    assert pick_all(line, now=1) == ["soon", "late", "none"]


def test_requests_without_deadline_go_in_the_order_they_came() -> None:
    line: Scheduler[str] = Scheduler(10)
    for number in range(5):
        push(line, f"{number}", now=number)

    assert pick_all(line) == ["0", "1", "2", "3", "4"]


def test_a_bulk_request_that_waited_for_its_ageing_is_passed_by_no_newcomer() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "old bulk", priority=Priority.BULK, now=0)
    later = AGEING_S[Priority.BULK] + PATIENCE_S + 1
    push(line, "new chat", priority=Priority.INTERACTIVE, now=later, deadline=later + 0.1)

    assert pick_all(line, now=later) == ["old bulk", "new chat"]


def test_a_request_whose_deadline_passed_while_waiting_is_expired_not_picked() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "overdue", deadline=5)
    push(line, "alive")

    pick = line.pick(5, room=10, budget=100)

    assert (pick.items, pick.expired, len(line)) == (["alive"], ["overdue"], 0)


def test_a_full_line_says_overloaded_and_takes_again_after_a_pick() -> None:
    line: Scheduler[str] = Scheduler(2)
    push(line, "a")
    push(line, "b")

    with pytest.raises(Overloaded):
        push(line, "c")
    line.pick(0, room=1, budget=100)
    push(line, "c")

    assert len(line) == 2


def test_a_request_of_many_parts_counts_once_towards_the_limit() -> None:
    line: Scheduler[str] = Scheduler(1)

    line.push("many", [Part(f"{number}", 1) for number in range(9)], priority=Priority.BULK, now=0)

    assert (len(line), line.parts(), line.parts(Priority.BULK)) == (1, 9, 9)


def test_a_dropped_request_takes_all_its_waiting_parts_along() -> None:
    line: Scheduler[str] = Scheduler(10)
    line.push("job", [Part("x", 1), Part("y", 1), Part("z", 1)], priority=Priority.STANDARD, now=0)
    line.pick(0, room=1, budget=100)

    assert line.drop("job") == ["y", "z"]
    assert (len(line), line.parts(), line.drop("job"), line.drop("unknown")) == (0, 0, [], [])


def test_lower_classes_leave_the_reserved_room_to_interactive() -> None:
    line: Scheduler[str] = Scheduler(10)
    for number in range(4):
        push(line, f"bulk {number}", priority=Priority.BULK)
    push(line, "chat", priority=Priority.INTERACTIVE)

    pick = line.pick(0, room=4, shared_room=2, budget=100)

    assert sorted(pick.items) == ["bulk 0", "chat"]


def test_places_stay_free_for_the_next_interactive_however_many_are_at_work_but_half_is_never_closed() -> None:
    def room(*, running: int, shared: int, reserved: int = 4) -> int:
        return room_to_share(capacity=32, running=running, shared=shared, reserved=reserved)

    assert room(running=0, shared=0) == 28
    assert room(running=10, shared=0) == 18  # ten interactive at work: four stay free beyond them
    assert room(running=28, shared=20) == 0
    assert room(running=30, shared=10) == 2  # much chat: the others may still take what is free of their half
    assert room(running=32, shared=0) == 0
    assert room(running=0, shared=0, reserved=32) == 0


def test_no_room_picks_nothing_but_still_expires() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "overdue", deadline=1)
    push(line, "alive")

    pick = line.pick(2, room=0, budget=100)

    assert (pick.items, pick.expired, len(line)) == ([], ["overdue"], 1)


def test_a_part_over_the_budget_goes_alone() -> None:
    line: Scheduler[str] = Scheduler(10)
    push(line, "huge", cost=500)
    push(line, "small", now=1, cost=5)

    assert line.pick(1, room=8, budget=100).items == ["huge"]
    assert line.pick(1, room=8, budget=100).items == ["small"]


def test_a_batch_is_filled_with_parts_of_like_length() -> None:
    line: Scheduler[str] = Scheduler(100)
    push(line, "head", cost=10)
    for number in range(8):
        push(line, f"long {number}", now=1, cost=90)
        push(line, f"like {number}", now=2, cost=9)

    items = line.pick(2, room=50, budget=100, window=50).items

    assert items == ["head", *(f"like {number}" for number in range(8))]


def test_what_is_dropped_leaves_memory_though_its_deadline_is_far() -> None:
    class Thing:
        pass

    line: Scheduler[Thing] = Scheduler(10)
    things = []
    for number in range(500):
        thing = Thing()
        things.append(weakref.ref(thing))
        line.push(f"{number}", [Part(thing, 1)], priority=Priority.BULK, now=0, deadline=1e9)
        del thing
        line.drop(f"{number}")

    assert sum(thing() is not None for thing in things) < 100


@given(COSTS, st.integers(1, 200), st.integers(1, 40))
def test_a_batch_holds_the_most_urgent_part_and_fits_the_rectangle(costs: list[int], budget: int, room: int) -> None:
    chosen = fill(costs, budget=budget, room=room)

    assert 0 in chosen
    assert len(chosen) <= room
    assert len(chosen) == 1 or max(costs[index] for index in chosen) * len(chosen) <= budget


@given(COSTS, st.integers(1, 200))
def test_a_batch_is_never_worse_than_the_best_run_of_neighbours(costs: list[int], budget: int) -> None:
    order = sorted(range(len(costs)), key=lambda index: (costs[index], index))
    head = order.index(0)
    runs = [order[low:high] for low in range(head + 1) for high in range(head + 1, len(order) + 1)]
    fitting = [run for run in runs if costs[run[-1]] * len(run) <= budget]
    best = max((sum(costs[index] for index in run) for run in fitting), default=costs[0])

    assert sum(costs[index] for index in fill(costs, budget=budget, room=len(costs))) >= best


ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(list(Priority)),
        st.floats(0, 500),  # arrival
        st.none() | st.floats(0.1, 1000),  # time to its deadline
        st.integers(1, 40),  # parts
    ),
    max_size=25,
)


@given(ARRIVALS, st.integers(1, 9), st.integers(0, 9), st.integers(1, 400), st.sets(st.integers(0, 24)))
def test_every_part_leaves_exactly_once_and_never_after_its_deadline(
    arrivals: list[tuple[Priority, float, float | None, int]], room: int, shared_room: int, budget: int, drops: set[int]
) -> None:
    line: Scheduler[tuple[int, int]] = Scheduler(100)
    expected = set()
    for number, (priority, at, patience, parts) in enumerate(arrivals):
        deadline = None if patience is None else at + patience
        items = [Part((number, part), 1 + part % 7) for part in range(parts)]
        line.push(f"{number}", items, priority=priority, now=at, deadline=deadline)
        expected |= {part.item for part in items}

    left = [item for number in drops for item in line.drop(f"{number}")]
    now = 250.0
    while len(line):
        pick = line.pick(now, room=room, shared_room=max(shared_room, 1), budget=budget)
        lower = [number for number, _ in pick.items if arrivals[number][0] is not Priority.INTERACTIVE]
        assert len(lower) <= max(shared_room, 1)
        for number, _ in pick.items:
            _, at, patience, _ = arrivals[number]
            assert patience is None or at + patience > now
        left += pick.items + pick.expired
        now += 1

    assert sorted(left) == sorted(expected)


@given(ARRIVALS)
def test_nobody_passes_a_request_that_has_waited_longer_than_its_ageing(
    arrivals: list[tuple[Priority, float, float | None, int]],
) -> None:
    line: Scheduler[str] = Scheduler(100)
    for number, (priority, at, patience, _) in enumerate(arrivals):
        push(line, f"{number}", priority=priority, now=at, deadline=None if patience is None else at + patience)

    order = [int(name) for name in pick_all(line, now=-1.0)]

    for index, first in enumerate(order):
        for second in order[index + 1 :]:  # `first` went before `second`
            priority, at, _, _ = arrivals[second]
            assert arrivals[first][1] <= at + AGEING_S[priority] + PATIENCE_S


def test_a_line_full_by_tokens_says_overloaded_and_what_is_over_them_alone_gets_in_alone() -> None:
    line: Scheduler[str] = Scheduler(10, max_tokens=100)
    line.push("a", [Part("a", 30, later=30)], priority=Priority.STANDARD, now=0)

    with pytest.raises(Overloaded) as raised:
        push(line, "b", cost=41)
    assert raised.value.details == {"waiting_tokens": 60, "tokens": 41, "max_waiting_tokens": 100}
    push(line, "c", cost=40)
    assert (line.tokens, len(line)) == (100, 2)
    line.drop("a")
    line.drop("c")
    push(line, "huge", cost=1000)

    assert (line.tokens, len(line)) == (1000, 1)


@pytest.mark.parametrize(("window", "most_ms"), [(32, 2), (256, 4)])
@pytest.mark.parametrize("tenants", [1, 2, 500, 10_000])
def test_a_pick_from_ten_thousand_waiting_takes_about_a_millisecond(tenants: int, window: int, most_ms: int) -> None:
    """Measured by `python -m tests.bench.lane`; here medians, generous bounds, and more chances on a busy machine."""
    runs = (time_picks(10_000, tenants=tenants, window=window, picks=30) for _ in range(5))

    assert any(run.p50_ms < most_ms for run in runs)
