"""Which of the most urgent parts make the next batch: neighbours in length that use it best and are done in time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import NamedTuple

from storehand_worker.engines.step_time import StepTime, padded, unpadded

MARGIN = 1.25
"""A step may take so much longer than predicted without breaking a deadline."""


class Wait(NamedTuple):
    """What filling knows of a part: its tokens, the seconds to its deadline, and whether its class is lower than that
    of the most urgent part."""

    cost: int
    left_s: float = inf
    is_lower: bool = False


class InTime(NamedTuple):
    """A batch may take `limit_s` by the reckoning of `times`."""

    times: StepTime
    limit_s: float


def fill(
    costs: Sequence[int], *, budget: int, room: int, packed: bool = False, in_time: InTime | None = None
) -> list[int]:
    """Indexes of the batch around `costs[0]`, the most urgent: sorted by cost, the run of neighbours that holds the
    most useful tokens while count x longest (or, packed, their sum) stays within the budget and the batch in time.
    Never empty when there are costs."""
    if not costs:
        return []
    order = sorted(range(len(costs)), key=costs.__getitem__)
    head = order.index(0)
    ranked = [costs[index] for index in order]
    sums = list(accumulate(ranked, initial=0))
    slow = None if in_time is None else _Slow(in_time, ranked, packed=packed)
    best, best_useful, start = (head, head + 1), costs[0], 0
    for end in range(head + 1, len(order) + 1):
        if packed:
            while start < end - 1 and sums[end] - sums[start] > budget:
                start += 1
        else:
            start = max(start, end - max(budget // max(ranked[end - 1], 1), 1))
        start = max(start, end - room)
        while slow is not None and start < end - 1 and slow.is_late(start, end):
            start += 1
        if start > head:  # the most urgent one does not fit any more, and longer ones won't change that
            break
        useful = sums[end] - sums[start]
        if useful > best_useful or (useful == best_useful and end - start > best[1] - best[0]):
            best, best_useful = (start, end), useful
    return sorted(order[best[0] : best[1]])


class _Slow:
    """Which runs of ranked costs would not be done in time."""

    def __init__(self, in_time: InTime, ranked: Sequence[int], *, packed: bool) -> None:
        self._in_time = in_time
        self._ranked = ranked
        self._packed = packed
        self._sums = list(accumulate(ranked, initial=0))
        self._squares = list(accumulate((cost * cost for cost in ranked), initial=0))

    def is_late(self, start: int, end: int) -> bool:
        tokens, squares = self._sums[end] - self._sums[start], self._squares[end] - self._squares[start]
        if not self._packed:
            count, longest = end - start, self._ranked[end - 1]
            tokens, squares = count * longest, count * longest * longest
        return self._in_time.times.predict(tokens, squares) > self._in_time.limit_s


def fill_in_time(waits: Sequence[Wait], *, budget: int, room: int, times: StepTime, packed: bool = False) -> list[int]:
    """As `fill`, but no further than the deadlines allow, so far as `times` can tell:

    - a batch of several is done before each deadline in it,
    - and so early that a part it leaves behind can still be done alone; else it takes nothing less urgent than that.

    A deadline that would break even if its part went alone, or next to the most urgent one, does not count. Nor does
    one of a lower class: its part stays behind rather than make a batch of a higher class smaller.
    """
    costs = [wait.cost for wait in waits]
    chosen = fill(costs, budget=budget, room=room, packed=packed)
    size = unpadded if packed else padded

    def seconds(indexes: Sequence[int]) -> float:
        return MARGIN * times.predict(*size([costs[index] for index in indexes]))

    def refill(among: Sequence[int]) -> list[int]:
        in_time = InTime(times, limit_s / MARGIN)
        return fill(among, budget=budget, room=room, packed=packed, in_time=in_time)

    near_s = seconds(chosen) + seconds([max(range(len(costs)), key=costs.__getitem__)])
    near = [at for at, wait in enumerate(waits) if wait.left_s < near_s and seconds([at]) <= wait.left_s]
    if not near:
        return chosen
    head_s = seconds([0])
    counted = [at for at in near if not waits[at].is_lower and head_s <= waits[at].left_s]
    limit_s = min((waits[at].left_s for at in counted), default=inf)

    if seconds(chosen) > limit_s:
        chosen = refill(costs)
    end_s = seconds(chosen)
    for at in counted:
        if at not in chosen and end_s + seconds([at]) > waits[at].left_s:
            chosen = refill(costs[: at + 1])
            break
    end_s = seconds(chosen)
    return [at for at in chosen if at == 0 or at not in near or end_s <= waits[at].left_s]
