"""Simulated workers: processor sharing, lanes, reserves, nodes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from storehand.job import Priority
from storehand_worker.simulate.machine import Machine, Pod, Work
from storehand_worker.simulate.nodes import NodePlan, Nodes
from storehand_worker.simulate.traffic import Ask

ALONE = Machine(concurrency=4, engine_slots=2, crowding=0.0, reserved=0)
BATCHING = Machine(concurrency=8, engine_slots=3, crowding=2.0, reserved=0)


def work(work_s: float, priority: Priority = Priority.INTERACTIVE) -> Work:
    return Work(Ask(0.0, priority, work_s), 0)


def served(machine: Machine, *jobs: Work) -> list[float]:
    """When each of jobs that begin together ends."""
    pod, ends = Pod(0, machine, 0.0), []
    for job in jobs:
        pod.take(job, 0.0)
    while (end_s := pod.first_end_s()) is not None:
        pod.end(end_s)
        ends.append(end_s)
    return ends


def test_independent_slots_do_not_slow_each_other_and_the_lane_waits() -> None:
    assert served(ALONE, work(2), work(3), work(4)) == pytest.approx([2, 3, 6])


def test_jobs_of_a_full_engine_take_as_long_as_its_crowding_says() -> None:
    """Three places, crowding 2: three at once take three times as long as one."""
    assert served(BATCHING, work(1), work(1), work(1)) == pytest.approx([3, 3, 3])


def test_an_engine_quickens_as_it_empties() -> None:
    """Both at half speed until 2 s; the second has done 1 of 3 s by then and is alone."""
    assert served(BATCHING, work(1), work(3)) == pytest.approx([2, 4])


def test_throughput_rises_ever_less_with_the_jobs_in_hand() -> None:
    machine = Machine()
    throughput = [busy * machine.speed(busy) for busy in range(1, machine.engine_slots + 1)]
    gains = [after - before for before, after in pairwise(throughput)]

    assert all(gain > 0 for gain in gains)
    assert all(later < earlier for earlier, later in pairwise(gains))
    assert machine.jobs_per_s(6.0) == pytest.approx(32 / 2.5 / 6.0)


def test_places_kept_for_chats_are_not_given_to_others() -> None:
    pod = Pod(0, Machine(concurrency=4, engine_slots=4, crowding=0.0, reserved=2), 0.0)
    pod.take(work(1, Priority.BULK), 0.0)
    pod.take(work(1, Priority.STANDARD), 0.0)

    assert not pod.has_room(Priority.STANDARD)
    assert pod.has_room(Priority.INTERACTIVE)


def test_what_a_worker_gives_up_is_all_it_had_in_hand() -> None:
    pod = Pod(0, ALONE, 0.0)
    jobs = [work(1), work(1), work(1, Priority.BULK)]
    for job in jobs:
        pod.take(job, 0.0)

    assert pod.give_up(0.5) == jobs
    assert (pod.in_hand, pod.first_end_s(), pod.others) == (0, None, 0)


def test_nodes_are_ready_then_provisioned_then_not_to_be_had() -> None:
    nodes = Nodes(NodePlan(ready=1, most=2, provision_s=180))

    assert [nodes.acquire(0), nodes.acquire(0), nodes.acquire(0)] == [0.0, 180.0, None]


def test_a_provisioned_node_is_kept_for_a_while() -> None:
    nodes = Nodes(NodePlan(ready=0, most=1, provision_s=180, keep_s=600))
    nodes.acquire(0)
    nodes.release(1000)

    assert nodes.acquire(1500) == 0.0
    nodes.release(2000)
    assert nodes.acquire(2700) == 180.0
