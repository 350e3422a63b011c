"""Faults injected into engines on real models and into the fake one: nothing hangs, nothing is lost, the innocent get
the answers they would have got without."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from storehand.engine import BatchReport, Engine, EngineState, Request, Result
from storehand.errors import Cancelled, EngineError, EngineLost, InvalidInput, OutOfMemory, StopJob
from storehand.task import GenerateOptions
from storehand_worker.engines import builtin_engines
from tests.contract.kits import Gate, Kit, failing_model
from tests.tiny_models import save_encoder, save_text_model, word_tokenizer
from tests.waiting import until

torch.set_num_threads(1)

NAMES = ("text", "encoder-classify", "encoder-score", "fake-generate", "fake-encode")
COMPANY = 24
VOCABULARY = 250
POISON = "w8 w7"
"""Two words that no innocent text has side by side, nor any list of positions."""
UNIQUE = 240
"""A word of no innocent text, and beyond every position."""
UNKNOWN = "w260"
"""A word of the tokenizer that the model has no embedding for."""


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kit]:
    folder = tmp_path_factory.mktemp("models")
    text = save_text_model(folder / "text", tokenizer=word_tokenizer(300), vocab_size=VOCABULARY)
    encoders = {
        kind: save_encoder(folder / kind, kind=kind, labels=1 if kind == "score" else 3, vocab_size=VOCABULARY)
        for kind in ("classify", "score")
    }
    for path in encoders.values():
        word_tokenizer(300).save_pretrained(path)
    found = [Kit("text", "text", "generate", text)]
    found += [Kit(f"encoder-{kind}", "encoder", kind, path) for kind, path in encoders.items()]  # type: ignore[arg-type]  # kinds there are
    found += [Kit("fake-generate", "fake", "generate", folder), Kit("fake-encode", "fake", "encode", folder)]
    return {kit.name: kit for kit in found}


@pytest.fixture(params=NAMES)
def kit(request: pytest.FixtureRequest, kits: dict[str, Kit]) -> Kit:
    return kits[request.param]


@pytest.fixture(params=[name for name in NAMES if not name.startswith("fake")])
def real(request: pytest.FixtureRequest, kits: dict[str, Kit]) -> Kit:
    return kits[request.param]


def company(kit: Kit, count: int = COMPANY) -> list[Request]:
    """Innocent requests of many lengths."""
    texts = [" ".join(f"w{10 + (n * 7 + m) % 90}" for m in range(2 + n % 17)) for n in range(count)]
    return [kit.request(f"r{n}", text) for n, text in enumerate(texts)]


def expected(kit: Kit, requests: list[Request]) -> list[Result]:
    with kit.running() as engine:
        return [engine.submit(request).result(20) for request in requests]


def assert_same(kit: Kit, found: list[Result], undisturbed: list[Result]) -> None:
    for left, right in zip(found, undisturbed, strict=True):
        if kit.numbers(left) is None:
            assert kit.answer(left) == kit.answer(right)
        else:
            assert kit.numbers(left) == pytest.approx(kit.numbers(right), abs=1e-5)


def ids_of(kit: Kit, text: str) -> list[int]:
    return list(PreTrainedTokenizerFast.from_pretrained(kit.folder)(text, add_special_tokens=False)["input_ids"])


@contextmanager
def nan_model(poison: int) -> Iterator[None]:
    """Embeddings of real models turn this id into numbers that are none."""

    def hook(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(module, torch.nn.Embedding) and args[0].shape[-1] > 1:  # not what is written
            return output.masked_fill((args[0] == poison)[..., None], torch.nan)
        return output

    handle = torch.nn.modules.module.register_module_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def small_device(tokens: int) -> Iterator[list[int]]:
    """A forward over more tokens is out of memory; yields the sizes that were tried."""
    tried: list[int] = []

    def hook(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding) and module.num_embeddings == VOCABULARY:
            tried.append(args[0].numel())
            if tried[-1] > tokens:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    handle = torch.nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield tried
    finally:
        handle.remove()


@contextmanager
def together(kit: Kit, **binding: Any) -> Iterator[tuple[Engine, Callable[[], None]]]:
    """An engine held at its first step, so that what is submitted meets in one batch; the function lets it go."""
    gate = Gate()
    with kit.running(gate=gate, **binding) as engine:
        gate.close()
        once = {"options": GenerateOptions(max_new_tokens=1)} if kit.kind == "generate" else {}
        plug = engine.submit(kit.request("plug", "w1", **once))
        until(lambda: gate.reports)
        yield engine, gate.open
        assert plug.result(20)


def poisoned(kit: Kit, error: Exception) -> Any:
    """A fault that the model meets with the poison word; the fake does it by itself."""
    return together(kit, options={"fail_on": POISON}) if kit.engine == "fake" else _with(failing_model, kit, error)


@contextmanager
def _with(fault: Any, kit: Kit, error: Exception) -> Iterator[Any]:
    with together(kit) as held, fault(ids_of(kit, POISON), error):
        yield held


def test_requests_that_are_wrong_never_reach_the_model(kit: Kit) -> None:
    requests = company(kit)
    undisturbed = expected(kit, requests)
    with together(kit) as (engine, let_go):
        futures = [engine.submit(request) for request in requests]
        wrong = [replace(requests[0]), kit.request("empty", "")]
        if kit.kind == "generate":
            options = GenerateOptions(max_new_tokens=300)
            wrong.append(kit.request("long", "w1 " * 300))
            wrong.append(kit.request("too much asked", "w1", options=options))
        elif kit.kind != "classify":  # a classifier reads the beginning and says so
            wrong.append(kit.request("long", "w1 " * 300))
        if kit.engine != "fake":
            wrong.append(kit.request("unknown", f"w1 {UNKNOWN} w2"))
        if kit.kind == "score":
            wrong.append(replace(kit.request("pair", "w1"), pairs=(UNKNOWN,)))
            wrong.append(replace(kit.request("no pairs", "w1"), pairs=()))
            wrong = [each for each in wrong if each.id != "empty"]  # its pair is not
        for request in wrong:
            with pytest.raises(InvalidInput):
                engine.submit(request)
        let_go()
        assert_same(kit, [future.result(20) for future in futures], undisturbed)


def test_an_exception_in_the_forward_is_one_requests_error(kit: Kit) -> None:
    requests = company(kit)
    undisturbed = expected(kit, requests)
    with poisoned(kit, RuntimeError("a kernel said no")) as (engine, let_go):
        futures = [engine.submit(request) for request in requests[:9]]
        bad = engine.submit(kit.request("bad", f"w3 {POISON} w4"))
        futures += [engine.submit(request) for request in requests[9:]]
        let_go()
        error = bad.exception(20)
        assert isinstance(error, EngineError)
        assert error.retryable
        assert_same(kit, [future.result(20) for future in futures], undisturbed)
        assert engine.health().state is EngineState.OK


def test_a_row_without_usable_numbers_fails_alone(real: Kit) -> None:
    requests = company(real)
    undisturbed = expected(real, requests)
    with nan_model(UNIQUE), together(real) as (engine, let_go):
        futures = [engine.submit(request) for request in requests[:9]]
        bad = engine.submit(real.request("bad", f"w5 w{UNIQUE} w4"))
        futures += [engine.submit(request) for request in requests[9:]]
        let_go()
        assert isinstance(bad.exception(20), EngineError)
        assert_same(real, [future.result(20) for future in futures], undisturbed)


def test_a_request_that_does_not_fit_alone_is_its_own_error(real: Kit) -> None:
    requests = company(real)
    undisturbed = expected(real, requests)
    with _with(failing_model, real, torch.OutOfMemoryError("CUDA out of memory")) as (engine, let_go):
        futures = [engine.submit(request) for request in requests]
        bad = engine.submit(real.request("bad", f"w3 {POISON} w4"))
        let_go()
        error = bad.exception(20)
        assert isinstance(error, OutOfMemory)
        assert not error.retryable
        assert_same(real, [future.result(20) for future in futures], undisturbed)
        assert engine.stats().budget_tokens == 512  # no batch was at fault
        assert engine.stats().shortages == 1


def test_a_prompt_that_came_twice_and_does_not_fit_is_both_their_own_error(real: Kit) -> None:
    with _with(failing_model, real, torch.OutOfMemoryError("CUDA out of memory")) as (engine, let_go):
        futures = [engine.submit(real.request(name, f"w3 {POISON} w4")) for name in ("first", "again")]
        let_go()
        assert all(isinstance(future.exception(20), OutOfMemory) for future in futures)


def test_batches_that_do_not_fit_are_split_and_the_budget_is_learned_and_kept(real: Kit, tmp_path: Path) -> None:
    requests = company(real, 60)
    undisturbed = expected(real, requests)
    spec = replace(real.spec(slots=32), state_dir=str(tmp_path))
    build = builtin_engines()[real.engine]
    engine = build(spec)
    try:
        with small_device(100) as tried:
            futures = [engine.submit(request) for request in requests]
            assert_same(real, [future.result(20) for future in futures], undisturbed)
            learned = engine.stats()
            assert max(tried) > 100
            assert learned.shortages >= 1
            assert learned.budget_tokens < 512
    finally:
        engine.close()

    again = build(spec)
    again.close()
    assert again.stats().budget_tokens == learned.budget_tokens


def test_an_engine_that_is_out_of_memory_again_and_again_says_so(real: Kit) -> None:
    with real.running() as engine, small_device(0):
        for number in range(3):
            assert isinstance(engine.submit(real.request(f"{number}")).exception(20), OutOfMemory)
        until(lambda: engine.health().state is EngineState.DEGRADED)


class AcceleratorError(RuntimeError):
    """Named like torch's own."""


