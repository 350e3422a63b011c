"""Shared by all tests: offline, one torch thread, and the time each folder took against its budget."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.servers import PostgresServer, RabbitServer, RedisServer, Server

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on busy cores made small models ten times slower
settings.register_profile("shared machine", deadline=None)  # 200 ms per example failed whenever cores were busy
settings.load_profile("shared machine")

BUDGET_S = {
    "unit": 240,
    "scaling": 15,
    "chart": 80,
    "contract": 450,
    "broker": 110,
    "pipeline": 310,
    "rules": 60,
    "guards": 120,
    "faults": 120,
    "project": 50,
    "image": 15,
    "dashboards": 20,
    "exporter": 15,
}
"""Seconds the tests of each folder may take, added up, on two cores; three run at a time (`make test`), since many
wait more than they compute, so that all together stay within its ten minutes."""


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """For all tests of this process; starts with the first that asks. Whoever kills or pauses it starts its own."""
    with _started(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[RabbitServer]:
    """The same; its start takes 10 s of a core."""
    with _started(RabbitServer) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with _started(PostgresServer) as server:
        yield server


S = TypeVar("S", bound=Server)


def _started(kind: type[S]) -> S:
    require(kind)
    return kind()


def require(kind: type[Server]) -> None:
    """Skips where its programs are not installed; fails where they must be."""
    reason = kind.missing()
    if reason and os.environ.get("STOREHAND_TEST_SERVERS") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


SLOW_FIRST = ("faults", "broker", "rules", "pipeline", "guards", "chart", "image", "dashboards", "contract")
"""Folders whose files take long, each on one of two processes: what begins last should be short."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {folder: number for number, folder in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: rank.get(Path(item.nodeid).parts[1], len(rank)))


_spent: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _spent[Path(report.nodeid).parts[1]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for folder, spent_s in sorted(_spent.items()):
        budget_s = BUDGET_S.get(folder)
        mark = "OVER BUDGET" if budget_s and spent_s > budget_s else ""
        terminalreporter.write_line(f"{folder:10s} {spent_s:6.1f} s of {budget_s or '-'} s {mark}")
