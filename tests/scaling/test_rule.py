"""How many workers a pool needs: the rule's properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storehand.job import Priority
from storehand.pools import Pool
from storehand.scaling import Demand, backlog_s, desired_workers, required_workers, work_waiting_s

PRIORITIES = st.sampled_from(list(Priority))
SECONDS = st.floats(0.01, 1000)
RATES = st.floats(0, 1000)
QUEUES = st.integers(0, 100_000)
DEMANDS = st.builds(Demand, priority=PRIORITIES, arrivals_per_s=RATES, waiting=QUEUES, service_s=SECONDS)
POOLS = st.builds(
    Pool,
    families=st.just(("text",)),
    slots=st.integers(1, 512),
    utilization=st.floats(0.1, 1),
    cold_start_s=st.floats(0, 900),
    min_workers=st.integers(0, 5),
    max_workers=st.integers(5, 100),
)
MORE = st.floats(1.01, 10)


@given(POOLS, DEMANDS, MORE)
def test_more_waiting_never_asks_for_fewer_workers(pool: Pool, demand: Demand, more: float) -> None:
    longer = replace(demand, waiting=demand.waiting * more + 1)

    assert required_workers(pool, [longer]) > required_workers(pool, [demand])


@given(POOLS, DEMANDS, MORE)
def test_more_arrivals_never_ask_for_fewer_workers(pool: Pool, demand: Demand, more: float) -> None:
    busier = replace(demand, arrivals_per_s=demand.arrivals_per_s * more + 0.01)
    before, after = required_workers(pool, [demand]), required_workers(pool, [busier])

    assert after == before if demand.priority is Priority.BULK else after > before


@given(POOLS, DEMANDS, MORE)
def test_jobs_that_take_longer_ask_for_as_many_times_more(pool: Pool, demand: Demand, more: float) -> None:
    slower = replace(demand, service_s=demand.service_s * more)

    assert required_workers(pool, [slower]) == pytest.approx(more * required_workers(pool, [demand]))


@given(POOLS, DEMANDS)
def test_nothing_is_asked_for_only_where_nothing_arrives_and_nothing_waits(pool: Pool, demand: Demand) -> None:
    bulk = demand.priority is Priority.BULK
    is_idle = not demand.waiting and (bulk or not demand.arrivals_per_s)
    assume(demand.arrivals_per_s == 0 or demand.arrivals_per_s > 1e-9)

    assert (required_workers(pool, [demand]) == 0) == is_idle


@given(POOLS, DEMANDS)
def test_half_the_slots_ask_for_twice_the_workers(pool: Pool, demand: Demand) -> None:
    double = pool.model_copy(update={"slots": pool.slots * 2})

    assert required_workers(pool, [demand]) == pytest.approx(2 * required_workers(double, [demand]))


@given(POOLS, RATES, SECONDS)
def test_bulk_that_has_not_queued_up_asks_for_nothing(pool: Pool, rate: float, service_s: float) -> None:
    assert required_workers(pool, [Demand(Priority.BULK, rate, 0, service_s)]) == 0


@given(POOLS, st.lists(DEMANDS, max_size=6))
def test_a_mixture_asks_for_the_sum_of_its_parts(pool: Pool, demands: list[Demand]) -> None:
    apart = sum(required_workers(pool, [demand]) for demand in demands)

    assert required_workers(pool, demands) == pytest.approx(apart)


@given(POOLS, DEMANDS, st.floats(0, 2000))
def test_overfull_workers_are_counted_by_what_they_have_in_hand(pool: Pool, demand: Demand, in_hand: float) -> None:
    alone, crowded = required_workers(pool, [demand]), required_workers(pool, [demand], in_hand=in_hand)

    assert crowded <= alone
    assert in_hand > pool.slots or crowded == alone
    assert crowded * max(in_hand, pool.slots) == pytest.approx(alone * pool.slots)


@given(POOLS, st.floats(0, 1e9))
def test_what_is_asked_for_is_whole_and_within_the_bounds(pool: Pool, required: float) -> None:
    desired = desired_workers(pool, required)

    assert pool.min_workers <= desired <= pool.max_workers
    assert desired >= min(required - 1e-6, pool.max_workers)
    assert desired < required + 1 or desired == pool.min_workers


def test_a_whole_number_of_workers_is_not_rounded_up_for_a_float_s_last_digit() -> None:
    pool = Pool(families=("text",), max_workers=100)

    assert desired_workers(pool, 3 * (0.1 + 0.2) / 0.3) == 3


@given(POOLS, st.lists(DEMANDS, min_size=1, max_size=4), st.integers(1, 50))
def test_backlog_in_seconds_is_the_waiting_work_shared(pool: Pool, demands: list[Demand], workers: int) -> None:
    work_s = work_waiting_s(pool, demands)

    assert backlog_s(work_s, workers) == pytest.approx(work_s / workers)
    assert backlog_s(work_s, 0) == backlog_s(work_s, 1)


@given(POOLS, PRIORITIES, RATES, st.integers(1, 10_000), SECONDS)
def test_as_many_as_required_end_the_backlog_in_time_beside_what_arrives(
    pool: Pool, priority: Priority, rate: float, waiting: int, service_s: float
) -> None:
    """Fluid: N workers end N * c / S jobs a second. Bulk alone is promised a queue of at most lam * D."""
    workers = required_workers(pool, [Demand(priority, rate, waiting, service_s)])
    ended_per_s = workers * pool.slots / service_s
    arriving_per_s = 0.0 if priority is Priority.BULK else rate

    assert (ended_per_s - arriving_per_s) * pool.catch_up(priority) >= waiting * (1 - 1e-9)


@given(POOLS, st.floats(10, 900))
def test_a_backlog_is_not_chased_faster_than_workers_come(pool: Pool, cold_start_s: float) -> None:
    slow = pool.model_copy(update={"cold_start_s": cold_start_s})

    assert all(slow.catch_up(priority) >= cold_start_s / 2 for priority in Priority)


def test_a_chosen_catch_up_time_holds_for_all_but_bulk() -> None:
    pool = Pool(families=("text",), catch_up_s=7)

    assert [pool.catch_up(priority) for priority in (Priority.INTERACTIVE, Priority.STANDARD)] == [7, 7]
    assert pool.catch_up(Priority.BULK) == pytest.approx(1200)
