"""How the text engine reads prompts: in parts where they are long, and only once what many of them begin with."""

from __future__ import annotations

import itertools
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from storehand.engine import BatchReport, EngineState
from storehand.errors import Cancelled, EngineError
from storehand.job import Priority
from tests.contract.kits import Gate, failing_model
from tests.contract.test_engines_text import ask, assert_equal_tokens, first, running
from tests.tiny_models import save_text_model, spec_of, word_tokenizer
from tests.waiting import until

torch.set_num_threads(1)
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {},
    "gpt2": {},
    "gpt_neox": {},
    "gemma2": {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]},
    "mistral": {"sliding_window": 16},
}
"""Grouped heads, learned positions, all heads, masks that are added and by layer, sliding ones."""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("words"), tokenizer=word_tokenizer())


def long_prompt(tokens: int, *, seed: int = 0) -> str:
    return " ".join(f"w{1 + (seed * 57 + place * place * 7) % 299}" for place in range(tokens))


def prompts_with_a_common_beginning(count: int, tokens: int = 70) -> list[str]:
    return [f"{long_prompt(tokens)} {long_prompt(5 + 9 * number, seed=number + 1)}" for number in range(count)]


@pytest.mark.parametrize("family", SHAPES)
def test_greedy_text_is_that_of_generate_where_prompts_are_read_in_parts_and_begin_alike(
    family: str, tmp_path: Path
) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), **SHAPES[family])
    prompts = prompts_with_a_common_beginning(5)
    reports: list[BatchReport] = []
    with running(spec_of(folder, slots=3, batch_tokens=40, reports=reports)) as engine:
        texts = [first(engine.submit(ask("first", prompts[0], max_new_tokens=12)).result(20)).text]
        futures = [engine.submit(ask(f"{n}", each, max_new_tokens=12)) for n, each in enumerate(prompts[1:])]
        texts += [first(future.result(20)).text for future in futures]

    for prompt, text in zip(prompts, texts, strict=True):
        assert_equal_tokens(folder, prompt, text, tokens=12)
    computed = sum(report.tokens for report in reports if report.phase == "prefill")
    assert computed < sum(len(prompt.split()) for prompt in prompts) - 64


def test_others_write_on_while_a_long_prompt_is_read(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, batch_tokens=16), on_batch=gate)) as engine:
        other = engine.submit(ask("other", "w5 w6", max_new_tokens=60))
        until(lambda: gate.reports)
        long = engine.submit(ask("long", long_prompt(100), max_new_tokens=20))
        gate.open()
        texts = [first(future.result(20)).text for future in (other, long)]

    parts = [number for number, report in enumerate(gate.reports) if report.phase == "prefill"][1:]
    assert [gate.reports[number].tokens for number in parts] == [16] * 6 + [4]
    assert all(later - sooner == 2 for sooner, later in itertools.pairwise(parts))  # a decode between any two
    assert_equal_tokens(words, "w5 w6", texts[0], tokens=60)
    assert_equal_tokens(words, long_prompt(100), texts[1], tokens=20)


def test_a_chat_is_answered_while_a_long_prompt_of_bulk_is_read(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, batch_tokens=16), on_batch=gate)) as engine:
        bulk = [
            engine.submit(ask(f"{n}", long_prompt(220, seed=int(n)), priority=Priority.BULK, max_new_tokens=1))
            for n in "12"
        ]
        until(lambda: gate.reports)
        chat = engine.submit(ask("chat", "w6 w7", priority=Priority.INTERACTIVE, max_new_tokens=2))
        gate.let_through(5)

        assert first(chat.result(10)).completion_tokens == 2
        assert not any(future.done() for future in bulk)
        gate.open()
        assert all(future.result(20) for future in bulk)


@pytest.mark.parametrize("slots", [3, 8])
def test_an_urgent_long_prompt_is_read_before_one_that_is_half_read_and_costs_it_nothing(
    words: Path, slots: int
) -> None:
    gate, ended = Gate(), list[str]()
    gate.close()
    with running(replace(spec_of(words, slots=slots, batch_tokens=16), on_batch=gate)) as engine:
        futures = []
        for name, priority in (("at work", "bulk"), ("bulk", "bulk"), ("chat", "interactive")):
            request = ask(name, long_prompt(60, seed=ord(name[0])), priority=Priority(priority), max_new_tokens=9)
            futures.append(engine.submit(request))
            futures[-1].add_done_callback(lambda _, name=name: ended.append(name))
            until(lambda: gate.reports)
        gate.open()
        wait(futures, 20)

    assert ended == ["chat", "at work", "bulk"]
    assert sum(report.tokens for report in gate.reports if report.phase == "prefill") == 3 * 60
    for name, future in zip(("at work", "bulk", "chat"), futures, strict=True):
        assert_equal_tokens(words, long_prompt(60, seed=ord(name[0])), first(future.result(0)).text, tokens=9)


