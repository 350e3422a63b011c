"""What the text engine promises beyond every engine's manners: transformers' own tokens, seeds, streams, isolation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from storehand.engine import Engine, EngineSpec, GenerateRequest, Result
from storehand.errors import EngineError, InvalidInput, ModelNotAvailable, SettingsError
from storehand.job import Priority
from storehand.task import Completion, GenerateOptions, Message
from storehand_worker.engines import builtin_engines
from storehand_worker.engines.architectures import ARCHITECTURES
from tests.contract.kits import Gate, failing_model
from tests.tiny_models import byte_tokenizer, save_encoder, save_text_model, spec_of, word_tokenizer
from tests.waiting import until

torch.set_num_threads(1)
EQUAL_LOGITS = 1e-4
"""DESIGN section 9: where the reference's two best are this close, either is right."""

ALWAYS = {"llama", "gpt2", "gpt_neox", "gemma2", "mixtral", "opt", "cohere"}
"""Grouped heads, learned and shifted positions, parallel blocks, capped and scaled logits, experts; the rest is run by
`make test-long`, and half of it by test_engines_models.py every time."""

FAMILIES = [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.long) for name in ARCHITECTURES]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose text tells its tokens."""
    return save_text_model(tmp_path_factory.mktemp("words"), tokenizer=word_tokenizer())


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("chinese"), tokenizer=byte_tokenizer(chat=True))


@contextmanager
def running(spec: EngineSpec) -> Iterator[Engine]:
    engine = builtin_engines()["text"](spec)
    try:
        yield engine
    finally:
        if isinstance(spec.on_batch, Gate):
            spec.on_batch.open()
        engine.close(5)


def ask(name: str, prompt: Any, *, on_text: Any = None, priority: Priority = Priority.STANDARD, **options: Any) -> Any:
    return GenerateRequest(
        id=name, prompt=prompt, options=GenerateOptions(**options), on_text=on_text, priority=priority
    )


def first(result: Result) -> Completion:
    return result.completions[0]


def prompt_of(number: int) -> str:
    return " ".join(f"w{1 + (number * 31 + place * 7) % 299}" for place in range(2 + number * 5 % 60))


@cache
def reference_model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder).eval()


def reference(folder: Path, prompt: str, *, tokens: int, **generate: Any) -> list[int]:
    """What transformers' own `generate` says."""
    model = reference_model(folder)
    ids = torch.tensor([PreTrainedTokenizerFast.from_pretrained(folder)(prompt)["input_ids"]])
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, pad_token_id=0, **generate
        )
    return list(out[0, ids.shape[1] :].tolist())


