"""One cell of a table: a trace under a policy, from the first job to the last, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from storehand.job import Priority
from storehand.pools import Pool
from storehand_worker.simulate.cluster import Cluster
from storehand_worker.simulate.hpa import SYNC_S, Autoscaler, proposed
from storehand_worker.simulate.machine import Machine, Work
from storehand_worker.simulate.monitor import SCRAPE_S, Monitor
from storehand_worker.simulate.names import ServiceTime
from storehand_worker.simulate.nodes import NodePlan
from storehand_worker.simulate.policies import Policy
from storehand_worker.simulate.traffic import Traffic

KEDA_POLL_S = 30.0
KEDA_COOLDOWN_S = 300.0
RULE_AFTER_S = 5.0
"""A rule is evaluated so long after the scrape it sees; with the scrape interval the delay is 5 to 20 s."""
SYNC_AFTER_S = 3.0
LONGEST_AFTER_S = 6 * 3600.0


@dataclass(frozen=True)
class Setup:
    """All that a cell needs besides its trace and policy."""

    pool: Pool
    machine: Machine = field(default_factory=Machine)
    nodes: NodePlan = field(default_factory=NodePlan)
    how: ServiceTime = ServiceTime.LARGER
    bias: float = 1.0
    start_workers: int | None = None


@dataclass(frozen=True)
class Point:
    """For plots."""

    at_s: float
    workers: int
    serving: int
    waiting: int
    in_hand: int


@dataclass(frozen=True)
class Result:
    """What came of a trace under a policy."""

    trace: str
    policy: str
    seed: int
    jobs: int
    in_time: Mapping[Priority, float]
    wait_p95_s: Mapping[Priority, float]
    total_p95_s: Mapping[Priority, float]
    """Due to ended."""
    worker_hours: float
    interrupted: int
    killed: int
    actions: int
    """How often the number of workers was changed."""
    most_workers: int
    points: tuple[Point, ...] = ()

    @property
    def in_time_all(self) -> float:
        """Of the priority that did worst."""
        return min(self.in_time.values(), default=1.0)


class _Sight:
    """What the policy may see of the cluster, with the delays of whoever tells it."""

    def __init__(self, cluster: Cluster, monitor: Monitor) -> None:
        self.cluster, self.monitor = cluster, monitor
        self.pool = cluster.pool
        self._delivered: dict[Priority, int] = dict.fromkeys(Priority, 0)
        self._rates: dict[Priority, float] = dict.fromkeys(Priority, 0.0)
        self._busy: dict[int, float] = {}
        self._share = 0.0

    def required(self) -> float | None:
        away = any(self.cluster.now_s in span for span in self.cluster.traffic.prometheus_away)
        return None if away else self.monitor.required

    def told_by_exporter(self) -> float | None:
        """Its reads are taken for no younger than Prometheus' own."""
        return self.monitor.told_by_exporter

    def ready_messages(self) -> Mapping[Priority, float] | None:
        return None if self.cluster.is_broker_away else self._messages(self.cluster.waiting())

    def in_hand_messages(self) -> Mapping[Priority, float] | None:
        return None if self.cluster.is_broker_away else self._messages(self.cluster.in_hand())

    def deliveries_per_s(self) -> Mapping[Priority, float] | None:
        return None if self.cluster.is_broker_away else self._rates

    def engine_share(self) -> float:
        return self._share

    def sample_deliveries(self, every_s: float) -> None:
        now = self.cluster.delivered
        self._rates = {priority: (now[priority] - self._delivered[priority]) / every_s for priority in now}
        self._delivered = dict(now)

    def sample_engines(self, every_s: float) -> None:
        shares = []
        for pod in self.cluster.ready_pods:
            pod.advance(self.cluster.now_s)
            shares.append((pod.busy_s - self._busy.get(pod.number, 0.0)) / every_s)
            self._busy[pod.number] = pod.busy_s
        self._share = min(sum(shares) / len(shares), 1.0) if shares else 0.0

    def _messages(self, jobs: Mapping[Priority, int]) -> dict[Priority, float]:
        items = self.cluster.traffic.envelope_items
        return {each: count / (items if each is Priority.BULK else 1) for each, count in jobs.items()}