def test_a_broken_device_ends_the_engine_and_tells_suspects_from_those_who_waited(real: Kit) -> None:
    binding = {"slots": 4, "batch_tokens": 16}
    with (
        together(real, **binding) as (engine, let_go),
        failing_model(ids_of(real, POISON), AcceleratorError("CUDA error: device-side assert triggered")),
    ):
        futures = [engine.submit(real.request(f"{n}", f"{POISON} w1 w2 w3 w4 w5 w6 w7 w8")) for n in range(12)]
        let_go()
        errors = [future.exception(20) for future in futures]

        assert all(isinstance(error, EngineLost) for error in errors)
        suspects = [error.details["on_device"] for error in errors]  # type: ignore[union-attr]  # they are EngineLost
        assert suspects[0]
        assert not suspects[-1]
        assert engine.health().state is EngineState.DEAD
        with pytest.raises(EngineLost):
            engine.submit(real.request("late"))
        assert (engine.stats().running, engine.stats().waiting) == (0, 0)


def test_a_step_that_does_not_end_is_noticed_and_its_calls_end(kits: dict[str, Kit]) -> None:
    kit, gate = kits["fake-generate"], Gate()
    gate.close()
    options = {"stick_on": "stick", "step_s": 0.001}
    with kit.running(gate=gate, slots=2, stuck_after_s=1.5, options=options) as engine:
        first = engine.submit(kit.request("first", "bag", options=GenerateOptions(max_new_tokens=1)))
        until(lambda: gate.reports)  # held in its first step, which is not judged, until all are there
        futures = [engine.submit(kit.request(f"{n}", text)) for n, text in enumerate(("stick", "bag", "coat", "hat"))]
        gate.open()

        assert first.result(10)
        errors = [future.exception(20) for future in futures]

        assert all(isinstance(error, EngineLost) for error in errors)
        assert errors[0].details == {"on_device": True}  # type: ignore[union-attr]  # it has failed
        assert errors[3].details == {"on_device": False}  # type: ignore[union-attr]  # it has failed
        assert "stuck" in engine.health().detail


