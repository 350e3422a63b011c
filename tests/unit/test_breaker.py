from __future__ import annotations

import pytest

from storehand.breaker import Breaker
from storehand.errors import Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(2.0, clock=clock)


def refuses(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except Unavailable as error:
        return error.details["was_tried"] is False
    return False


def test_all_may_try_as_long_as_nothing_failed(breaker: Breaker):
    assert not refuses(breaker)


def test_after_a_failure_nobody_waits_for_it_and_the_error_tells_the_reason(breaker: Breaker):
    breaker.failed("it is away")

    with pytest.raises(Unavailable, match="it is away; it is tried again in 2"):
        breaker.check()


def test_after_the_pause_one_caller_tries_and_the_others_do_not_wait_for_it(breaker: Breaker, clock: Clock):
    breaker.failed("it is away")
    clock.now += 2.1

    assert [refuses(breaker) for _ in range(3)] == [False, True, True]


def test_a_try_that_worked_lets_all_through(breaker: Breaker, clock: Clock):
    breaker.failed("it is away")
    clock.now += 2.1
    breaker.check()
    breaker.worked()

    assert not refuses(breaker)


def test_a_try_that_never_tells_is_followed_by_another_one(breaker: Breaker, clock: Clock):
    breaker.failed("it is away")
    for _ in range(3):
        clock.now += 2.1
        assert not refuses(breaker)
