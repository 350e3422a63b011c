"""The autoscaler's arithmetic against what Kubernetes documents."""

from __future__ import annotations

import pytest

from storehand_worker.simulate.hpa import Autoscaler, Behaviour, Pace, Reading, proposed


@pytest.mark.parametrize(
    ("value", "replicas", "asked"),
    [(3.3, 2, 4), (2.19, 2, 2), (2.21, 2, 3), (1.81, 2, 2), (0.9, 2, 1), (0.0, 2, 0)],
)
def test_a_total_is_rounded_up_unless_within_a_tenth(value: float, replicas: int, asked: int) -> None:
    assert proposed(Reading(value), replicas=replicas, ready=replicas) == asked


def test_a_ratio_multiplies_the_workers_that_serve() -> None:
    assert proposed(Reading(60, target=30, is_total=False), replicas=3, ready=3) == 6


def test_workers_that_do_not_serve_yet_damp_a_ratio() -> None:
    assert proposed(Reading(1.0, target=0.8, is_total=False), replicas=4, ready=3) == 4


def scaler(behaviour: Behaviour, most: int = 100) -> Autoscaler:
    return Autoscaler(behaviour, least=1, most=most)


def test_growth_doubles_or_adds_four_every_fifteen_seconds_whichever_is_more() -> None:
    grown, autoscaler = [1], scaler(Behaviour())
    for tick in range(4):
        grown.append(autoscaler.decide(tick * 15.0, grown[-1], 50))

    assert grown == [1, 5, 10, 20, 40]


def test_shrinking_waits_until_no_recent_wish_was_higher() -> None:
    autoscaler = scaler(Behaviour(down_window_s=300))
    autoscaler.decide(0.0, 10, 10)

    assert autoscaler.decide(300.0, 10, 2) == 10
    assert autoscaler.decide(315.0, 10, 2) == 2


def test_shrinking_is_paced() -> None:
    autoscaler = scaler(Behaviour(down=Pace(percent=None, pods=1, period_s=120), down_window_s=0))
    left = 5
    history = []
    for tick in range(17):
        left = autoscaler.decide(tick * 15.0, left, 1)
        history.append(left)

    assert (history[0], history[7], history[8], history[16]) == (4, 4, 3, 2)


def test_bounds_hold_whatever_is_asked() -> None:
    assert scaler(Behaviour(), most=3).decide(0.0, 2, 50) == 3
    assert scaler(Behaviour(down_window_s=0)).decide(0.0, 2, 0) == 1
