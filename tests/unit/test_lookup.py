from __future__ import annotations

from storehand_worker.engines.lookup import HOPE, Lookup, Worth, promise


def test_what_followed_the_last_three_tokens_before_is_the_guess() -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 7], hope=HOPE)

    assert lookup.guess(3) == []
    lookup.extend([9, 2, 3, 4])

    assert lookup.guess(3) == [5, 6, 7]
    assert lookup.guess(1) == [5]
    assert lookup.guess(0) == lookup.guess(-1) == []


def test_the_latest_place_counts() -> None:
    lookup = Lookup([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], hope=HOPE)

    assert lookup.guess(1) == [5]


def test_guesses_that_were_wrong_are_hoped_for_less() -> None:
    lookup = Lookup([], hope=HOPE)
    for _ in range(10):
        lookup.learn(3, 0)
    assert lookup.hope < 0.1
    for _ in range(20):
        lookup.learn(3, 3)
    assert lookup.hope > 0.9


def test_later_guesses_count_only_if_those_before_them_are_right() -> None:
    assert promise(0.5, 3) == 0.875
    assert promise(0.5, 0) == 0


def test_guesses_pay_where_they_promise_more_than_a_step_with_them_costs() -> None:
    worth = Worth()
    assert not worth.pays(8, 24)  # nothing is known
    worth.observe(8, 0.010, is_guessed=False)
    assert worth.pays(8, 4)  # worth finding out
    assert not worth.pays(8, 3)
    worth.observe(8, 0.015, is_guessed=True)

    assert worth.pays(8, 8)
    assert not worth.pays(8, 5)
    assert not worth.pays(32, 32)  # another number of rows: nothing is known


def test_guesses_that_failed_are_left_alone_for_long_and_tried_again_then() -> None:
    worth = Worth()
    worth.observe(8, 0.010, is_guessed=False)
    worth.fail(8)

    steps = 0
    while not worth.pays(8, 24):
        worth.observe(8, 0.010, is_guessed=False)
        steps += 1
    assert 1000 < steps < 3000


def test_one_slow_step_does_not_end_guesses_for_good() -> None:
    worth = Worth()
    worth.observe(8, 0.010, is_guessed=False)
    worth.observe(8, 0.100, is_guessed=True)
    assert not worth.pays(8, 16)
    for _ in range(1000):
        worth.observe(8, 0.010, is_guessed=False)

    assert worth.pays(8, 16)
