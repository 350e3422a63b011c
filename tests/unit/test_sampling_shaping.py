"""What rows want changed about their logits: each gets its own wish, its neighbours nothing of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MinPLogitsWarper

from storehand.errors import InvalidInput, PluginError
from storehand.task import GenerateOptions
from storehand_worker.engines.constraint import Constraints
from storehand_worker.engines.sampling import Noise, Sampling, choose, draw
from storehand_worker.engines.shaping import Bias, Shape, restrict_on_device, shape_of
from storehand_worker.engines.tokens import Tokens
from tests.tiny_models import byte_tokenizer

torch.set_num_threads(1)
TOKENIZER = byte_tokenizer()
SIZE = len(TOKENIZER)
DIGITS = [TOKENIZER.convert_tokens_to_ids(digit) for digit in "0123456789"]


def constraints(*, ends: Sequence[int] = (0,), suppress: Sequence[int] = (), more: int = 0) -> Constraints:
    forbidden = torch.tensor(suppress) if suppress else None
    return Constraints(Tokens(TOKENIZER, name="tiny"), vocabulary=SIZE + more, ends=ends, suppress=forbidden)


def logits_of(rows: int, seed: int = 0, size: int = SIZE) -> torch.Tensor:
    return 3 * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def shaped(home: Constraints | None = None, **options: Any) -> Sampling:
    return Sampling(shape=shape_of(GenerateOptions(**options), [1, 2], home or constraints()))


def test_options_without_a_wish_make_a_plain_row() -> None:
    assert Sampling(shape=shape_of(GenerateOptions(), [1], constraints())).is_plain
    assert not Sampling(temperature=0.5).is_plain
    for wish in (
        {"logit_bias": {1: 1.0}}, {"min_new_tokens": 1}, {"repetition_penalty": 1.1}, {"json_schema": {}},
        {"logits_processors": (print,)},
    ):  # fmt: skip
        assert not shaped(**wish).is_plain


@given(
    st.lists(st.dictionaries(st.integers(0, 19), st.floats(-100, 100, width=32), max_size=6), min_size=1, max_size=5),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_biases_are_added_to_their_own_rows_and_the_lowest_forbids(biases: list[dict[int, float]], seed: int) -> None:
    logits = logits_of(len(biases), seed=seed, size=20)
    expected = logits.clone()
    for row, bias in enumerate(biases):
        for token, value in bias.items():
            expected[row, token] += -torch.inf if value <= -100 else value

    working = logits.clone()
    tokens, _ = choose(working, [Sampling(shape=Shape(bias=Bias(bias)) if bias else None) for bias in biases])

    torch.testing.assert_close(working, expected)
    assert tokens == expected.argmax(-1).tolist()


def test_end_tokens_are_held_back_until_the_row_has_written_enough() -> None:
    logits = torch.zeros(2, SIZE)
    logits[:, 0] = 9
    held, free = shaped(min_new_tokens=2), Sampling()

    written = [choose(logits.clone(), [held, free])[0] for _ in range(4)]

    assert [ours != 0 for ours, _ in written] == [True, True, False, False]
    assert [theirs for _, theirs in written] == [0] * 4


@given(st.floats(0, 1), st.floats(0.2, 2.0), st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_draws_stay_above_min_p_as_transformers_has_it(min_p: float, temperature: float, seed: int) -> None:
    logits = logits_of(1, seed=seed, size=60)
    allowed = torch.isfinite(MinPLogitsWarper(min_p)(None, logits / temperature))[0]

    rows = [Sampling(temperature=temperature, min_p=min_p, noise=Noise(number)) for number in range(20)]
    many = logits.expand(20, -1).clone()
    drawn = draw(many, rows, best=many.argmax(-1)).tolist()

    assert all(allowed[token] for token in drawn)


def test_processors_come_after_biases_and_before_the_grammar() -> None:
    seen: list[torch.Tensor] = []

    def favour_letters(out: Sequence[int], logits: torch.Tensor) -> None:
        seen.append(logits.clone())
        logits[TOKENIZER.convert_tokens_to_ids("a")] += 1000

    row = shaped(json_schema={"type": "integer"}, logit_bias={5: 50.0}, logits_processors=(favour_letters,))
    logits = logits_of(1)

    [token], sound = choose(logits.clone(), [row])

    assert float(seen[0][5]) == pytest.approx(float(logits[0, 5]) + 50)
    assert sound == [True]
    assert TOKENIZER.decode([token]) in list("-0123456789")


def raising(out: Sequence[int], logits: torch.Tensor) -> None:
    raise ValueError("oh")


def test_a_processor_that_raises_spoils_its_row_alone() -> None:
    logits = logits_of(3)
    rows = [Sampling(), shaped(logits_processors=(raising,)), Sampling()]

    tokens, sound = choose(logits.clone(), rows)

    assert sound == [True, False, True]
    assert isinstance(rows[1].problem, PluginError)
    assert tokens[::2] == logits.argmax(-1).tolist()[::2]


def test_wishes_that_leave_no_token_are_the_requests_own_mistake() -> None:
    row = shaped(json_schema={"enum": [7]}, logit_bias=dict.fromkeys(DIGITS, -100.0))

    _, sound = choose(logits_of(1), [row])

    assert sound == [False]
    assert isinstance(row.problem, InvalidInput)


def test_logits_that_the_model_spoilt_are_not_blamed_on_the_request() -> None:
    row = shaped(min_new_tokens=3)

    _, sound = choose(torch.full((1, SIZE), torch.nan), [row])

    assert (sound, row.problem) == ([False], None)


def test_the_grammar_wins_over_what_the_model_suppresses_only_where_nothing_else_is_left() -> None:
    suppress = torch.tensor(DIGITS)
    home = constraints(suppress=DIGITS)
    number, either = (shaped(home, json_schema={"enum": choice}) for choice in ([7], [7, True]))
    logits = torch.zeros(3, SIZE)
    logits[:, DIGITS] = 50

    tokens, sound = choose(logits, [number, either, Sampling()], suppress=suppress)

    assert sound == [True] * 3
    assert TOKENIZER.decode(tokens[:1]) == "7"
    assert TOKENIZER.decode(tokens[1:2]).startswith("t")
    assert tokens[2] not in DIGITS


def test_a_grammar_is_complete_with_its_last_token() -> None:
    row = shaped(json_schema={"const": "好"})
    written: list[int] = []
    while not row.is_complete:
        tokens, [is_sound] = choose(logits_of(1, seed=len(written)), [row])
        assert is_sound
        written += tokens

    assert TOKENIZER.decode(written) == '"好"'


def test_a_vocabulary_that_is_wider_than_the_tokenizer_never_yields_what_no_text_has() -> None:
    row = shaped(constraints(more=70), json_schema={"type": "string"})
    logits = torch.zeros(1, SIZE + 70)
    logits[0, SIZE:] = 9

    [token], [is_sound] = choose(logits, [row])

    assert is_sound
    assert token < SIZE


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_device_unpacks_the_grammars_bits_as_the_processor_does(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    home = constraints()
    bits = home.fill([home.start(schema) for schema in ({"type": "integer"}, {"enum": ["好", True]})])
    logits = logits_of(3)
    expected = logits.clone()
    for row, each in zip((0, 2), bits, strict=True):
        expected[row, np.unpackbits(each, count=SIZE, bitorder="little") == 0] = -torch.inf

    there = logits.to(device)
    restrict_on_device(there, [0, 2], bits)

    assert torch.equal(there.cpu(), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_wishes_on_a_device_are_those_on_the_processor() -> None:
    def rows() -> list[Sampling]:
        wishes = ({"json_schema": {"type": "integer"}}, {"logit_bias": {3: 50.0}}, {"repetition_penalty": 1.5})
        return [*(shaped(**wish) for wish in wishes), shaped(min_new_tokens=2), Sampling()]

    here = choose(logits_of(5), rows(), suppress=torch.tensor([4, 5]))

    assert choose(logits_of(5).cuda(), rows(), suppress=torch.tensor([4, 5]).cuda()) == here


def test_a_guided_row_among_32_costs_a_small_part_of_a_step() -> None:
    logits = logits_of(32, size=6656)
    home = Constraints(Tokens(TOKENIZER, name="tiny"), vocabulary=6656, ends=(0,))
    schema = {"type": "array", "items": {"enum": [True, "轻便"]}, "minItems": 500}
    rows = [Sampling() for _ in range(31)] + [shaped(home, json_schema=schema)]
    choose(logits.clone(), rows)

    times = []
    for _ in range(15):
        started = time.thread_time()
        choose(logits, rows)
        times.append(time.thread_time() - started)

    assert min(times) < 0.002
