"""Guesses from a text's own words change how fast it is written, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from storehand.engine import BatchReport
from storehand_worker.engines.decoder import Decoder
from storehand_worker.engines.lookup import Worth
from tests.contract.test_engines_text import ask, assert_equal_tokens, first, running
from tests.tiny_models import save_text_model, spec_of, word_tokenizer

torch.set_num_threads(1)
FAMILIES = ("llama", "gpt2", "gemma2")


def boring_prompt(number: int) -> str:
    return " ".join(f"w{5 + number + place % 4}" for place in range(20 + number))


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_text_is_that_of_generate_though_tokens_are_guessed(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small weights: these models repeat themselves."""
    monkeypatch.setattr(Worth, "pays", lambda *_: True)
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), initializer_range=0.05)
    reports: list[BatchReport] = []
    with running(spec_of(folder, slots=4, reports=reports)) as engine:
        futures = [engine.submit(ask(f"{n}", boring_prompt(n), max_new_tokens=30 + n)) for n in range(5)]
        sampled = engine.submit(ask("s", boring_prompt(1), max_new_tokens=30, temperature=0.8, seed=1))
        texts = [first(future.result(20)).text for future in futures]
        assert first(sampled.result(20)).completion_tokens == 30

    for number, text in enumerate(texts):
        assert_equal_tokens(folder, boring_prompt(number), text, tokens=30 + number)
    assert any(report.tokens > report.items for report in reports if report.phase == "decode")


def test_a_stop_string_within_what_was_guessed_ends_the_text_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer(), initializer_range=0.05)
    with running(spec_of(folder, options={"guess_tokens": 0})) as engine:
        said = first(engine.submit(ask("r", boring_prompt(1), max_new_tokens=40)).result(20)).text.split()
    stop = " ".join(said[20:22])
    with running(spec_of(folder, options={"guess_tokens": 0})) as engine:
        expected = first(engine.submit(ask("r", boring_prompt(1), max_new_tokens=40, stop=(stop,))).result(20))
    monkeypatch.setattr(Worth, "pays", lambda *_: True)
    with running(spec_of(folder)) as engine:
        text = first(engine.submit(ask("r", boring_prompt(1), max_new_tokens=40, stop=(stop,))).result(20))

    assert text == expected


def test_guesses_that_do_not_fit_into_memory_are_not_tried_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer(), initializer_range=0.05)
    extend, tries = Decoder.extend, list[int]()

    def short_of_memory(self: Decoder, chunks: Any, starts: Any, *, first: int, every: bool = False) -> torch.Tensor:
        if every:
            tries.append(1)
            raise torch.OutOfMemoryError("out of memory, for this test")
        return extend(self, chunks, starts, first=first)

    monkeypatch.setattr(Decoder, "extend", short_of_memory)
    with running(spec_of(folder)) as engine:
        text = first(engine.submit(ask("r", boring_prompt(1), max_new_tokens=120)).result(20)).text

    assert_equal_tokens(folder, boring_prompt(1), text, tokens=120)
    assert len(tries) == 1
