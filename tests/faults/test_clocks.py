"""A clock that steps, faked through the stores' own argument: a job may run more often, it is answered once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.clocks import play
from tests.servers import PostgresServer, RedisServer


@pytest.mark.parametrize("seed", range(8))
def test_a_clock_that_steps_loses_no_job_and_gives_no_second_answer_on_sqlite(tmp_path: Path, seed: int) -> None:
    assert play("sqlite", tmp_path, seed) == []


@pytest.mark.parametrize("seed", range(8))
def test_the_same_on_redis(redis_server: RedisServer, seed: int) -> None:
    assert play("redis", redis_server.fresh_url(), seed) == []


@pytest.mark.parametrize("seed", range(2))
def test_the_same_on_postgres(postgres_server: PostgresServer, seed: int) -> None:
    assert play("postgres", postgres_server.fresh_url(), seed) == []
