"""Sampling: the arg max, penalties, the cuts, and draws that depend on nothing but the row's own seed."""

from __future__ import annotations

import time
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TopKLogitsWarper, TopPLogitsWarper

from storehand_worker.engines.sampling import Noise, Sampling, choose
from storehand_worker.engines.sampling import draw as draw_with_best
from storehand_worker.engines.shaping import Shape

torch.set_num_threads(1)


def logits_of(rows: int = 1, size: int = 50, seed: int = 0, spread: float = 3.0) -> torch.Tensor:
    return spread * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def draw(logits: torch.Tensor, rows: list[Sampling]) -> torch.Tensor:
    return draw_with_best(logits, rows, best=logits.argmax(-1))


def sampled(seed: int = 0, temperature: float = 1.0, **options: float) -> Sampling:
    return Sampling(temperature=temperature, noise=Noise(seed), **options)  # type: ignore[arg-type]  # by name


def test_temperature_zero_takes_the_most_likely_token() -> None:
    logits = logits_of(4)

    tokens, sound = choose(logits.clone(), [Sampling()] * 4)

    assert (tokens, sound) == (logits.argmax(-1).tolist(), [True] * 4)


def test_greedy_and_sampled_rows_share_a_batch() -> None:
    logits = logits_of(3)
    alone, _ = choose(logits[1:2].clone(), [sampled(7)])

    tokens, _ = choose(logits.clone(), [Sampling(), sampled(7), Sampling()])

    assert tokens == [int(logits[0].argmax()), alone[0], int(logits[2].argmax())]


def test_suppressed_tokens_are_never_chosen() -> None:
    logits = torch.zeros(2, 10)
    logits[:, 3] = 9

    tokens, sound = choose(logits, [Sampling(), sampled(1)], suppress=torch.tensor([3]))

    assert 3 not in tokens
    assert sound == [True, True]


@pytest.mark.parametrize("bad", [torch.nan, -torch.inf])
def test_a_row_without_sound_logits_is_reported_and_its_neighbour_is_not(bad: float) -> None:
    logits = logits_of(2)
    logits[0] = bad

    tokens, sound = choose(logits.clone(), [sampled(1), sampled(2)])

    assert sound == [False, True]
    assert tokens[1] == choose(logits[1:].clone(), [sampled(2)])[0][0]


@pytest.mark.parametrize("penalty", [1.3, 0.8])
def test_the_repetition_penalty_is_that_of_transformers(penalty: float) -> None:
    logits = logits_of(2, size=20)
    said = torch.tensor([[1, 5, 5, 7]])
    expected = RepetitionPenaltyLogitsProcessor(penalty)(said, logits[:1].clone())
    seen: dict[int, None] = dict.fromkeys(said[0].tolist())

    working = logits.clone()
    tokens, _ = choose(working, [Sampling(shape=Shape(penalty=penalty, seen=seen)), Sampling()])

    assert torch.equal(working, torch.cat([expected, logits[1:]]))
    assert tokens[0] in seen


@given(st.integers(0, 12), st.floats(0.05, 1.0), st.floats(0.2, 2.0), st.integers(0, 1000), st.integers(5, 300))
@settings(max_examples=60, deadline=None)
def test_draws_stay_inside_the_cuts_of_transformers(
    top_k: int, top_p: float, temperature: float, seed: int, size: int
) -> None:
    logits = logits_of(1, size=size, seed=seed)
    warpers = LogitsProcessorList()
    if top_k:
        warpers.append(TopKLogitsWarper(top_k))
    warpers.append(TopPLogitsWarper(top_p))
    allowed = torch.isfinite(warpers(None, logits / temperature))[0]

    drawn = {int(draw(logits, [sampled(n, temperature, top_k=top_k, top_p=top_p)])[0]) for n in range(20)}

    assert all(allowed[token] for token in drawn)


def test_draws_follow_the_probabilities() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    row = sampled(3)

    counts = Counter(int(draw(logits, [row])[0]) for _ in range(4000))

    for token, share in enumerate([0.5, 0.25, 0.125, 0.125]):
        assert counts[token] / 4000 == pytest.approx(share, abs=0.03)


def test_a_flat_distribution_is_cut_right_though_it_needs_more_candidates_than_the_first_few() -> None:
    logits = torch.linspace(0, 0.1, 1000)[None]
    top = int((torch.softmax(logits, -1)[0].sort(descending=True).values.cumsum(0) < 0.5).sum()) + 1

    drawn = [int(draw(logits, [sampled(n, top_p=0.5)])[0]) for n in range(200)]

    assert min(drawn) >= 1000 - top
    assert min(drawn) < 1000 - 300


def test_a_vanishing_temperature_is_greedy() -> None:
    logits = logits_of(1)

    assert int(draw(logits, [sampled(1, temperature=1e-9)])[0]) == int(logits.argmax())


def test_the_same_seed_draws_the_same_tokens_alone_and_in_company() -> None:
    steps = [logits_of(8, seed=number) for number in range(80)]
    alone, company = sampled(5, top_p=0.9, top_k=20), [sampled(n, top_p=0.9, top_k=20) for n in range(8)]

    by_itself = [int(draw(step[5:6], [alone])[0]) for step in steps]
    with_others = [int(draw(step, company)[5]) for step in steps]

    assert by_itself == with_others
    assert len(set(by_itself)) > 10


def test_another_seed_draws_other_tokens() -> None:
    logits = torch.zeros(1, 1000)

    assert len({int(draw(logits, [sampled(seed)])[0]) for seed in range(10)}) > 7


def test_sampling_32_rows_of_the_starter_costs_a_small_part_of_a_step() -> None:
    logits = logits_of(32, size=6656)
    rows = [sampled(n, temperature=0.8) for n in range(32)]
    choose(logits.clone(), rows)

    times = []
    for _ in range(15):
        started = time.thread_time()
        choose(logits, rows)
        times.append(time.thread_time() - started)

    assert min(times) < 0.006
