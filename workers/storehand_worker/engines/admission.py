"""Who leaves the lane for a slot: as many as there is room for, and as their prompts cost."""

from __future__ import annotations

from collections.abc import Sequence

from storehand.job import Priority
from storehand_worker.engines.base import fail_overdue
from storehand_worker.engines.lane import Lane, now
from storehand_worker.engines.prefix import Prefixes
from storehand_worker.engines.row import Row
from storehand_worker.engines.scheduler import room_to_share
from storehand_worker.engines.step_time import StepTime


class Admission:
    """`reserved` of the `capacity` slots are kept free for the next interactive request."""

    def __init__(self, lane: Lane[Row], prefixes: Prefixes, *, capacity: int, reserved: int) -> None:
        self._lane = lane
        self._prefixes = prefixes
        self._capacity = capacity
        self._reserved = reserved
        self.times = StepTime()  # of prompts, as the engine observes them

    def admit(self, running: Sequence[Row], budget: int) -> list[Row]:
        """Rows whose prompts have `budget` tokens to compute, about: what is known already costs nothing, so more
        prompts fit then."""
        new: list[Row] = []
        left = budget
        while left and (picked := self._pick([*running, *new], left)):
            new += picked
            saved = sum(row.known for row in picked)
            left = saved if saved >= max(len(row.prompt) for row in picked) else 0
        return new

    def _pick(self, running: Sequence[Row], budget: int) -> list[Row]:
        room = self._capacity - len(running)
        if not room or not self._lane.waiting:
            return []
        shared = sum(row.call.request.priority is not Priority.INTERACTIVE for row in running)
        shared_room = room_to_share(
            capacity=self._capacity, running=len(running), shared=shared, reserved=self._reserved
        )
        at = now()
        pick = self._lane.pick(
            lambda line: line.pick(at, room=room, budget=budget, shared_room=shared_room, times=self.times)
        )
        fail_overdue(row.call for row in pick.expired)
        rows = [row for row in pick.items if not row.call.is_done]
        for row in rows:
            row.call.schedule(at)
            row.places = self._prefixes.find(row.prompt)
        return rows
