"""Without Prometheus there is nothing to judge rules by."""

from __future__ import annotations

import pytest

from tests.conftest import require
from tests.servers import PrometheusServer


@pytest.fixture(scope="session", autouse=True)
def prometheus() -> None:
    require(PrometheusServer)
