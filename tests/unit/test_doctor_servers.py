from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storehand.cli.checks import Check, Light
from storehand.cli.servers import judge_combination, judge_redis, judge_timeout
from storehand.cli.store_servers import judge_postgres
from storehand.settings import Settings

GOOD = {
    "redis_version": "7.0.15",
    "aof_enabled": 1,
    "appendfsync": "everysec",
    "maxmemory_policy": "noeviction",
    "clock_skew_s": 0.01,
    "foreign_keys": 0,
}


def redis(**facts: Any) -> dict[str, Check]:
    return {check.name: check for check in judge_redis("broker", {**GOOD, **facts}, visibility_s=120)}


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(data_dir=tmp_path, **given)


def test_a_redis_as_it_should_be_is_green_and_says_what_a_power_cut_costs():
    checks = redis()

    assert {check.light for check in checks.values()} == {Light.GREEN}
    assert "a power cut may lose the last second" in checks["persistence"].detail
    assert "survives a power cut" in redis(appendfsync="always")["persistence"].detail


@pytest.mark.parametrize(
    ("facts", "name", "light"),
    [
        ({"aof_enabled": 0}, "persistence", Light.RED),
        ({"appendfsync": "no"}, "persistence", Light.YELLOW),
        ({"aof_last_write_status": "err"}, "disk", Light.RED),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 1_000_000}, "eviction", Light.RED),
        ({"maxmemory_policy": "volatile-lru", "maxmemory": 0}, "eviction", Light.YELLOW),
        ({"redis_version": "5.0.7"}, "version", Light.RED),
        ({"clock_skew_s": 40.0}, "clock", Light.YELLOW),
        ({"foreign_keys": 3}, "shared", Light.YELLOW),
    ],
)
def test_what_may_cost_jobs_is_told_with_advice(facts: dict[str, Any], name: str, light: Light):
    check = redis(**facts)[name]

    assert check.light is light
    assert check.advice


def test_a_job_that_rabbitmq_would_cut_off_is_told(tmp_path: Path):
    long = settings(tmp_path, time_limit_s=3600, soft_time_limit_s=3000)

    assert judge_timeout("broker", settings(tmp_path)).light is Light.GREEN
    assert judge_timeout("broker", long).light is Light.YELLOW
    assert "consumer_timeout = 4374000" in judge_timeout("broker", long).advice


@pytest.mark.parametrize(
    ("urls", "light"),
    [
        ({}, Light.GREEN),
        ({"broker_url": "redis://h/0", "store_url": "redis://h/1"}, Light.GREEN),
        ({"broker_url": "amqp://h//", "store_url": "postgresql://h/d"}, Light.GREEN),
        ({"broker_url": "amqp://h//"}, Light.YELLOW),
        ({"broker_url": "memory://"}, Light.RED),
    ],
    ids=["embedded", "redis", "rabbitmq+postgres", "rabbitmq+sqlite", "memory"],
)
def test_what_broker_and_store_are_worth_together(urls: dict[str, str], light: Light, tmp_path: Path):
    assert judge_combination(settings(tmp_path, **urls)).light is light


@pytest.mark.parametrize(
    ("facts", "light"),
    [
        ({"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}, Light.GREEN),
        ({"fsync": "on", "full_page_writes": "on", "synchronous_commit": "off"}, Light.YELLOW),
        ({"fsync": "off", "full_page_writes": "on", "synchronous_commit": "on"}, Light.RED),
    ],
)
def test_what_postgres_survives(facts: dict[str, str], light: Light):
    checks = {check.name: check for check in judge_postgres({"server_version": "15.9 (Debian)", **facts})}

    assert checks["guarantee"].light is light
    assert checks["version"].light is Light.GREEN


def test_a_store_that_may_lose_what_it_answered_is_a_warning():
    checks = {check.name: check for check in judge_redis("store", GOOD, visibility_s=120)}

    assert checks["persistence"].light is Light.YELLOW
    assert "appendfsync always" in checks["persistence"].advice
