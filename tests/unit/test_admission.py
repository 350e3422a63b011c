"""What a tenant may submit, as the client and its command line see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from storehand import Client
from storehand.cli.app import build_app
from storehand.contracts import DescriptionInput
from storehand.errors import QuotaExceeded, RateLimited, SettingsError
from storehand.settings import read_settings
from storehand.store import Limit
from storehand.tenants import TenantLimit, jobs_at_once, limits_of

Open = Callable[..., Client]


@pytest.fixture
def open_client(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(
            Client(data_dir=tmp_path, synchronous="NORMAL", tenant_limits=limits)
        )


def kettle(number: int = 0) -> DescriptionInput:
    return DescriptionInput(product=f"Kettle {number}, 1.7 L")  # type: ignore[arg-type]  # one line is enough


def test_a_tenant_over_its_rate_is_told_when_to_come_again_and_nothing_is_written(open_client: Open) -> None:
    client = open_client(default={"jobs_per_s": 0.5, "burst": 1})
    client.submit(kettle())

    with pytest.raises(RateLimited) as refused:
        client.submit(kettle())

    assert 1 < refused.value.details["retry_after_s"] <= 2
    assert len(client.jobs()) == 1


def test_tenants_without_a_line_of_their_own_share_the_star_but_not_its_bucket(open_client: Open) -> None:
    client = open_client(**{"*": {"open_jobs": 1}, "big": {"open_jobs": 2}})

    for tenant in ("a", "b", "big", "big"):
        client.submit(kettle(), tenant=tenant)

    for tenant in ("a", "b", "big"):
        with pytest.raises(QuotaExceeded):
            client.submit_raw("tagline", {}, tenant=tenant)


def test_submit_many_goes_in_steps_that_can_be_admitted_and_says_how_far_it_came(open_client: Open) -> None:
    client = open_client(default={"jobs_per_s": 0.01, "burst": 2})

    with pytest.raises(RateLimited) as refused:
        client.submit_many([kettle(number) for number in range(5)])

    assert refused.value.details["submitted"] == 2
    assert len(client.jobs()) == 2


def test_the_same_key_again_costs_nothing(open_client: Open) -> None:
    client = open_client(default={"jobs_per_s": 0.01, "burst": 2})
    keys = ["k1", "k2"]
    first = client.submit_many([kettle(), kettle()], idempotency_keys=keys)

    assert [each.id for each in client.submit_many([kettle(), kettle()], idempotency_keys=keys)] == [
        each.id for each in first
    ]


def test_the_command_line_says_when_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREHAND_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STOREHAND_TENANT_LIMITS", json.dumps({"default": {"jobs_per_s": 0.01, "burst": 1}}))

    def submit() -> Any:
        return CliRunner().invoke(build_app(), ["submit", "description", '{"product": "Kettle"}'])

    assert submit().exit_code == 0
    refused = submit()

    assert refused.exit_code == 4
    assert refused.stderr.startswith("rate_limited: tenant 'default' may submit 0.01 jobs/s, 1 at once")
    assert "try again in" in refused.stderr.splitlines()[0]


@pytest.mark.parametrize("limit", [{"jobs_per_s": 0}, {"burst": 0}, {"open_jobs": -1}, {"jobs": 1}])
def test_limits_that_mean_nothing_are_refused_with_their_name(limit: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=rf"tenant_limits\.t\.{next(iter(limit))}"):
        read_settings(tenant_limits={"t": limit})


def test_only_the_limits_of_those_who_submit_are_asked_for() -> None:
    from storehand.job import NewJob

    configured = {"a": TenantLimit(open_jobs=1), "b": TenantLimit(open_jobs=2)}
    jobs = [NewJob("t", {}, tenant="a"), NewJob("t", {}, tenant="c")]

    assert limits_of(configured, jobs) == {"a": Limit(open_jobs=1)}
    assert limits_of({"*": TenantLimit(burst=7, jobs_per_s=1)}, jobs).keys() == {"a", "c"}
    assert limits_of({}, jobs) == {}


@pytest.mark.parametrize(
    ("limit", "at_once"),
    [({}, 500), ({"burst": 9}, 500), ({"burst": 9, "jobs_per_s": 1}, 9), ({"open_jobs": 3}, 3), ({"open_jobs": 0}, 1)],
)
def test_a_step_is_no_larger_than_what_can_be_admitted(limit: dict[str, Any], at_once: int) -> None:
    assert jobs_at_once({"*": TenantLimit(**limit)}, "t", most=500) == at_once
