"""Ways to choose the number of workers, as they are set up in practice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from storehand.job import Priority
from storehand.pools import Pool
from storehand_worker.simulate.hpa import Behaviour, Pace, Reading

LONG_WINDOW_S = 300.0


class Sight(Protocol):
    """What a policy may look at."""

    @property
    def pool(self) -> Pool: ...

    def required(self) -> float | None:
        """The rule's last value; None while Prometheus is away."""

    def told_by_exporter(self) -> float | None:
        """The same rule by the exporter's own reads, which do not tell how full the workers are."""

    def ready_messages(self) -> Mapping[Priority, float] | None:
        """At the broker, now; None while it is away."""

    def in_hand_messages(self) -> Mapping[Priority, float] | None: ...

    def deliveries_per_s(self) -> Mapping[Priority, float] | None: ...

    def engine_share(self) -> float:
        """Of the last minute in which the engines' threads were busy, mean of the workers that serve."""
        ...


Look = Callable[[Sight], Reading | None]


@dataclass(frozen=True, slots=True)
class Policy:
    """None as a reading: the metric is not to be had, and the number stays."""

    name: str
    look: Look
    behaviour: Behaviour
    note: str = ""
    fixed: int | None = None


def our_behaviour(pool: Pool) -> Behaviour:
    """Up at once and doubling; down slowly: a worker that left takes a cold start to come back."""
    return Behaviour(
        up=Pace(percent=100.0, pods=4, period_s=15.0),
        down=Pace(percent=None, pods=1, period_s=max(60.0, pool.cold_start_s)),
        down_window_s=max(LONG_WINDOW_S, 2 * pool.cold_start_s),
    )


def _rule(sight: Sight) -> Reading | None:
    """As the chart's triggers ask."""
    required = sight.required()
    if required is None:
        required = sight.told_by_exporter()
    return None if required is None else Reading(required)


def _rule_alone(sight: Sight) -> Reading | None:
    required = sight.required()
    return None if required is None else Reading(required)


def _in_hand_of_all(sight: Sight) -> Reading | None:
    ready, in_hand = sight.ready_messages(), sight.in_hand_messages()
    if ready is None or in_hand is None:
        return None
    return Reading(sum(ready.values()) + sum(in_hand.values()), target=float(sight.pool.slots))


def _longest_list(sight: Sight) -> Reading | None:
    ready = sight.ready_messages()
    return None if ready is None else Reading(max(ready.values()), target=5.0)


def _longest_queue(sight: Sight) -> Reading | None:
    ready, in_hand = sight.ready_messages(), sight.in_hand_messages()
    if ready is None or in_hand is None:
        return None
    return Reading(max(ready[each] + in_hand[each] for each in ready), target=20.0)


def _consumption_time(sight: Sight) -> Reading | None:
    """A queue of which nothing is delivered says 0, as KEDA does with its default `activationValue`."""
    ready, rates = sight.ready_messages(), sight.deliveries_per_s()
    if ready is None or rates is None:
        return None
    times = [ready[each] / rates[each] if rates[each] else 0.0 for each in ready]
    return Reading(max(times), target=30.0, is_total=False)


def _processor(sight: Sight) -> Reading | None:
    return Reading(sight.engine_share(), target=0.8, is_total=False)


def _nothing(sight: Sight) -> Reading | None:
    return None


def policies(pool: Pool, *, fixed: int) -> dict[str, Policy]:
    """By name, in the order of the tables."""
    ours, stock = our_behaviour(pool), Behaviour()
    found = (
        Policy("rule", _rule, ours, "required workers, the exporter's own figure while Prometheus is away"),
        Policy("rule-alone", _rule_alone, ours, "required workers, no fallback"),
        Policy("in-hand", _in_hand_of_all, ours, "the broker alone: (ready + in hand) / slots, our pace"),
        Policy("in-hand-stock", _in_hand_of_all, stock, "ready + unacked, target = slots, Kubernetes' pace"),
        Policy("keda-redis", _longest_list, stock, "KEDA Redis default: list length 5, ready only"),
        Policy("keda-rabbitmq", _longest_queue, stock, "KEDA RabbitMQ default: 20 ready + unacked"),
        Policy("keda-time", _consumption_time, stock, "ExpectedQueueConsumptionTime, 30 s"),
        Policy("cpu", _processor, stock, "HPA on CPU, 80 %: the engine's thread is busy or not"),
        Policy("fixed", _nothing, stock, f"always {fixed}", fixed),
    )
    return {policy.name: policy for policy in found}


def enough_always(pool: Pool, *, peak_work_per_s: float) -> int:
    """A fixed size for the busiest quarter of an hour, by someone who knows the trace."""
    return min(max(math.ceil(peak_work_per_s / (pool.slots * pool.utilization)), 1), pool.max_workers)
