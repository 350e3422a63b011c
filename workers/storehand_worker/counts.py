"""What the job path counts. `metrics.py` has a counter for each; nothing here knows Prometheus."""

from __future__ import annotations

from typing import Literal, Protocol

What = Literal[
    "leases_lost",
    "redelivered",
    "reattached",
    "parked",
    "quarantined",
    "handed_back",
    "crashes",
    "rung",
    "retried",
    "throttled",
]


class Count(Protocol):
    def __call__(self, what: What, by: int = 1) -> None: ...


def uncounted(what: What, by: int = 1) -> None:
    """For tests and notebooks."""