def assert_equal_tokens(folder: Path, prompt: str, text: str, *, tokens: int) -> None:
    """Identical, or the first difference is a tie."""
    said = [int(word[1:]) for word in text.split()]
    expected = reference(folder, prompt, tokens=tokens)
    differing = [place for place, (left, right) in enumerate(zip(said, expected, strict=True)) if left != right]
    if differing:
        ids = PreTrainedTokenizerFast.from_pretrained(folder)(prompt)["input_ids"] + expected[: differing[0]]
        logits = reference_model(folder)(torch.tensor([ids])).logits[0, -1]
        best = logits.topk(2).values
        assert best[0] - best[1] < EQUAL_LOGITS


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_text_is_that_of_generate_though_requests_come_and_go(family: str, tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer())
    lengths = [3 + number * 7 % 25 for number in range(12)]
    with running(spec_of(folder, slots=5, batch_tokens=100)) as engine:
        futures: dict[int, Future[Result]] = {}

        def send(numbers: range) -> None:
            for number in numbers:
                futures[number] = engine.submit(ask(f"{number}", prompt_of(number), max_new_tokens=lengths[number]))
                if number % 2:
                    futures[number].result(20)  # so that the next one joins rows at work

        threads = [threading.Thread(target=send, args=(range(start, 12, 5),)) for start in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        results = {number: future.result(20) for number, future in futures.items()}

    assert len(results) == 12
    for number, result in results.items():
        assert first(result).finish_reason == "length"
        assert_equal_tokens(folder, prompt_of(number), first(result).text, tokens=lengths[number])


def test_the_repetition_penalty_is_that_of_generate(words: Path) -> None:
    expected = reference(words, prompt_of(3), tokens=30, repetition_penalty=1.4)
    with running(spec_of(words)) as engine:
        company = [engine.submit(ask(f"{n}", prompt_of(n), max_new_tokens=40)) for n in range(4)]
        result = engine.submit(ask("r", prompt_of(3), max_new_tokens=30, repetition_penalty=1.4)).result(20)
        wait(company, 20)

    assert [int(word[1:]) for word in first(result).text.split()] == expected


def test_a_seed_gives_the_same_text_alone_and_in_company(words: Path) -> None:
    options = {"temperature": 0.9, "top_p": 0.95, "top_k": 40, "max_new_tokens": 30}
    with running(spec_of(words)) as engine:
        alone = [first(engine.submit(ask(f"{n}", "w5 w6", seed=n, **options)).result(20)).text for n in range(6)]
        futures = [engine.submit(ask(f"{n}", "w5 w6", seed=n, **options)) for n in range(6)]
        together = [first(future.result(20)).text for future in futures]

    assert alone == together
    assert len(set(alone)) == 6


def test_without_a_seed_of_its_own_the_request_s_seed_counts(words: Path) -> None:
    options = GenerateOptions(temperature=1.0, max_new_tokens=20)
    with running(spec_of(words)) as engine:
        texts = [
            first(engine.submit(GenerateRequest(id=f"{n}", prompt="w5", seed=seed, options=options)).result(20)).text
            for n, seed in enumerate([11, 11, 12])
        ]

    assert texts[0] == texts[1] != texts[2]


def test_sample_i_is_the_text_of_seed_plus_i_and_the_prompt_is_computed_once(words: Path) -> None:
    gate = Gate()
    options = {"temperature": 0.9, "max_new_tokens": 12}
    with running(replace(spec_of(words), on_batch=gate)) as engine:
        samples = engine.submit(ask("n", "w5 w6 w7", n=5, seed=40, **options)).result(20)
        singles = [engine.submit(ask(f"{i}", "w5 w6 w7", seed=40 + i, **options)).result(20) for i in range(5)]

    assert samples.completions == tuple(first(single) for single in singles)
    assert samples.completion_tokens == 60
    prefill = next(report for report in gate.reports if report.phase == "prefill")
    assert (prefill.items, prefill.budget_tokens) == (1, spec_of(words).binding.batch_tokens)
    assert all(report.fill == report.items / report.capacity for report in gate.reports if report.phase == "decode")


def test_more_samples_than_slots_all_come(words: Path) -> None:
    with running(spec_of(words, slots=3)) as engine:
        result = engine.submit(ask("n", "w5", n=10, temperature=1.0, seed=1, max_new_tokens=5)).result(20)

    assert len(set(result.completions)) == 10


def test_generation_config_s_end_tokens_end_the_text_and_are_no_part_of_it(tmp_path: Path) -> None:
    plain = save_text_model(tmp_path / "plain", tokenizer=word_tokenizer())
    said = reference(plain, "w5 w6", tokens=12)
    end = next(token for token in said[2:] if token not in said[:2])
    ending = save_text_model(tmp_path / "ending", tokenizer=word_tokenizer(), generation={"eos_token_id": [999, end]})

    with running(spec_of(ending)) as engine:
        completion = first(engine.submit(ask("r", "w5 w6", max_new_tokens=12)).result(20))

    place = said.index(end)
    assert completion == Completion(" ".join(f"w{token}" for token in said[:place]), "stop", place + 1)


def test_generation_config_s_suppressed_tokens_are_never_written(words: Path, tmp_path: Path) -> None:
    said = set(reference(words, "w5 w6", tokens=12))
    forbidding = save_text_model(
        tmp_path, tokenizer=word_tokenizer(), generation={"eos_token_id": None, "suppress_tokens": sorted(said)}
    )

    with running(spec_of(forbidding)) as engine:
        greedy = engine.submit(ask("g", "w5 w6", max_new_tokens=60)).result(20)
        drawn = engine.submit(ask("d", "w5 w6", max_new_tokens=60, temperature=2.0, seed=1)).result(20)

    for result in (greedy, drawn):
        assert not said & {int(word[1:]) for word in first(result).text.split()}


def test_a_stop_string_ends_the_text_before_it(words: Path) -> None:
    said = reference(words, "w5 w6", tokens=20)
    text = " ".join(f"w{token}" for token in said)
    stop = f"w{said[6]} w{said[7]}"

    with running(spec_of(words)) as engine:
        completion = first(engine.submit(ask("r", "w5 w6", max_new_tokens=20, stop=(stop, "never"))).result(20))

    assert completion.text == text[: text.index(stop)]
    assert completion.finish_reason == "stop"
    assert completion.completion_tokens <= 8


def test_chinese_streams_in_whole_characters_that_join_to_the_text(chinese: Path) -> None:
    pieces: list[list[str]] = [[] for _ in range(6)]
    with running(spec_of(chinese)) as engine:
        futures = [
            engine.submit(ask(f"{n}", "轻便背包", temperature=1.0, seed=n, max_new_tokens=60, on_text=pieces[n].append))
            for n in range(6)
        ]
        texts = [first(future.result(20)).text for future in futures]
        silent = [
            first(engine.submit(ask(f"s{n}", "轻便背包", temperature=1.0, seed=n, max_new_tokens=60)).result(20)).text
            for n in range(6)
        ]

    assert ["".join(each) for each in pieces] == texts == silent
    assert all(all(each) for each in pieces)
    assert sum(map(len, pieces)) > 6


def test_only_the_first_sample_is_streamed(words: Path) -> None:
    pieces: list[str] = []
    with running(spec_of(words)) as engine:
        result = engine.submit(
            ask("r", "w5", n=3, temperature=1.0, seed=3, max_new_tokens=8, on_text=pieces.append)
        ).result(20)

    assert "".join(pieces) == first(result).text


def test_a_slow_consumer_holds_up_neither_its_own_text_nor_others(words: Path) -> None:
    may_go, pieces = threading.Event(), []

    def slow(piece: str) -> None:
        may_go.wait(10)
        pieces.append(piece)

    with running(spec_of(words)) as engine:
        watched = engine.submit(ask("slow", "w5", max_new_tokens=40, on_text=slow))
        other = engine.submit(ask("other", "w6", max_new_tokens=60)).result(10)
        until(lambda: engine.stats().running == 0)
        assert not watched.done()  # its text is written; it ends when all of it is delivered
        may_go.set()
        text = first(watched.result(10)).text

    assert first(other).completion_tokens == 60
    assert "".join(pieces) == text
    assert len(pieces) < 20  # what came meanwhile arrived joined


def test_a_consumer_that_raises_gets_no_more_and_the_text_is_written(words: Path) -> None:
    calls = []

    def broken(piece: str) -> None:
        calls.append(piece)
        raise ValueError("consumer")

    with running(spec_of(words)) as engine:
        result = engine.submit(ask("r", "w5", max_new_tokens=20, on_text=broken)).result(10)

    assert (first(result).completion_tokens, len(calls)) == (20, 1)


def test_a_prompt_that_the_model_fails_on_is_found_and_its_neighbours_are_answered(words: Path) -> None:
    gate = Gate()
    with running(replace(spec_of(words), on_batch=gate)) as engine:
        expected = [engine.submit(ask(f"{n}", prompt_of(n), max_new_tokens=9)).result(20) for n in range(5)]
        with failing_model([250, 251], RuntimeError("a kernel said no")) as hits:
            gate.close()
            engine.submit(ask("plug", "w1", max_new_tokens=9))
            until(lambda: engine.stats().running == 1)
            futures = [engine.submit(ask(f"{n}", prompt_of(n), max_new_tokens=9)) for n in range(5)]
            bad = engine.submit(ask("bad", "w9 w250 w251 w9", max_new_tokens=9))
            gate.open()
            results = [future.result(20) for future in futures]

            assert isinstance(bad.exception(0), EngineError)
            assert "(RuntimeError in hook (kits.py:" in str(bad.exception(0))  # its words could be anybody's

    assert len(hits) > 1  # it failed in company first
    assert [first(each) for each in results] == [first(each) for each in expected]


def test_a_row_that_fails_while_it_is_written_fails_alone(words: Path) -> None:
    said = [reference(words, prompt_of(n), tokens=30) for n in range(6)]
    places = [(n, token) for n in range(6) for token in said[n][3:20]]
    guilty, token = next(
        (n, token) for n, token in places if not any(token in said[other] for other in range(6) if other != n)
    )
    with running(spec_of(words)) as engine, failing_model([token], RuntimeError("a kernel said no")) as hits:
        futures = [engine.submit(ask(f"{n}", prompt_of(n), max_new_tokens=30)) for n in range(6)]
        wait(futures, 20)

    assert hits
    for number, future in enumerate(futures):
        if number == guilty:
            assert isinstance(future.exception(0), EngineError)
        else:
            assert first(future.result(0)).text == " ".join(f"w{each}" for each in said[number])


def test_a_row_whose_numbers_break_fails_alone(words: Path) -> None:
    def break_numbers(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(module, torch.nn.Embedding):
            output[(args[0] == 250).any(-1)] = torch.nan
        return output

    with running(spec_of(words)) as engine:
        expected = engine.submit(ask("e", "w8 w9", max_new_tokens=5)).result(20)
        handle = torch.nn.modules.module.register_module_forward_hook(break_numbers)
        try:
            futures = [engine.submit(ask("bad", "w250", max_new_tokens=5))]
            futures.append(engine.submit(ask("good", "w8 w9", max_new_tokens=5)))
            wait(futures, 20)
        finally:
            handle.remove()

    assert isinstance(futures[0].exception(0), EngineError)
    assert first(futures[1].result(0)) == first(expected)


def test_interactive_starts_at_once_though_bulk_fills_the_slots(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, slots=8), on_batch=gate)) as engine:
        for number in range(20):
            engine.submit(ask(f"bulk {number}", "w5", priority=Priority.BULK, max_new_tokens=200))
        gate.let_through(6)
        until(lambda: len(gate.reports) >= 7)
        assert engine.stats().running == 7

        chat = engine.submit(ask("chat", "w6", priority=Priority.INTERACTIVE, max_new_tokens=1))
        gate.let_through(2)

        assert chat.result(10)


