"""A pool under traffic, from the first job to the last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storehand.job import Priority
from storehand.pools import Pool
from storehand.scaling import Demand, required_workers
from storehand_worker.simulate.cluster import Cluster
from storehand_worker.simulate.generators import GENERATORS
from storehand_worker.simulate.machine import Machine
from storehand_worker.simulate.names import ALL_POLICIES, KINDS, TRACES
from storehand_worker.simulate.nodes import NodePlan
from storehand_worker.simulate.policies import policies
from storehand_worker.simulate.presets import PRESETS
from storehand_worker.simulate.run import Result, Setup, run
from storehand_worker.simulate.traffic import Ask, Span, Traffic

POOL = Pool(families=("text",), max_workers=30)
SETUP = Setup(POOL)
SMALL = Machine(concurrency=4, engine_slots=4, crowding=0.0, reserved=0, cold_start_s=60.0, cold_start_spread=0.0)
FEW = Pool(families=("text",), slots=4, cold_start_s=60.0, max_workers=30)


def under(policy: str, traffic: Traffic, setup: Setup = SETUP, *, fixed: int = 6, seed: int = 1) -> Result:
    return run(traffic, policies(setup.pool, fixed=fixed)[policy], setup, seed=seed)


def steady(every_s: float, work_s: float, until_s: float, priority: Priority = Priority.INTERACTIVE) -> Traffic:
    asks = [Ask(n * every_s, priority, work_s) for n in range(int(until_s / every_s))]
    return Traffic("steady", asks, until_s)


def cluster(traffic: Traffic, workers: int, machine: Machine = SMALL) -> Cluster:
    made = Cluster(traffic, pool=FEW, machine=machine, nodes=NodePlan(), seed=1)
    made.start_ready(workers)
    return made


def test_the_same_seed_gives_the_same_result_and_another_does_not() -> None:
    made = GENERATORS["broker-restart"]

    assert made(1, 0.1, 1.0) == made(1, 0.1, 1.0) != made(2, 0.1, 1.0)
    assert under("rule", made(1, 0.1, 1.0)) == under("rule", made(1, 0.1, 1.0))


@pytest.mark.parametrize(("rate", "waiting"), [(0.0, 200), (1.0, 100), (3.0, 400)])
def test_as_many_workers_as_required_end_a_backlog_in_time(rate: float, waiting: int) -> None:
    """The rule's promise, without an autoscaler: all that wait at 0 have begun within D, by whole workers."""
    demand = Demand(Priority.INTERACTIVE, rate, waiting, 2.0)
    workers = int(required_workers(FEW, [demand])) + 1
    arriving = [Ask(n / rate, Priority.INTERACTIVE, 2.0) for n in range(int(rate * 120))] if rate else []
    asks = sorted([Ask(0.0, Priority.INTERACTIVE, 2.0)] * waiting + arriving, key=lambda ask: ask.at_s)
    pool = cluster(Traffic("backlog", asks, 120.0), workers)

    pool.run(1000.0)

    assert len(pool.done) == len(asks)
    assert max((job.first_began_s or 0.0) - job.ask.at_s for job in pool.done) <= FEW.catch_up(Priority.INTERACTIVE)


def test_no_job_is_lost_by_deaths_and_a_broker_that_goes() -> None:
    base = steady(0.1, 4.0, 600.0)
    rough = replace(base, crashes_s=(100.0, 200.0, 300.0), broker_away=(Span(250.0, 340.0),))
    pool = cluster(rough, 12)

    pool.run(5000.0)

    assert len(pool.done) == len(rough.asks)
    assert pool.crashed > 0
    assert sum(each.running + each.waiting for each in pool.counts) == 0


def test_nothing_begins_while_the_broker_is_away() -> None:
    pool = cluster(replace(steady(0.5, 1.0, 200.0), broker_away=(Span(50.0, 80.0),)), 4)

    pool.run(1000.0)

    assert not any(50.0 < job.began_s < 80.0 for job in pool.done)


def test_a_drain_lets_jobs_end_and_a_short_grace_cuts_them_off() -> None:
    traffic = steady(1.0, 30.0, 100.0)
    outcomes = []
    for grace_s in (600.0, 5.0):
        pool = cluster(traffic, 10, replace(SMALL, grace_s=grace_s))
        pool.at(60.0, lambda pool=pool: pool.scale_to(5))  # type: ignore[misc]  # bound now
        pool.run(5000.0)
        outcomes.append((pool.interrupted > 0, pool.killed > 0, len(pool.done)))

    assert outcomes == [(True, False, 100), (True, True, 100)]


def test_workers_without_a_node_come_when_one_is_free() -> None:
    traffic = steady(0.5, 4.0, 600.0)
    pool = Cluster(traffic, pool=FEW, machine=SMALL, nodes=NodePlan(ready=1, most=2, provision_s=30.0), seed=1)
    pool.scale_to(3)
    pool.run(200.0)

    assert len(pool.ready_pods) == 2
    pool.scale_to(2)
    pool.run(400.0)
    assert len(pool.ready_pods) == 2


def test_the_rule_starts_the_first_worker_of_an_empty_pool_and_ends_the_last() -> None:
    asks = [Ask(600.0 + n, Priority.STANDARD, 2.0) for n in range(60)]
    setup = Setup(FEW.model_copy(update={"min_workers": 0}), machine=SMALL, start_workers=0)

    result = under("rule", Traffic("rare", asks, 3600.0), setup)

    assert result.jobs == 60
    assert result.most_workers >= 1
    assert result.worker_hours < 0.6


def test_the_rule_holds_still_while_prometheus_is_away_only_without_its_fallback() -> None:
    calm = GENERATORS["flash-sale"](1, 1.0, 1.0)
    begins = [ask for ask in calm.asks if ask.at_s < 4800.0]
    away = replace(calm, asks=begins, horizon_s=4800.0, prometheus_away=(Span(3600.0, 4200.0),))

    blind, seeing = under("rule-alone", away), under("rule", away)

    assert seeing.in_time[Priority.INTERACTIVE] > blind.in_time[Priority.INTERACTIVE] + 0.1


@pytest.mark.parametrize(
    ("trace", "scale", "least_in_time", "most_hours"),
    [("flash-sale", 1.0, 0.92, 9.0), pytest.param("slow-jobs", 0.5, 0.95, 5.0, marks=pytest.mark.long)],
)
def test_the_rule_keeps_what_was_measured(trace: str, scale: float, least_in_time: float, most_hours: float) -> None:
    """docs/scaling.md, with room for another machine's last digits; a change of the rule is seen here."""
    traffic = GENERATORS[trace](1, scale, 1.0)

    ours, stock = under("rule", traffic), under("keda-redis", traffic)

    assert min(ours.in_time.values()) >= least_in_time
    assert ours.worker_hours <= most_hours < stock.worker_hours
    assert ours.killed == 0


def test_bulk_is_worked_off_within_its_promise_beside_chats() -> None:
    result = under("rule", GENERATORS["bulk-night"](1, 0.4, 1.0))

    assert min(result.in_time.values()) >= 0.99
    assert result.worker_hours <= 12


def test_the_command_line_names_what_there_is() -> None:
    assert tuple(GENERATORS) == TRACES
    assert tuple(PRESETS) == KINDS
    assert set(policies(POOL, fixed=1)) == set(ALL_POLICIES)
