"""The shop of the pipeline tests, fresh for every test: workers die here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storehand import Client
from tests.pipeline.workers import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, concurrency=64)


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened
