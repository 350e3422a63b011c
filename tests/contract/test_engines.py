"""What every engine promises, asked of all of them by one suite."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from storehand.engine import Engine, EngineState, GenerateRequest, Request, Result, TextsRequest
from storehand.errors import Cancelled, EngineError, Expired, InvalidInput, ModelNotAvailable, OutOfMemory, Overloaded
from storehand.job import Priority
from storehand_worker.engines import builtin_engines
from tests.contract.kits import KIT_NAMES, POISON, Gate, Kit, begun_in_time, failing_model, make_kits
from tests.openai_server import OpenAIServer
from tests.vllm_stand_in import vllm_installed
from tests.waiting import until

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Kit]]:
    with OpenAIServer(step_s=0.002) as server, vllm_installed():
        yield make_kits(tmp_path_factory.mktemp("models"), server)


@pytest.fixture(params=KIT_NAMES)
def kit(request: pytest.FixtureRequest, kits: dict[str, Kit]) -> Kit:
    return kits[request.param]


def same(kit: Kit, left: Result, right: Result) -> bool:
    if kit.numbers(left) is None:
        return kit.answer(left) == kit.answer(right)
    return kit.numbers(left) == pytest.approx(kit.numbers(right), abs=1e-5)


@contextmanager
def failing(kit: Kit, error: Exception) -> Iterator[None]:
    """Real models fail on the poison word; the fake and the server do so by themselves."""
    if kit.engine in ("fake", "openai"):
        yield
        return
    tokenizer = PreTrainedTokenizerFast.from_pretrained(kit.folder)
    with failing_model(tokenizer(f" {POISON}", add_special_tokens=False)["input_ids"], error):
        yield


def test_a_request_gets_the_same_answer_alone_as_in_company_of_many_threads(kit: Kit) -> None:
    requests = [kit.request(f"r{number}", "bag " * (number % 9 + 1) + f"轻便 {number}") for number in range(24)]
    with kit.running() as engine:
        alone = [engine.submit(request).result(10) for request in requests]
        futures: list[Future[Result] | None] = [None] * len(requests)

        def send(index: int) -> None:
            futures[index] = engine.submit(requests[index])

        threads = [threading.Thread(target=send, args=(index,)) for index in range(len(requests))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        together = [future.result(10) for future in futures if future is not None]

    assert len(together) == len(alone)
    assert all(same(kit, left, right) for left, right in zip(alone, together, strict=True))


def test_jobs_in_flight_share_batches(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate) as engine:
        futures = [engine.submit(kit.request("first"))]
        until(lambda: gate.reports)
        futures += [engine.submit(kit.request(f"next {number}")) for number in range(6)]
        gate.open()
        wait(futures, 10)

    assert max(report.items for report in gate.reports) >= 6
    assert all(report.seconds >= 0 and report.tokens >= report.items for report in gate.reports)


def test_timings_and_tokens_are_told(kit: Kit) -> None:
    started = time.monotonic()
    with kit.running() as engine:
        result = engine.submit(kit.request("r", "a light bag")).result(10)
        assert result.prompt_tokens >= 3
        assert engine.count_tokens("a light bag") >= 3

    timings = result.timings
    assert 0 <= timings.lane_wait_s + timings.inference_s <= time.monotonic() - started
    assert (timings.first_token_s is not None) == (kit.kind == "generate")


def test_a_cancelled_request_ends_at_once_and_leaves_the_device_within_two_steps(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        future = engine.submit(kit.long_request("long"))
        gate.let_through(2)
        until(lambda: len(gate.reports) >= 3)
        before = len(gate.reports)

        engine.cancel("long", Cancelled("by its owner"))

        assert isinstance(future.exception(0), Cancelled)
        gate.open()
        until(lambda: engine.stats().running == 0 and engine.stats().waiting == 0)
        assert len(gate.reports) <= before + 2
        assert engine.submit(kit.request("next")).result(10)


def test_a_waiting_request_can_be_cancelled(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        engine.submit(kit.long_request("long"))
        until(lambda: gate.reports)
        future = engine.submit(kit.request("waiting"))

        engine.cancel("waiting", Cancelled())

        assert isinstance(future.exception(0), Cancelled)
        engine.cancel("long", Cancelled())


def test_a_deadline_that_passes_at_work_ends_the_request(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        future, deadline = begun_in_time(
            lambda: gate.reports, lambda at: engine.submit(kit.long_request(f"long {at}", deadline=at))
        )
        until(lambda: time.monotonic() > deadline)
        gate.open()

        assert isinstance(future.exception(10), Expired)
        until(lambda: engine.stats().running == 0)


def test_a_deadline_that_passes_in_the_lane_costs_no_computation(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        first = engine.submit(kit.request("first"))
        until(lambda: gate.reports)
        future, deadline = taken_with_little_time(engine, kit)
        until(lambda: time.monotonic() > deadline)
        gate.open()

        assert isinstance(future.exception(10), Expired)
        first.result(10)


def taken_with_little_time(engine: Engine, kit: Kit) -> tuple[Future[Result], float]:
    """A request in the lane, and its deadline: as near as the machine can hand one over at all."""
    for left_s in (0.02, 0.3, 5.0):
        deadline = time.monotonic() + left_s
        with suppress(Expired):
            return engine.submit(kit.request("late", deadline=deadline)), deadline
    raise AssertionError("no request was taken before its deadline")


def test_a_deadline_that_has_passed_already_is_refused(kit: Kit) -> None:
    with kit.running() as engine, pytest.raises(Expired):
        engine.submit(kit.request("late", deadline=time.monotonic() - 1))


def test_a_full_lane_is_overloaded_and_takes_again_later(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, max_waiting=2, **kit.narrow) as engine:
        futures = [engine.submit(kit.request("first"))]
        until(lambda: gate.reports)
        futures += [engine.submit(kit.request(name)) for name in ("second", "third")]
        with pytest.raises(Overloaded):
            engine.submit(kit.request("fourth"))
        assert engine.stats().waiting == 2
        gate.open()
        wait(futures, 10)

        assert engine.submit(kit.request("fourth")).result(10)


def test_interactive_passes_bulk(kit: Kit) -> None:
    gate, ended = Gate(), []
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        futures = [engine.submit(kit.request("first"))]
        until(lambda: gate.reports)
        for priority in (Priority.BULK, Priority.STANDARD, Priority.INTERACTIVE):
            future = engine.submit(kit.request(priority, "bag " * 8, priority=priority))  # two fill no batch together
            future.add_done_callback(lambda _, name=priority: ended.append(name))
            futures.append(future)
        gate.open()
        wait(futures, 10)

    assert ended == [Priority.INTERACTIVE, Priority.STANDARD, Priority.BULK]


def test_a_request_of_the_wrong_type_is_invalid(kit: Kit) -> None:
    wrong: Request = (
        TextsRequest(id="r", texts=("a",)) if kit.kind == "generate" else GenerateRequest(id="r", prompt="a")
    )
    with kit.running() as engine:
        for request in (wrong, Request(id="r")):
            with pytest.raises(InvalidInput):
                engine.submit(request)


def test_an_empty_request_is_invalid(kit: Kit) -> None:
    empty: Request = GenerateRequest(id="r", prompt="") if kit.kind == "generate" else TextsRequest(id="r", texts=())
    with kit.running() as engine, pytest.raises(InvalidInput):
        engine.submit(empty)


def test_a_text_over_the_limit_is_invalid_or_cut_and_said_so(kit: Kit) -> None:
    with kit.running(max_tokens=16) as engine:
        request = kit.request("long", "bag " * 40)
        if kit.kind == "classify":
            assert engine.submit(request).result(10).classifications[0].truncated
            assert not engine.submit(kit.request("short", "bag")).result(10).classifications[0].truncated
        else:
            with pytest.raises(InvalidInput):
                engine.submit(request)


def test_pairs_are_for_scores_only(kit: Kit) -> None:
    if kit.kind == "generate":
        return
    pairs = ("b", "c") if kit.kind == "score" else ("b",)
    with kit.running() as engine, pytest.raises(InvalidInput):
        engine.submit(TextsRequest(id="r", texts=("a",), pairs=pairs))


def test_an_id_in_flight_is_refused(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        engine.submit(kit.long_request("twice"))
        with pytest.raises(InvalidInput):
            engine.submit(kit.request("twice"))
        engine.cancel("twice", Cancelled())


def test_a_request_that_the_model_fails_on_fails_alone(kit: Kit) -> None:
    kit.needs("isolation")
    gate = Gate()
    gate.close()
    good = [kit.request(f"good {number}", f"bag {number}") for number in range(6)]
    with kit.running(gate=gate, **kit.with_poison) as engine:
        gate.open()
        expected = [engine.submit(request).result(10) for request in good]
        with failing(kit, RuntimeError("a kernel said no")):
            gate.close()
            plug = engine.submit(kit.request("plug", "bag"))
            until(lambda: len(gate.reports) > len(expected) and engine.stats().waiting == 0)
            futures = [engine.submit(request) for request in good]
            bad = engine.submit(kit.request("bad", f"a {POISON} bag"))
            gate.open()
            assert isinstance(bad.exception(10), EngineError)
            assert bad.exception(0).retryable  # type: ignore[union-attr]  # the line above says what it is
            results = [future.result(10) for future in [*futures, plug]][:-1]
        health = engine.health()

    assert all(same(kit, left, right) for left, right in zip(expected, results, strict=True))
    assert health.state is EngineState.OK


def test_out_of_memory_has_its_own_error_and_the_engine_goes_on(kit: Kit) -> None:
    kit.needs("memory")
    with kit.running(options={"oom_on": POISON}) as engine:
        with failing(kit, torch.OutOfMemoryError("CUDA out of memory")):
            bad = engine.submit(kit.request("bad", f"a {POISON} bag"))
            assert isinstance(bad.exception(10), OutOfMemory)
        assert engine.submit(kit.request("next")).result(10)


def test_closing_ends_every_future_and_refuses_more(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        futures = [engine.submit(kit.long_request(f"{number}")) for number in range(4)]
        until(lambda: gate.reports)

        engine.close(0.05)  # the engine is held: its thread can't stop in time

        assert all(isinstance(future.exception(0), EngineError) for future in futures)
        assert engine.health().state is EngineState.DEAD
        with pytest.raises(EngineError):
            engine.submit(kit.request("late"))


def test_the_thread_ends_with_the_engine(kit: Kit) -> None:
    before = set(threading.enumerate())
    with kit.running() as engine:
        engine.submit(kit.request("r")).result(10)
        assert set(threading.enumerate()) - before

    until(lambda: not set(threading.enumerate()) - before)


def test_stats_and_health_tell_work_and_its_age(kit: Kit) -> None:
    gate = Gate()
    with kit.running(gate=gate, **kit.narrow) as engine:
        assert (engine.stats().running, engine.stats().waiting) == (0, 0)
        assert (engine.health().state, engine.health().last_step_age_s) == (EngineState.OK, 0.0)
        gate.close()
        engine.submit(kit.long_request("long"))
        until(lambda: gate.reports)

        assert engine.stats().running >= 1
        until(lambda: engine.health().last_step_age_s > 0.05)
        engine.cancel("long", Cancelled())


def test_a_broken_observer_or_callback_does_not_disturb_the_engine(kit: Kit) -> None:
    def broken(_: object) -> None:
        raise ValueError("observer")

    with kit.running(gate=broken) as engine:
        future = engine.submit(kit.request("r"))
        future.add_done_callback(broken)
        assert future.result(10)
        assert engine.submit(kit.request("next")).result(10)


def test_info_names_the_model(kit: Kit) -> None:
    with kit.running(max_tokens=64) as engine:
        info = engine.info

    assert (info.role, info.name, info.kind, info.max_tokens) == (kit.kind, "tiny", kit.kind, 64)
    assert bool(info.labels) == (kit.kind == "classify")


def test_an_engine_refuses_a_kind_it_does_not_serve(kits: dict[str, Kit]) -> None:
    text, encoder = kits["text"], kits["encoder-classify"]
    for kit, engine in ((text, "encoder"), (encoder, "text")):
        with pytest.raises(ModelNotAvailable):
            builtin_engines()[engine](kit.spec())


@pytest.mark.parametrize("name", ["text", "encoder-classify"])
def test_a_folder_without_a_model_is_not_available(kits: dict[str, Kit], name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's folder
    kit = kits[name]
    with pytest.raises(ModelNotAvailable):
        builtin_engines()[kit.engine](replace(kit.spec(), folder=str(tmp_path)))