class _Control:
    """The autoscaler at work: every 15 s, and KEDA's own polling between 0 and 1."""

    def __init__(self, cluster: Cluster, policy: Policy, sight: _Sight, *, points: list[Point] | None) -> None:
        self.cluster, self.policy, self.sight, self.points = cluster, policy, sight, points
        pool = cluster.pool
        self.scaler = Autoscaler(policy.behaviour, least=max(pool.min_workers, 1), most=pool.max_workers)
        self.actions = 0
        self.most = cluster.replicas
        self._active_s = 0.0

    def sync(self) -> None:
        cluster = self.cluster
        reading = self.policy.look(self.sight) if cluster.replicas else None
        if reading is not None:
            wish = proposed(reading, replicas=cluster.replicas, ready=len(cluster.ready_pods))
            self._apply(self.scaler.decide(cluster.now_s, cluster.replicas, wish))
        if self.points is not None:
            waiting, in_hand = sum(cluster.waiting().values()), sum(cluster.in_hand().values())
            self.points.append(Point(cluster.now_s, cluster.replicas, len(cluster.ready_pods), waiting, in_hand))
        cluster.at(cluster.now_s + SYNC_S, self.sync)

    def poll(self) -> None:
        """Between none and one."""
        cluster = self.cluster
        reading = self.policy.look(self.sight)
        if reading is not None and reading.value > 0:
            self._active_s = cluster.now_s
            if not cluster.replicas:
                self._apply(1)
        elif reading is not None and cluster.replicas and cluster.now_s - self._active_s >= KEDA_COOLDOWN_S:
            self._apply(0)
        cluster.at(cluster.now_s + KEDA_POLL_S, self.poll)

    def _apply(self, replicas: int) -> None:
        if replicas != self.cluster.replicas:
            self.actions += 1
            self.most = max(self.most, replicas)
            self.cluster.scale_to(replicas)


def run(
    traffic: Traffic,
    policy: Policy,
    setup: Setup,
    *,
    seed: int,
    keep_points: bool = False,
    on_ask: Callable[[int, int], None] | None = None,
) -> Result:
    """The same seed gives the same result."""
    pool = setup.pool
    cluster = Cluster(traffic, pool=pool, machine=setup.machine, nodes=setup.nodes, seed=seed)
    cluster.start_ready(policy.fixed or (setup.start_workers or pool.min_workers))
    monitor = Monitor(pool, how=setup.how, bias=setup.bias)
    sight = _Sight(cluster, monitor)
    points: list[Point] | None = [] if keep_points else None
    control = _Control(cluster, policy, sight, points=points)
    _every(cluster, SCRAPE_S, 0.0, lambda: monitor.scrape(cluster.counts, ready=len(cluster.ready_pods)))
    _every(cluster, SCRAPE_S, RULE_AFTER_S, lambda: monitor.evaluate(cluster.counts))
    _every(cluster, SYNC_S, 1.0, lambda: sight.sample_deliveries(SYNC_S))
    _every(cluster, 60.0, 1.0, lambda: sight.sample_engines(60.0))
    cluster.at(RULE_AFTER_S + SYNC_AFTER_S, control.sync)
    if pool.min_workers == 0 and policy.fixed is None:
        cluster.at(KEDA_POLL_S, control.poll)
    cluster.run(traffic.horizon_s + LONGEST_AFTER_S, on_ask=on_ask)
    return _result(traffic, policy, seed, cluster, control, points)


def _every(cluster: Cluster, period_s: float, first_s: float, what: Callable[[], None]) -> None:
    def again() -> None:
        what()
        cluster.at(cluster.now_s + period_s, again)

    cluster.at(first_s, again)


def _result(
    traffic: Traffic, policy: Policy, seed: int, cluster: Cluster, control: _Control, points: list[Point] | None
) -> Result:
    objective = cluster.pool.wait_objective_s
    asked: dict[Priority, int] = {}
    for ask in traffic.asks:
        asked[ask.priority] = asked.get(ask.priority, 0) + 1
    waits: dict[Priority, list[float]] = {priority: [] for priority in asked}
    totals: dict[Priority, list[float]] = {priority: [] for priority in asked}
    for work in cluster.done:
        waits[work.ask.priority].append(_wait_s(work))
        totals[work.ask.priority].append((work.ended_s or 0.0) - work.ask.at_s)
    return Result(
        trace=traffic.name,
        policy=policy.name,
        seed=seed,
        jobs=len(traffic.asks),
        in_time={each: sum(wait <= objective[each] for wait in waits[each]) / asked[each] for each in asked},
        wait_p95_s={each: _percentile(waits[each], asked[each]) for each in asked},
        total_p95_s={each: _percentile(totals[each], asked[each]) for each in asked},
        worker_hours=cluster.held_s() / 3600,
        interrupted=cluster.interrupted,
        killed=cluster.killed,
        actions=control.actions,
        most_workers=control.most,
        points=tuple(points or ()),
    )


def _wait_s(work: Work) -> float:
    return float("inf") if work.first_began_s is None else work.first_began_s - work.ask.at_s


def _percentile(values: list[float], count: int) -> float:
    """The 95th of `count` jobs; infinite if too few of them have ended."""
    index = int(0.95 * (count - 1))
    return sorted(values)[index] if index < len(values) else float("inf")
