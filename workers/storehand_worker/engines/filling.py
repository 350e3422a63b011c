"""Which of the most urgent parts make the next batch: the padded rectangle that is used best, and done in time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
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


def fill(
    costs: Sequence[int],
    *,
    budget: int,
    room: int,
    rows: Callable[[int], int] = lambda longest: 1 << 60,
    packed: bool = False,
) -> list[int]:
    """Indexes of the batch around `costs[0]`, the most urgent: sorted by cost, the run of neighbours that holds the
    most useful tokens while count x longest stays within the budget, and the count within `rows(longest)`. A batch that
    is `packed` has no padding: its budget counts the tokens themselves. Never empty when there are costs."""
    if not costs:
        return []
    order = sorted(range(len(costs)), key=costs.__getitem__)
    head = order.index(0)
    sums = [0]
    for index in order:
        sums.append(sums[-1] + costs[index])
    best, best_useful, longest, most = (head, head + 1), costs[0], -1, 1
    for end in range(head + 1, len(order) + 1):
        if costs[order[end - 1]] != longest:
            longest = costs[order[end - 1]]
            most = max(1, min(room, budget // max(longest, 1), rows(longest)))
        start = max(0, end - most)
        if packed:
            tokens = min(budget, longest * rows(longest))
            start = min(max(0, end - room, bisect_left(sums, sums[end] - tokens)), end - 1)
        if start > head:  # the most urgent one does not fit any more, and longer ones won't change that
            break
        useful = sums[end] - sums[start]
        if useful > best_useful or (useful == best_useful and end - start > best[1] - best[0]):
            best, best_useful = (start, end), useful
    return sorted(order[best[0] : best[1]])


def fill_in_time(waits: Sequence[Wait], *, budget: int, room: int, times: StepTime, packed: bool = False) -> list[int]:
    """As `fill`, but no further than the deadlines allow, so far as `times` can tell:

    - a batch of several is done before each deadline in it,
    - and so early that a part it leaves behind can still be done alone; else it takes nothing less urgent than that.

    A deadline that would break even if its part went alone, or next to the most urgent one, does not count. Nor does
    one of a lower class: its part stays behind rather than make a batch of a higher class smaller.
    """
    costs = [wait.cost for wait in waits]
    chosen = fill(costs, budget=budget, room=room, packed=packed)
    if len(chosen) < 2 and len(waits) < 2:
        return chosen

    size_of = unpadded if packed else padded

    def seconds(indexes: Sequence[int]) -> float:
        return MARGIN * times.predict(*size_of([costs[index] for index in indexes]))

    near_s = seconds(chosen) + seconds([max(range(len(costs)), key=costs.__getitem__)])
    near = [at for at, wait in enumerate(waits) if wait.left_s < near_s and seconds([at]) <= wait.left_s]
    if not near:
        return chosen
    head_s = seconds([0])
    counted = [at for at in near if not waits[at].is_lower and head_s <= waits[at].left_s]
    limit_s = min((waits[at].left_s for at in counted), default=inf)

    def refill(among: Sequence[int]) -> list[int]:
        return fill(
            among, budget=budget, room=room, packed=packed, rows=lambda longest: times.most(longest, limit_s / MARGIN)
        )

    if seconds(chosen) > limit_s:
        chosen = refill(costs)
    end_s = seconds(chosen)
    for at in counted:
        if at not in chosen and end_s + seconds([at]) > waits[at].left_s:
            chosen = refill(costs[: at + 1])
            break
    end_s = seconds(chosen)
    return [at for at in chosen if at == 0 or at not in near or end_s <= waits[at].left_s]
