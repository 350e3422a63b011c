"""Machines for workers: some stand ready, more can be had after a while, up to a limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One worker a node. The default has as many ready as are asked for."""

    ready: int = 1_000_000
    most: int = 1_000_000
    provision_s: float = 180.0
    keep_s: float = 600.0
    """An empty node that was provisioned is kept so long (cluster autoscaler's default)."""


class Nodes:
    """Which nodes are free, and until when."""

    def __init__(self, plan: NodePlan) -> None:
        self.plan = plan
        self._lasting = min(plan.ready, plan.most)
        self._kept_until_s: list[float] = []
        self._in_use = 0

    def acquire(self, now_s: float) -> float | None:
        """Seconds until a node is there; None if there is none to be had."""
        self._kept_until_s = [until_s for until_s in self._kept_until_s if until_s > now_s]
        if self._in_use >= self.plan.most:
            return None
        self._in_use += 1
        if self._in_use <= self._lasting:
            return 0.0
        if self._kept_until_s:
            self._kept_until_s.pop()
            return 0.0
        return self.plan.provision_s

    def release(self, now_s: float) -> None:
        if self._in_use > self._lasting:
            self._kept_until_s.append(now_s + self.plan.keep_s)
        self._in_use -= 1
