"""What the command line may name; light, for `storehand --help`. A test holds it against what there is."""

from __future__ import annotations

from enum import StrEnum

TRACES = ("diurnal", "flash-sale", "bulk-night", "slow-jobs", "broker-restart")
KINDS = ("text", "encoder", "remote", "heavy")
POLICIES = ("rule", "in-hand", "in-hand-stock", "keda-redis", "keda-rabbitmq", "keda-time", "cpu", "fixed")
"""Of the tables."""
ALL_POLICIES = (*POLICIES, "rule-alone")


class ServiceTime(StrEnum):
    """How S, the seconds a job holds a slot, is read from what has ended."""

    MEAN_30M = "mean30m"
    MEAN_5M = "mean5m"
    LARGER = "larger"
    """Of the two means."""
    BUSIEST = "busiest"
    """The largest mean of 5 minutes within 1 h."""
    HINT = "hint"
