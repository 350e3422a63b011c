"""Which of the most urgent parts make the next batch: neighbours in length that use it best and are done in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, count, repeat
from math import inf
from typing import NamedTuple

from storehand_worker.engines.step_time import StepTime, padded, unpadded

MARGIN = 1.25
"""A step may take so much longer than predicted without breaking a deadline."""
EXACT_S = 1e-10
"""Sums and quotients of floats are not more exact."""


class Waits(NamedTuple):
    """What filling knows of the parts, the most urgent first: their tokens, the seconds to their deadlines, and whether
    their class is lower than that of the most urgent part."""

    costs: Sequence[int]
    left_s: Sequence[float]
    is_lower: Sequence[bool]


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
    bounds = [repeat(0), count(head + 1 - room), _starts(ranked, budget, head=head, packed=packed)]
    if in_time is not None:
        bounds.append(_starts(*_seconds(ranked, in_time), head=head, packed=packed))
    best, best_useful = (head, head + 1), costs[0]
    for end, start in enumerate(map(max, *bounds), head + 1):
        if start > head:  # the most urgent one does not fit any more, and longer ones won't change that
            break
        useful = sums[end] - sums[start]
        if useful > best_useful or (useful == best_useful and end - start > best[1] - best[0]):
            best, best_useful = (start, end), useful
    return sorted(order[best[0] : best[1]])


def _starts(ranked: Sequence[float], limit: float, *, head: int, packed: bool) -> Iterator[int]:
    """For each run that ends behind `head`, the least start with which it is within the limit, or holds one alone."""
    if not packed:
        most = max(limit, 0)
        yield from [end - (int(most // (cost or EXACT_S)) or 1) for end, cost in enumerate(ranked[head:], head + 1)]
        return
    start, total = 0, sum(ranked[:head])
    for end in range(head + 1, len(ranked) + 1):
        total += ranked[end - 1]
        while total > limit and start < end - 1:
            total -= ranked[start]
            start += 1
        yield start


def _seconds(ranked: Sequence[int], in_time: InTime) -> tuple[list[float], float]:
    """The limit of time as one of costs: what each part adds to a step, and what all may add together."""
    predict = in_time.times.predict
    least_s = predict(0, 0)
    return [predict(cost, cost * cost) - least_s for cost in ranked], in_time.limit_s - least_s + EXACT_S


def near_s(costs: Sequence[int], *, budget: int, times: StepTime) -> float:
    """No deadline further away than this matters to `fill_in_time`."""
    longest = max(costs)
    most = max(budget, longest)
    return 2 * MARGIN * times.predict(most, most * longest)


def fill_in_time(waits: Waits, *, budget: int, room: int, times: StepTime, packed: bool = False) -> list[int]:
    """As `fill`, but no further than the deadlines allow, so far as `times` can tell:

    - a batch of several is done before each deadline in it,
    - and so early that a part it leaves behind can still be done alone; else it takes nothing less urgent than that.

    A deadline that would break even if its part went alone, or next to the most urgent one, does not count. Nor does
    one of a lower class: its part stays behind rather than make a batch of a higher class smaller.
    """
    costs, left_s, is_lower = waits
    chosen = fill(costs, budget=budget, room=room, packed=packed)
    size = unpadded if packed else padded

    def seconds(*costs: int) -> float:
        return MARGIN * times.predict(*size(costs))

    def batch_s() -> float:
        return seconds(*(costs[at] for at in chosen))

    def refill(among: Sequence[int]) -> list[int]:
        in_time = InTime(times, limit_s / MARGIN)
        return fill(among, budget=budget, room=room, packed=packed, in_time=in_time)

    soon_s = batch_s() + seconds(max(costs))
    near = [at for at, left in enumerate(left_s) if left < soon_s and seconds(costs[at]) <= left]
    if not near:
        return chosen
    head_s = seconds(costs[0])
    counted = [at for at in near if not is_lower[at] and head_s <= left_s[at]]
    limit_s = min((left_s[at] for at in counted), default=inf)

    if batch_s() > limit_s:
        chosen = refill(costs)
    end_s = batch_s()
    for at in counted:
        if at not in chosen and end_s + seconds(costs[at]) > left_s[at]:
            chosen = refill(costs[: at + 1])
            break
    end_s = batch_s()
    breaks = {at for at in near if at and end_s > left_s[at] + 2 * EXACT_S}
    return [at for at in chosen if at not in breaks]