def test_a_first_step_may_take_as_long_as_it_wants(kits: dict[str, Kit]) -> None:
    gate = Gate()
    gate.close()
    with kits["text"].running(gate=gate, stuck_after_s=1.0) as engine:  # the later steps are judged
        future = engine.submit(kits["text"].request("first", "w1"))
        until(lambda: gate.reports and engine.health().last_step_age_s > 1.5)
        gate.open()

        assert future.result(10)
        assert engine.health().state is EngineState.OK


def test_an_error_of_the_loop_itself_restarts_it(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    with kit.running() as engine:
        lane: Any = engine._lane  # type: ignore[attr-defined]  # no caller can make it fail from outside
        pick, fails = lane.pick, [MemoryError("in pick"), KeyError("in pick")]

        def broken(choose: Any) -> Any:
            if fails:
                raise fails.pop()
            return pick(choose)

        monkeypatch.setattr(lane, "pick", broken)
        assert engine.submit(kit.request("waits", "w1 w2")).result(10)
        assert engine.stats().restarts == 2
        assert engine.health().state is not EngineState.DEAD


def test_what_was_picked_when_the_loop_failed_fails_and_does_not_hang(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kit.running() as engine:
        lane: Any = engine._lane  # type: ignore[attr-defined]  # an engine of ours has one
        pick, fails = lane.pick, [1]

        def lossy(choose: Any) -> Any:
            picked = pick(choose)
            if fails and picked.items:
                raise RuntimeError(f"lost after picking {fails.pop()}")
            return picked

        monkeypatch.setattr(lane, "pick", lossy)
        assert isinstance(engine.submit(kit.request("lost", "w1 w2")).exception(10), EngineError)
        assert engine.submit(kit.request("next", "w1 w2")).result(10)


def test_a_loop_that_fails_again_and_again_gives_itself_up(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    with kit.running() as engine:

        def broken(choose: Any) -> Any:
            raise KeyError("in pick")

        monkeypatch.setattr(engine._lane, "pick", broken)  # type: ignore[attr-defined]  # an engine of ours has one
        assert isinstance(engine.submit(kit.request("waits", "w1 w2")).exception(10), EngineLost)
        assert engine.health().state is EngineState.DEAD


def test_whatever_observers_and_callbacks_raise_the_engine_goes_on(kit: Kit) -> None:
    def leaving(_: object) -> None:
        raise SystemExit(3)

    def stopping(_: object) -> None:
        raise StopJob(Cancelled())

    with kit.running(gate=leaving) as engine:
        future = engine.submit(kit.request("first", "w1 w2"))
        future.add_done_callback(stopping)
        assert future.result(10)
        assert engine.submit(kit.request("next", "w1 w2")).result(10)
        assert engine.stats().restarts == 0


@pytest.mark.parametrize("name", ["text", "fake-generate"])
def test_a_slow_consumer_of_a_stream_holds_up_nobodys_text(kits: dict[str, Kit], name: str) -> None:
    kit = kits[name]
    requests = company(kit)
    undisturbed = expected(kit, requests)
    may_go, seen = threading.Event(), list[str]()

    def slow(text: str) -> None:
        may_go.wait(20)
        seen.append(text)

    with kit.running() as engine:
        streamed = engine.submit(kit.request("slow", "w5 w6 w7", on_text=slow))
        futures = [engine.submit(request) for request in requests]
        assert_same(kit, [future.result(20) for future in futures], undisturbed)
        may_go.set()
        assert streamed.result(20).completions[0].text == "".join(seen)


@pytest.mark.parametrize("name", ["text", "fake-generate"])
def test_a_consumer_of_a_stream_may_ask_the_same_engine_for_a_streamed_text(kits: dict[str, Kit], name: str) -> None:
    kit = kits[name]
    inner: list[Result] = []

    def curious(text: str) -> None:
        if not inner:
            inner.append(engine.submit(kit.request("inner", "w5 w6", on_text=pieces.append)).result(10))

    pieces: list[str] = []
    with kit.running() as engine:
        outer = engine.submit(kit.request("outer", "w5 w6 w7", on_text=curious)).result(20)

    assert outer.completions[0].text
    assert inner[0].completions[0].text == "".join(pieces)


def test_a_storm_of_cancels_leaves_nothing_behind_and_the_others_alone(kit: Kit) -> None:
    chance = random.Random(5)
    requests = company(kit, 300)
    undisturbed = expected(kit, requests[:COMPANY])  # the fake writes 12 words there too
    cancelled = {request.id for request in requests[COMPANY:] if chance.random() < 0.8}
    futures: dict[str, Future[Result]] = {}
    with kit.running(options={"step_s": 0.0005, "words": 12}) as engine:

        def storm(part: list[Request]) -> None:
            for request in part:
                futures[request.id] = engine.submit(request)
            mine = [request.id for request in part if request.id in cancelled]
            random.Random(len(part)).shuffle(mine)
            for each in mine:
                engine.cancel(each, Cancelled())

        threads = [threading.Thread(target=storm, args=(requests[start::8],)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        done, hung = wait(futures.values(), 30)

        assert (len(done), len(hung)) == (300, 0)
        ends = [future.exception(0) for future in futures.values()]
        assert all(error is None or isinstance(error, Cancelled) for error in ends)
        found = [futures[request.id].result(0) for request in requests[:COMPANY]]
        assert_same(kit, found, undisturbed)
        until(lambda: (engine.stats().running, engine.stats().waiting) == (0, 0))
        assert not engine._lane._calls  # type: ignore[attr-defined]  # what a leak would keep


def many(kit: Kit, engine: Engine, count: int, *, start: int) -> None:
    """Requests in waves, every fifth cancelled, some streamed, some ended by a stop string."""
    for wave in range(0, count, 60):
        futures = []
        for number in range(start + wave, start + wave + 60):
            more: dict[str, Any] = {}
            if kit.kind == "generate":
                more["options"] = GenerateOptions(max_new_tokens=4, stop=("w1",) if number % 3 == 0 else ())
                more["on_text"] = (lambda text: None) if number % 4 == 0 else None
            text = " ".join(f"w{number * 3 % 200 + m}" for m in range(number % 11 + 2))
            futures.append(engine.submit(kit.request(f"r{number}", text, **more)))
            if number % 5 == 0:
                engine.cancel(f"r{number}", Cancelled())
        assert not wait(futures, 30).not_done


def rss() -> float:
    """MiB that are resident."""
    gc.collect()
    return psutil.Process().memory_info().rss / (1 << 20)


@pytest.mark.parametrize(
    ("before", "after"), [(400, 1200), pytest.param(2000, 10_000, marks=pytest.mark.long)], ids=["1,200", "10,000"]
)
def test_memory_is_flat_however_many_requests_came(real: Kit, before: int, after: int) -> None:
    with real.running() as engine:
        many(real, engine, before, start=0)
        first = rss()
        many(real, engine, after - before, start=before)

        assert rss() - first < 6


def test_reports_of_a_batch_that_was_taken_apart_count_what_was_computed_once(real: Kit) -> None:
    reports: list[BatchReport] = []
    with real.running(gate=reports.append) as engine, small_device(40):
        futures = [engine.submit(request) for request in company(real)]
        results = [future.result(20) for future in futures]
        until(lambda: engine.stats().running == 0)

    read = sum(report.tokens for report in reports if report.phase != "decode")
    assert read <= sum(result.prompt_tokens for result in results)
