"""The kill table of RELIABILITY.md, in short: `python -m tests.chaos.table` is the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.play import play
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.chaos.stand import COMBINATIONS, Combination, Stand

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=COMBINATIONS, ids=str)
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    combination: Combination = request.param
    if reason := Stand.missing(combination):
        pytest.skip(reason)
    with Stand(combination) as opened:
        yield opened


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_job_is_lost_and_none_is_answered_twice(stand: Stand, tmp_path: Path, scenario: Scenario) -> None:
    servers = {"broker": stand.broker, "store": stand.store}
    if absent := [need for need in scenario.needs if servers[need] is None]:
        pytest.skip(f"the {absent[0]} of {stand.combination} is a file")

    verdict = play(scenario, stand, tmp_path, quick=True)

    assert (verdict.lost, verdict.twice, verdict.wrong, verdict.notes) == ((), (), (), ())
