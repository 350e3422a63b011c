"""How texts end before they are complete: in time where a deadline is near, and with what was written."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from storehand.engine import GenerateRequest, Result
from storehand.errors import Cancelled, EngineError, Expired
from storehand.task import GenerateOptions
from storehand_worker.engines.call import PARTIAL_CHARACTERS, Call
from tests.contract.kits import Gate, begun_in_time
from tests.contract.test_engines_text import ask, first, reference, running
from tests.tiny_models import byte_tokenizer, save_text_model, spec_of, word_tokenizer
from tests.waiting import until

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("words"), tokenizer=word_tokenizer())


def due(name: str, *, at: float, on_text: Any = None, **options: Any) -> GenerateRequest:
    return GenerateRequest(
        id=name,
        prompt="w5 w6",
        options=GenerateOptions(max_new_tokens=200, **options),
        deadline=at,
        on_text=on_text,
    )


@pytest.mark.parametrize("n", [1, 3])
def test_a_text_whose_next_token_would_come_too_late_ends_in_time_with_what_it_has(words: Path, n: int) -> None:
    found = late_after_five_tokens(words, n, after_s=2.4, left_s=1.0)
    found = found or late_after_five_tokens(words, n, after_s=12.0, left_s=4.0)  # on a slow machine

    assert found
    result, streamed = found
    assert [each.finish_reason for each in result.completions] == ["deadline"] * n
    assert first(result).text == " ".join(f"w{token}" for token in reference(words, "w5 w6", tokens=5)[:5])
    assert streamed == first(result).text
    assert result.completion_tokens == 5 * n


def late_after_five_tokens(words: Path, n: int, *, after_s: float, left_s: float) -> tuple[Result, str] | None:
    """What came and was streamed of a text whose fifth step took longer than the `left_s` before its deadline, so that
    another one like it would end after that; none where the deadline passed, or was too near for a step so slow."""
    gate, pieces = Gate(), list[str]()
    gate.close()
    with running(replace(spec_of(words), on_batch=gate)) as engine, suppress(Expired):
        deadline = time.monotonic() + after_s
        future = engine.submit(due("r", at=deadline, n=n, on_text=pieces.append))
        gate.let_through(4)
        until(lambda: len(gate.reports) >= 5, timeout_s=30)
        is_slow_step = time.monotonic() < deadline - 2 * left_s
        until(lambda: time.monotonic() > deadline - left_s, timeout_s=after_s)
        gate.open()
        result = future.result(20)
        return (result, "".join(pieces)) if is_slow_step else None
    return None


def test_a_far_deadline_cuts_nothing(words: Path) -> None:
    with running(spec_of(words)) as engine:
        completion = first(engine.submit(due("r", at=time.monotonic() + 60)).result(20))

    assert (completion.finish_reason, completion.completion_tokens) == ("length", 200)


def test_a_cancelled_text_tells_what_was_written_and_leaves_within_two_steps(words: Path) -> None:
    gate, error = Gate(), Cancelled("by its owner", details={"by": "owner"})
    gate.close()
    with running(replace(spec_of(words), on_batch=gate)) as engine:
        futures = [engine.submit(ask(name, "w5 w6", max_new_tokens=200)) for name in ("a", "b")]
        gate.let_through(5)
        until(lambda: len(gate.reports) >= 6)
        for name in ("a", "b"):
            engine.cancel(name, error)
        stopped = [future.exception(0) for future in futures]
        before = len(gate.reports)
        gate.open()
        until(lambda: engine.stats().running == 0)

    expected = " ".join(f"w{token}" for token in reference(words, "w5 w6", tokens=8))
    for each in stopped:
        assert isinstance(each, Cancelled)
        assert (each.message, each.details["by"]) == ("by its owner", "owner")
        [partial] = each.details["partial"]
        assert partial
        assert expected.startswith(partial)
    assert error.details == {"by": "owner"}
    assert len(gate.reports) <= before + 2


def test_a_stopped_call_ends_even_if_what_was_written_can_not_be_read() -> None:
    def broken() -> list[str]:
        raise IndexError("a token that is none")

    call: Call[Any] = Call(due("r", at=60.0), parts=1, now=0.0)
    call.so_far = broken
    call.fail(Cancelled("by its owner"))

    assert isinstance(call.future.exception(0), Cancelled)


def test_what_streamed_is_what_a_stopped_text_tells(words: Path) -> None:
    gate, pieces = Gate(), []
    gate.close()
    with running(replace(spec_of(words), on_batch=gate)) as engine:
        future = engine.submit(
            ask("r", "w5 w6", max_new_tokens=200, n=2, seed=1, temperature=1.0, on_text=pieces.append)
        )
        gate.let_through(5)
        until(lambda: len(gate.reports) >= 6 and len("".join(pieces).split()) >= 5)
        engine.cancel("r", Cancelled())
        partial = future.exception(0).details["partial"]  # type: ignore[union-attr]  # cancelled: it has one

    assert partial[0] == "".join(pieces)
    assert partial[1] != partial[0] != ""


def test_whole_characters_only(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, tokenizer=byte_tokenizer())
    gate = Gate()
    gate.close()
    with running(replace(spec_of(folder), on_batch=gate)) as engine:
        for seed in range(8):
            future = engine.submit(ask(f"{seed}", "轻便", temperature=1.0, seed=seed, max_new_tokens=200))
            done = len(gate.reports)
            gate.let_through(4)
            until(lambda: len(gate.reports) >= done + 4)  # noqa: B023  # it waits inside the loop
            engine.cancel(f"{seed}", Cancelled())
            assert not future.exception(0).details.get("partial", [""])[0].endswith("\ufffd")  # type: ignore[union-attr]  # cancelled: it has one


def test_an_expired_text_tells_what_was_written(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words), on_batch=gate)) as engine:
        future, deadline = begun_in_time(lambda: gate.reports, lambda at: engine.submit(due(f"r {at}", at=at)))
        until(lambda: time.monotonic() > deadline)
        gate.open()
        error = future.exception(10)

    assert isinstance(error, Expired)
    [partial] = error.details["partial"]
    assert partial
    assert " ".join(f"w{token}" for token in reference(words, "w5 w6", tokens=4)).startswith(partial)


def test_a_long_partial_text_is_cut_and_other_errors_have_none() -> None:
    def failed(error: Any) -> Any:
        call: Call[Any] = Call(GenerateRequest(id="r", prompt="p"), parts=2, now=0.0)
        call.so_far = lambda: ["x" * 100_000, ""]
        call.fail(error)
        return call.future.exception(0)

    assert [len(text) for text in failed(Cancelled()).details["partial"]] == [PARTIAL_CHARACTERS // 2, 0]
    assert "partial" not in failed(EngineError("no")).details


def test_the_memory_of_the_slots_is_told_as_written_kept_and_all_there_is(words: Path) -> None:
    gate = Gate()
    gate.close()
    with running(replace(spec_of(words, slots=4, max_tokens=64), on_batch=gate)) as engine:
        before = engine.stats()
        future = engine.submit(ask("one", "w5 w6 w7", max_new_tokens=8))
        gate.let_through(2)
        until(lambda: len(gate.reports) >= 3)
        during = engine.stats()
        gate.open()
        tokens = future.result(10).prompt_tokens
        until(lambda: engine.stats().running == 0)
        after = engine.stats()

    assert (before.kv_used, before.kv_reserved, before.kv_limit) == (0, 0, 4 * 64)
    assert (during.kv_used, during.kv_reserved) == (tokens + 2, 64)
    assert (after.kv_used, after.kv_reserved, after.kv_limit) == (0, 0, 4 * 64)