def test_samples_of_a_long_prompt_share_its_reading(words: Path) -> None:
    samples = ask("samples", long_prompt(100), n=3, temperature=1.0, seed=5, max_new_tokens=9)
    reports: list[BatchReport] = []
    with running(spec_of(words)) as engine:
        at_once = engine.submit(samples).result(20)
    with running(spec_of(words, batch_tokens=16, reports=reports)) as engine:
        in_parts = engine.submit(samples).result(20)

    assert sum(report.tokens for report in reports if report.phase == "prefill") == 100
    assert [each.text for each in in_parts.completions] == [each.text for each in at_once.completions]
    assert len({each.text for each in in_parts.completions}) == 3


def test_parts_that_fail_again_and_again_are_no_good_steps(words: Path) -> None:
    with running(spec_of(words, batch_tokens=16)) as engine, failing_model([250, 251], RuntimeError("no kernel")):
        for number in range(3):
            prompt = f"{long_prompt(3)} w250 w251 {long_prompt(50, seed=number)}"
            assert isinstance(engine.submit(ask(f"{number}", prompt, max_new_tokens=1)).exception(20), EngineError)

        assert engine.health().state is EngineState.DEGRADED


def test_a_beginning_that_could_not_be_saved_is_not_taken_for_saved(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(slot: Any, copies: Any) -> None:
        if copies:
            monkeypatch.setattr(memory, "save", save)
            raise RuntimeError("a copy failed")

    prompts = prompts_with_a_common_beginning(4)
    with running(spec_of(words)) as engine:
        memory: Any = engine._decoder._blocks  # type: ignore[attr-defined]  # no caller can make it fail from outside
        save = memory.save
        monkeypatch.setattr(memory, "save", fail_once)
        assert engine.submit(ask("first", prompts[0], max_new_tokens=1)).result(20)
        assert isinstance(engine.submit(ask("second", prompts[1], max_new_tokens=1)).exception(20), EngineError)
        texts = [
            first(engine.submit(ask(f"{n}", prompt, max_new_tokens=9)).result(20)).text
            for n, prompt in enumerate(prompts)
        ]

    for prompt, text in zip(prompts, texts, strict=True):
        assert_equal_tokens(words, prompt, text, tokens=9)


def test_a_long_prompt_can_be_cancelled_half_read_and_the_next_one_is_not_disturbed(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, batch_tokens=16), on_batch=gate)) as engine:
        future = engine.submit(ask("long", long_prompt(100, seed=3), max_new_tokens=5))
        gate.let_through(2)
        until(lambda: len(gate.reports) >= 3)
        engine.cancel("long", Cancelled())
        gate.open()
        assert isinstance(future.exception(0), Cancelled)
        text = first(engine.submit(ask("next", long_prompt(90), max_new_tokens=9)).result(20)).text

    assert_equal_tokens(words, long_prompt(90), text, tokens=9)


def test_a_part_that_the_model_fails_on_fails_its_prompt_alone(words: Path) -> None:
    bad_prompt = f"{long_prompt(50)} w250 w251 {long_prompt(50)}"
    with running(spec_of(words, batch_tokens=16)) as engine:
        with failing_model([250, 251], RuntimeError("a kernel said no")):
            good = engine.submit(ask("good", long_prompt(40), max_new_tokens=9))
            bad = engine.submit(ask("bad", bad_prompt, max_new_tokens=9))
            assert isinstance(bad.exception(20), EngineError)
        text = first(good.result(20)).text
        until(lambda: engine.stats().running == 0)

    assert_equal_tokens(words, long_prompt(40), text, tokens=9)


@pytest.mark.parametrize("prefix_tokens", [0, 32, 128])
def test_little_memory_for_beginnings_costs_time_and_no_word(words: Path, prefix_tokens: int) -> None:
    prompts = [prompt for _ in range(3) for prompt in prompts_with_a_common_beginning(4)]
    with running(spec_of(words, slots=2, options={"prefix_tokens": prefix_tokens})) as engine:
        futures = [engine.submit(ask(f"{n}", prompt, max_new_tokens=6)) for n, prompt in enumerate(prompts)]
        texts = [first(future.result(20)).text for future in futures]

    assert texts == texts[:4] * 3
    for prompt, text in zip(prompts[:4], texts, strict=False):
        assert_equal_tokens(words, prompt, text, tokens=6)


def test_numbers_that_broke_reach_nobody_who_comes_into_the_slot_later(words: Path) -> None:
    def break_numbers(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(module, torch.nn.Embedding):
            output[args[0] == 250] = torch.nan
        return output

    gate, bad_prompt = Gate(), f"{long_prompt(40)} {'w250 ' * 30}"
    with running(replace(spec_of(words, slots=2), on_batch=gate)) as engine:
        handle = torch.nn.modules.module.register_module_forward_hook(break_numbers)
        try:
            bad = engine.submit(ask("bad", bad_prompt, n=2, max_new_tokens=5))  # in both slots
            assert isinstance(bad.exception(20), EngineError)
        finally:
            handle.remove()
        gate.close()
        short = engine.submit(ask("short", "w5 w6", max_new_tokens=20))
        until(lambda: engine.stats().running == 1)  # alone: pads of a longer prompt would overwrite what is left
        long = engine.submit(ask("long", long_prompt(90), max_new_tokens=9))
        gate.open()
        texts = [first(future.result(20)).text for future in (long, short)]

    assert_equal_tokens(words, long_prompt(90), texts[0], tokens=9)
    assert_equal_tokens(words, "w5 w6", texts[1], tokens=20)
