from __future__ import annotations

from typing import Any

import pytest

from storehand.broker.qos import Reserve
from storehand.errors import SettingsError

RESERVE = Reserve(".interactive", 2)


def test_covered_queues_come_first_and_each_part_keeps_its_order() -> None:
    assert RESERVE.order(["a.bulk", "a.interactive", "b.bulk", "b.interactive", "a.bulk"]) == [
        "a.interactive",
        "b.interactive",
        "a.bulk",
        "b.bulk",
    ]


@pytest.mark.parametrize(
    ("queue", "covered", "others", "room"),
    [
        ("a.bulk", 0, 0, 6),
        ("a.bulk", 0, 6, 0),
        ("a.bulk", 2, 5, 1),
        ("a.bulk", 5, 2, 1),
        ("a.interactive", 0, 6, 2),
        ("a.interactive", 2, 6, 0),
        ("a.interactive", 0, 0, 8),
    ],
)
def test_other_queues_leave_the_reserved_places_free(queue: str, covered: int, others: int, room: int) -> None:
    assert RESERVE.room(queue, prefetch=8, covered=covered, others=others) == room


def test_a_prefetch_below_the_reserve_slows_others_down_and_does_not_stop_them() -> None:
    assert RESERVE.room("a.bulk", prefetch=2, covered=0, others=0) == 1
    assert RESERVE.room("a.bulk", prefetch=2, covered=0, others=1) == 0


def test_no_prefetch_means_no_limit() -> None:
    assert RESERVE.room("a.bulk", prefetch=0, covered=9, others=9) is None


@pytest.mark.parametrize("option", [3, {}, {"queues_ending": "", "count": 1}, {"queues_ending": "x", "count": -1}])
def test_a_senseless_reserve_is_refused_at_the_start(option: Any) -> None:
    with pytest.raises(SettingsError):
        Reserve.from_option(option)
