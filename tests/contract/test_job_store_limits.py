"""What every job store promises about how much a tenant may submit."""

from __future__ import annotations

import pytest

from storehand.errors import QuotaExceeded, RateLimited
from storehand.store import Finish, JobStore, Limit
from tests.contract.stores import OK, Clock, claimed, created, new

SLOW = {"t": Limit(jobs_per_s=2, burst=3)}
FEW = {"t": Limit(open_jobs=2)}


def submit(store: JobStore, number: int, limits: dict[str, Limit], tenant: str = "t") -> None:
    store.create([new(each, tenant=tenant) for each in range(number)], limits=limits)


def test_a_tenant_may_submit_its_burst_at_once_and_then_as_fast_as_its_rate(store: JobStore, clock: Clock) -> None:
    submit(store, 2, SLOW)
    submit(store, 1, SLOW)

    with pytest.raises(RateLimited) as refused:
        submit(store, 1, SLOW)

    assert refused.value.details["retry_after_s"] == pytest.approx(0.5, abs=0.01)
    assert refused.value.details["tenant"] == "t"
    clock.advance(refused.value.details["retry_after_s"])
    submit(store, 1, SLOW)
    with pytest.raises(RateLimited):
        submit(store, 1, SLOW)


def test_a_bucket_holds_no_more_than_its_burst(store: JobStore, clock: Clock) -> None:
    submit(store, 3, SLOW)
    clock.advance(3600)

    submit(store, 3, SLOW)
    with pytest.raises(RateLimited):
        submit(store, 1, SLOW)


def test_a_call_of_more_jobs_than_the_burst_needs_a_full_bucket_and_leaves_it_in_debt(
    store: JobStore, clock: Clock
) -> None:
    submit(store, 7, SLOW)

    with pytest.raises(RateLimited) as refused:
        submit(store, 7, SLOW)

    assert refused.value.details["retry_after_s"] == pytest.approx(3.5, abs=0.01)
    clock.advance(refused.value.details["retry_after_s"])
    submit(store, 7, SLOW)
    assert len(store.find(tenant="t")) == 14


def test_a_clock_that_steps_back_gives_and_takes_nothing(store: JobStore, clock: Clock) -> None:
    submit(store, 2, SLOW)
    clock.advance(-1000)

    submit(store, 1, SLOW)
    with pytest.raises(RateLimited) as refused:
        submit(store, 1, SLOW)
    assert refused.value.details["retry_after_s"] <= 1


def test_a_refused_call_writes_nothing_and_takes_nothing_from_the_bucket(store: JobStore) -> None:
    submit(store, 1, SLOW)

    with pytest.raises(RateLimited):
        submit(store, 3, SLOW)

    assert len(store.find()) == 1
    submit(store, 2, SLOW)


def test_a_tenant_may_have_so_many_open_jobs(store: JobStore) -> None:
    queued, running = created(store, tenant="t"), created(store, tenant="t")
    claimed(store, running)

    with pytest.raises(QuotaExceeded) as refused:
        submit(store, 1, FEW)

    assert refused.value.details["retry_after_s"] > 0
    assert refused.value.details["open_jobs"] == 2
    store.finish([Finish(running.id, OK, "w1", 1)])
    submit(store, 1, FEW)
    store.request_cancel([queued.id])
    submit(store, 1, FEW)
    with pytest.raises(QuotaExceeded):
        submit(store, 1, FEW)


def test_a_call_that_would_pass_the_quota_writes_none_of_its_jobs(store: JobStore) -> None:
    with pytest.raises(QuotaExceeded):
        submit(store, 3, FEW)

    assert store.find() == []
    submit(store, 2, FEW)


def test_open_jobs_are_counted_before_the_rate(store: JobStore, clock: Clock) -> None:
    both = {"t": Limit(jobs_per_s=1, burst=1, open_jobs=1)}
    submit(store, 1, both)

    with pytest.raises(QuotaExceeded):
        submit(store, 1, both)
    store.request_cancel([job.id for job in store.find()])
    with pytest.raises(RateLimited):
        submit(store, 1, both)
    clock.advance(1)
    submit(store, 1, both)


def test_jobs_that_exist_already_cost_nothing(store: JobStore) -> None:
    only = {"t": Limit(jobs_per_s=1, burst=1, open_jobs=1)}
    first = store.create([new(tenant="t", idempotency_key="k", id="x")], limits=only)

    assert store.create([new(tenant="t", idempotency_key="k")], limits=only) == first
    assert store.create([new(tenant="t", id="x", idempotency_key="k")], limits=only) == first


def test_tenants_have_limits_of_their_own_or_none(store: JobStore) -> None:
    limits = {"t": Limit(jobs_per_s=1, burst=1), "u": Limit(jobs_per_s=1, burst=1), "v": Limit()}
    submit(store, 1, limits)
    submit(store, 1, limits, "u")
    submit(store, 50, limits, "v")
    submit(store, 50, limits, "w")

    with pytest.raises(RateLimited):
        store.create([new(1, tenant="w"), new(2, tenant="u")], limits=limits)

    assert len(store.find(tenant="w", limit=100)) == 50
