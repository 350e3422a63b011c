"""Every sentence about job stores is said of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storehand.store import JobStore
from tests.contract.stores import STORES, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[JobStore]:
    store = STORES[request.param](tmp_path, clock)
    yield store
    store.close()
