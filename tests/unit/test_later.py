from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from storehand.job import NewJob
from storehand_worker.later import NOT_BEFORE, leave_eta_to_row, timed


def message(seconds: float, *, task: str = "storehand.probe", **embed: Any) -> Any:
    eta = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return SimpleNamespace(headers={"task": task, "eta": eta}, payload=([], {}, embed))


def test_a_far_eta_is_left_to_the_row():
    far = message(600)

    leave_eta_to_row(far)

    assert far.headers["eta"] is None
    assert far.headers[NOT_BEFORE] == pytest.approx(time.time() + 600, abs=5)


@pytest.mark.parametrize(
    "kept",
    [
        message(5),
        message(600, task="shop.other"),
        message(600, callbacks=[{"task": "shop.done"}]),
        message(600, chain=[{"task": "shop.next"}]),
        SimpleNamespace(headers={"task": "storehand.probe", "eta": "soon"}, payload=([], {}, {})),
        SimpleNamespace(headers={"task": "storehand.probe", "eta": "2999-01-01T00:00:00+00:00"}, payload=None),
    ],
    ids=["soon", "not ours", "callback", "chain", "no time", "no body"],
)
def test_what_hangs_at_the_message_or_is_soon_due_stays_celerys(kept: Any):
    before = dict(kept.headers)

    leave_eta_to_row(kept)

    assert kept.headers == before


def test_the_row_waits_and_expires_as_the_message_would_have():
    job = NewJob(task="probe", input={})

    [row] = timed([job], {NOT_BEFORE: 2_000_000_000.0, "expires": "2033-05-18T03:33:30+00:00"})

    assert row.not_before == 2_000_000_000.0
    assert row.deadline == 2_000_000_010.0
    assert timed([job], {"expires": "2033-05-18T03:33:30+00:00"}) == (job,)
