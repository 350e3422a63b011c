"""The kill table's rows, as data: what is broken, when, under which load."""

from __future__ import annotations

from dataclasses import dataclass, replace

LEASE_S = 15.0
"""The default of `lease_s`, which the scenes run with."""

OUTAGE_S = 30.0
QUICK_OUTAGE_S = 12.0
QUICK_SETTINGS: dict[str, object] = {"lease_s": 4, "reconcile_s": 1, "publish_grace_s": 2}


@dataclass(frozen=True)
class Step:
    """`do` names a method of `Hands`. It is done once `at` of the jobs are answered (a share), or `after_s` seconds
    after the step before."""

    do: str
    at: float | None = None
    after_s: float = 0.0


@dataclass(frozen=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]
    jobs: int = 1500
    per_s: float | None = None
    """Submitted at this rate; without it as fast as it goes."""
    workers: int = 2
    work_s: float = 0.05
    needs: tuple[str, ...] = ()
    """`broker`, `store`: that is a server of its own."""
    is_proxied: bool = False
    deaths: bool = False
    """Workers die of themselves here."""

    def quick(self) -> Scenario:
        """Fewer jobs and shorter outages, with short leases."""
        steps = tuple(replace(step, after_s=min(step.after_s, QUICK_OUTAGE_S)) for step in self.steps)
        return replace(self, jobs=max(200, self.jobs // 6), steps=steps)


def _outage(name: str, begin: str, *, needs: tuple[str, ...] = ("broker",)) -> Scenario:
    steps = (Step(begin, at=0.1), Step("heal", after_s=OUTAGE_S))
    return Scenario(name, steps, jobs=1500, per_s=35, needs=needs, is_proxied=True)


SCENARIOS = (
    Scenario(
        "20 SIGKILLs of a worker at full speed",
        tuple(Step("kill_worker", at=number / 22) for number in range(1, 21)),
        jobs=6000, workers=4, work_s=0.01,
    ),
    Scenario("SIGTERM under load, three times", tuple(Step("terminate_worker", at=at) for at in (0.2, 0.4, 0.6))),
    Scenario(
        "worker stands still past its lease and goes on",
        (Step("pause_worker", at=0.1), Step("resume_workers", after_s=2.5 * LEASE_S)),
        jobs=1200, per_s=40, work_s=0.3,
    ),
    Scenario("poison job among others", (Step("submit_poison", at=0.1),), jobs=600, per_s=20, workers=3, deaths=True),
    Scenario("broker restarts in order", (Step("restart_broker", at=0.3),), needs=("broker",)),
    Scenario(
        "broker: kill -9, restart", (Step("kill_broker", at=0.3), Step("start_broker", after_s=1)), needs=("broker",)
    ),
    _outage("30 s without broker, workers' side", "refuse_broker_to_workers"),
    _outage("30 s without broker, clients' side", "refuse_broker_to_clients"),
    _outage("30 s black hole before the broker, workers' side", "swallow_broker_of_workers"),
    _outage("30 s black hole before the broker, clients' side", "swallow_broker_of_clients"),
    Scenario("store: kill -9, restart", (Step("kill_store", at=0.3), Step("start_store", after_s=1)), needs=("store",)),
    _outage("30 s black hole before the store, workers' side", "swallow_store_of_workers", needs=("store",)),
    _outage("30 s black hole before the store, clients' side", "swallow_store_of_clients", needs=("store",)),
)  # fmt: skip