def test_a_reserve_that_leaves_no_slot_to_others_is_refused_at_the_start(words: Path) -> None:
    with pytest.raises(SettingsError, match=r"models\.generate\.options\.reserved_slots is 8; .* at most 7"):
        builtin_engines()["text"](spec_of(words, slots=8, options={"reserved_slots": 8}))


def test_interactive_ones_at_work_do_not_use_up_what_is_kept_free_for_the_next(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, slots=8, options={"reserved_slots": 2}), on_batch=gate)) as engine:
        for number in range(2):
            engine.submit(ask(f"chat {number}", "w6", priority=Priority.INTERACTIVE, max_new_tokens=200))
        for number in range(20):
            engine.submit(ask(f"bulk {number}", "w5", priority=Priority.BULK, max_new_tokens=200))
        gate.let_through(6)
        until(lambda: len(gate.reports) >= 7)
        assert engine.stats().running == 6

        more = [engine.submit(ask(f"more {n}", "w6", priority=Priority.INTERACTIVE, max_new_tokens=1)) for n in "ab"]
        gate.let_through(2)

        assert all(future.result(10) for future in more)


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 0},
        {"max_new_tokens": 1000},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"repetition_penalty": 0.0},
        {"n": 0},
        {"n": 1000},
        {"stop": ("",)},
    ],
    ids=str,
)
def test_options_no_sampler_can_follow_are_invalid(words: Path, options: dict[str, Any]) -> None:
    with running(spec_of(words)) as engine, pytest.raises(InvalidInput):
        engine.submit(ask("r", "w5", **options))


