"""The few forms of PromQL that the rules are made of.

Levels: a **release** is `namespace, release`, a **pool** is that and `pool`. Outside of Kubernetes the first two are
absent, which PromQL treats as empty. A worker whose target has no label `pool` is of the pool `default`, as in the
settings.
Several exporters of one release say the same, so they are never added up: the largest counts.
"""

from __future__ import annotations

RELEASE = "namespace, release"
POOL = f"{RELEASE}, pool"
PRIORITY = f"{POOL}, priority"
TASK = f"{PRIORITY}, task"


def told(expression: str, labels: str) -> str:
    """What the exporters say, once."""
    return f"max by ({labels}) ({expression})"


def pooled(expression: str) -> str:
    """A worker's series, with the pool `default` where its target names none."""
    return f'label_replace({expression}, "pool", "default", "pool", "")'


def workers(expression: str, labels: str = POOL) -> str:
    """Summed over workers."""
    return f"sum by ({labels}) ({pooled(expression)})"


def joined(left: str, operator: str, right: str, labels: str) -> str:
    """One of `right` for each of `left`, which keeps its labels."""
    return f"{left}\n  {operator} on ({labels}) group_left ()\n{right}"


def otherwise_zero(expression: str, anchor: str, labels: str) -> str:
    """0 for each of `anchor` that `expression` says nothing of."""
    return f"({expression} or on ({labels}) 0 * {anchor})"


def grown(counter: str, window: str) -> str:
    """By how much a counter has grown, also one that appeared within the window: `increase` alone does not see the
    step from nothing to 1. New is what the window before does not know. Of a process that is older than that window and
    was not scraped in it, nothing is new: a gap in the scraping makes no events."""
    before = f"[{window}] offset {window}"
    older = f"process_start_time_seconds < time() - {2 * duration_s(window)}"
    unseen = f"({older} unless last_over_time(process_start_time_seconds{before}))"
    new = f"{counter} unless last_over_time({counter}{before}) unless on (job, instance) {unseen}"
    return f"(({new}) or increase({counter}[{window}]))"


def duration_s(window: str) -> int:
    return int(window[:-1]) * {"s": 1, "m": 60, "h": 3600}[window[-1]]
