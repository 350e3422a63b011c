"""How long a step will take, learned from noisy steps."""

from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from storehand_worker.engines.step_time import READY_AFTER, StepTime, padded, unpadded

STEP = st.tuples(st.integers(0, 100_000), st.floats(0, 1e10), st.floats(0, 1e4))


def true_s(tokens: int, squares: float) -> float:
    return 0.002 + 1e-5 * tokens + 2e-8 * squares


def batches(dice: random.Random, count: int) -> list[tuple[int, float]]:
    return [padded([dice.randint(5, 250)] * dice.randint(1, 32)) for _ in range(count)]


def learned(seed: int, *, steps: int = 100, first: float = 1.0, hiccups: float = 0.0) -> StepTime:
    """From steps of 10 % noise; the first three take `first` times as long, a share of `hiccups` thirty times."""
    dice = random.Random(seed)
    times = StepTime()
    for number, (tokens, squares) in enumerate(batches(dice, steps)):
        slow = first if number < 3 else 30.0 if dice.random() < hiccups else 1.0
        times.observe(tokens, squares, slow * true_s(tokens, squares) * dice.lognormvariate(0, 0.1))
    return times


def errors(times: StepTime, *, truth: float = 1.0) -> list[float]:
    """How far off it is, in shares of the truth, over batches of all sizes."""
    load = batches(random.Random(99), 200)
    return sorted(abs(times.predict(*size) / (truth * true_s(*size)) - 1) for size in load)


def test_it_learns_what_a_step_of_any_size_takes() -> None:
    for seed in range(5):
        assert statistics.median(errors(learned(seed))) < 0.05
        assert errors(learned(seed))[-1] < 0.3


def test_first_steps_a_hundred_times_too_slow_are_soon_forgotten() -> None:
    for seed in range(5):
        assert statistics.median(errors(learned(seed, steps=30, first=100))) < 0.3


def test_a_hiccup_now_and_then_does_not_change_the_prediction() -> None:
    for seed in range(5):
        assert statistics.median(errors(learned(seed, hiccups=0.03))) < 0.15


def test_a_machine_that_became_three_times_slower_is_noticed() -> None:
    for seed in range(5):
        times = learned(seed)
        for tokens, squares in batches(random.Random(seed), 20):
            times.observe(tokens, squares, 3 * true_s(tokens, squares))
        assert statistics.median(errors(times, truth=3)) < 0.3


def test_one_batch_size_alone_is_taken_to_grow_with_its_tokens() -> None:
    times = StepTime()
    for _ in range(20):
        times.observe(1000, 1e5, 0.1)

    assert abs(times.predict(500, 5e4) - 0.05) < 0.01
    assert abs(times.predict(2000, 2e5) - 0.2) < 0.02


def test_it_is_not_ready_before_it_has_seen_some_steps() -> None:
    assert not learned(0, steps=READY_AFTER - 1).ready
    assert learned(0, steps=READY_AFTER).ready


def test_time_that_is_none_is_ignored() -> None:
    times = learned(0)
    before = times.predict(1000, 1e5)

    for seconds in (float("nan"), float("inf"), -1.0):
        times.observe(1000, 1e5, seconds)

    assert times.predict(1000, 1e5) == before


@given(st.lists(STEP, max_size=40), STEP)
def test_predictions_are_never_negative_and_more_work_never_takes_less(
    steps: list[tuple[int, float, float]], size: tuple[int, float, float]
) -> None:
    times = StepTime()
    for step in steps:
        times.observe(*step)

    tokens, squares, _ = size
    assert 0 <= times.predict(tokens, squares) <= times.predict(tokens + 100, squares) < float("inf")
    assert times.predict(tokens, squares) <= times.predict(tokens, squares + 1e4)


@given(st.lists(st.integers(1, 500), max_size=20))
def test_a_padded_batch_is_as_large_as_if_all_were_the_longest(lengths: list[int]) -> None:
    assert padded(lengths) == unpadded([max(lengths, default=0)] * len(lengths))