def test_messages_go_through_the_chat_template(chinese: Path) -> None:
    rendered = "<|im_start|>system\n简短<|im_end|>\n<|im_start|>user\n背包<|im_end|>\n<|im_start|>assistant\n"
    messages = [Message("system", "简短"), Message("user", "背包")]
    with running(spec_of(chinese)) as engine:
        chat, plain = (engine.submit(ask(f"{type(p)}", p, max_new_tokens=9)).result(10) for p in (messages, rendered))
        assert engine.info.format == "chat"
        with pytest.raises(InvalidInput):
            engine.submit(ask("r", []))

    assert chat.completions == plain.completions
    assert chat.prompt_tokens == plain.prompt_tokens


def test_messages_without_a_chat_template_are_invalid(words: Path) -> None:
    with running(spec_of(words)) as engine:
        assert engine.info.format == "plain"
        with pytest.raises(InvalidInput, match="chat template"):
            engine.submit(ask("r", [Message("user", "w5")]))


def test_the_folder_s_own_file_names_the_format(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer(), own={"format": "slots", "locales": ["zh"]})
    with running(spec_of(folder)) as engine:
        info = engine.info

    assert (info.format, info.extra["locales"]) == ("slots", ["zh"])


def test_the_model_s_positions_limit_the_tokens(words: Path) -> None:
    with running(spec_of(words, max_tokens=4096)) as engine:
        assert engine.info.max_tokens == 256


def test_a_model_that_is_no_known_decoder_is_refused_with_the_names_of_those_that_are(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path)
    with pytest.raises(ModelNotAvailable, match=r"bert.*llama, mistral, mixtral, qwen2, qwen3"):
        builtin_engines()["text"](spec_of(folder))
