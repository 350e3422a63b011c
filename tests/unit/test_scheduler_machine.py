"""The scheduler against a model of a few lists: whatever is pushed, dropped and picked, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storehand.errors import Overloaded
from storehand.job import Priority
from storehand_worker.engines.fair import QUANTUM
from storehand_worker.engines.scheduler import AGEING_S, PATIENCE_S, Part, Scheduler

MAX_WAITING, MAX_TOKENS = 30, 60_000
COSTS = st.sampled_from([1, 7, 60, 900, 3000])


@dataclass
class Waiting:
    """A request as the model sees it; `parts` are the costs of those that wait, by their place."""

    key: str
    parts: dict[int, int]
    priority: Priority
    deadline: float | None
    share: str
    due: float

    @property
    def tokens(self) -> int:
        return sum(self.parts.values())


@dataclass
class Class:
    """Tokens served per share, and in every round up to QUANTUM above the floor."""

    floor: int = 0
    served: dict[str, int] = field(default_factory=dict)


class Model:
    """All in plain lists, by the words of `fair`."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self.classes = {priority: Class() for priority in Priority}

    def of(self, priority: Priority) -> list[Waiting]:
        return [each for each in self.waiting if each.priority is priority]

    def shares(self, priority: Priority) -> set[str]:
        return {each.share for each in self.of(priority)}

    def push(self, request: Waiting) -> None:
        each = self.classes[request.priority]
        each.served[request.share] = max(each.served.get(request.share, 0), each.floor)
        self.waiting.append(request)

    def remove(self, key: str, places: list[int]) -> None:
        [request] = [each for each in self.waiting if each.key == key]
        for place in places:
            del request.parts[place]
        if not request.parts:
            self.waiting.remove(request)
        if not self.of(request.priority):
            self.classes[request.priority] = Class()

    def take(self, items: list[tuple[str, int]]) -> None:
        for key, group in groupby(items, key=lambda item: item[0]):
            places = [place for _, place in group]
            [request] = [each for each in self.waiting if each.key == key]
            if len(self.shares(request.priority)) > 1:
                tokens = sum(request.parts[place] for place in places)
                self.classes[request.priority].served[request.share] += tokens
            self.remove(key, places)

    def first(self, *, shared: bool) -> Waiting | None:
        """Whose turn it is; begins the rounds that are due."""
        heads = []
        for priority in (*Priority,) if shared else (Priority.INTERACTIVE,):
            waiting = self.of(priority)
            if waiting and len(self.shares(priority)) > 1:
                each = self.classes[priority]
                if all(each.served[request.share] >= each.floor + QUANTUM for request in waiting):
                    each.floor = min(each.served[request.share] for request in waiting)
                waiting = [request for request in waiting if each.served[request.share] < each.floor + QUANTUM]
            heads += sorted(waiting, key=lambda request: request.due)[:1]
        return min(heads, key=lambda request: request.due, default=None)


class Picking(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.line: Scheduler[tuple[str, int]] = Scheduler(MAX_WAITING, MAX_TOKENS)
        self.model = Model()
        self.now = 0.0
        self.number = 0

    @rule(
        costs=st.lists(COSTS, min_size=1, max_size=6),
        priority=st.sampled_from(Priority),
        patience=st.none() | st.floats(0.5, 60),
        share=st.sampled_from("abc"),
    )
    def push(self, costs: list[int], priority: Priority, patience: float | None, share: str) -> None:
        self.number += 1
        key = f"{self.number}"
        deadline = None if patience is None else self.now + patience
        due = AGEING_S[priority] + min(self.now + PATIENCE_S, deadline or self.now + PATIENCE_S)
        request = Waiting(key, dict(enumerate(costs)), priority, deadline, share, due)
        parts = [Part((key, place), cost - cost // 3, cost // 3) for place, cost in enumerate(costs)]

        def put() -> None:
            self.line.push(key, parts, priority=priority, now=self.now, deadline=deadline, share=share)

        tokens = sum(each.tokens for each in self.model.waiting)
        if self.model.waiting and (len(self.model.waiting) >= MAX_WAITING or tokens + sum(costs) > MAX_TOKENS):
            with pytest.raises(Overloaded):
                put()
        else:
            put()
            self.model.push(request)

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([each.key for each in self.model.waiting] or ["none"]))
        places = [place for each in self.model.waiting if each.key == key for place in each.parts]

        assert self.line.drop(key) == [(key, place) for place in places]

        if places:
            self.model.remove(key, places)

    @rule()
    def pick_one(self) -> None:
        """The order is the model's, part for part."""
        self.expire()
        first = self.model.first(shared=True)

        items = self.line.pick(self.now, room=1, budget=100).items

        assert items == ([] if first is None else [(first.key, min(first.parts))])
        self.model.take(items)

    @rule(
        room=st.integers(0, 9), budget=st.sampled_from([10, 200, 4000]), shared_room=st.none() | st.integers(0, 9),
        window=st.none() | st.integers(1, 40), packed=st.booleans(),
    )  # fmt: skip
    def pick_batch(self, room: int, budget: int, shared_room: int | None, window: int | None, packed: bool) -> None:
        self.expire()
        shared = room if shared_room is None else shared_room
        first = self.model.first(shared=shared > 0) if room else None

        items = self.line.pick(
            self.now, room=room, budget=budget, shared_room=shared_room, window=window, packed=packed
        ).items

        waiting = {(each.key, place): each for each in self.model.waiting for place in each.parts}
        costs = [waiting[item].parts[item[1]] - waiting[item].parts[item[1]] // 3 for item in items]
        assert len(set(items)) == len(items) <= room
        assert len(items) <= 1 or (sum(costs) if packed else len(costs) * max(costs)) <= budget
        lower = [item for item in items if waiting[item].priority is not Priority.INTERACTIVE]
        assert shared_room is None or len(lower) <= shared
        assert bool(items) == (first is not None)  # work goes on while there is some
        if len({each.share for each in self.model.waiting}) == 1 and first is not None:
            assert (first.key, min(first.parts)) in items
        self.model.take(items)

    def expire(self) -> None:
        """What is over before the pick is never computed."""
        over = [each for each in self.model.waiting if each.deadline is not None and each.deadline <= self.now]
        expected = sorted((each.key, place) for each in over for place in each.parts)
        for each in over:
            self.model.remove(each.key, list(each.parts))

        pick = self.line.pick(self.now, room=0, budget=100)

        assert (pick.items, sorted(pick.expired)) == ([], expected)

    @invariant()
    def the_counts_agree(self) -> None:
        waiting = self.model.waiting
        assert len(self.line) == len(waiting)
        assert self.line.tokens == sum(each.tokens for each in waiting)
        assert self.line.parts() == sum(len(each.parts) for each in waiting)
        for each in waiting:
            assert self.line.count(each.key) == len(each.parts)

    def teardown(self) -> None:
        """Nothing stays behind."""
        self.expire()
        while first := self.model.first(shared=True):
            items = self.line.pick(self.now, room=1, budget=100).items
            assert items == [(first.key, min(first.parts))]
            self.model.take(items)
        assert len(self.line) == self.line.tokens == 0


TestPicking = Picking.TestCase
TestPicking.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
