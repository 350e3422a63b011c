"""The models of one job: requests, usage, and leaving on a stop."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from storehand.engine import EngineSpec
from storehand.errors import Cancelled, EngineError, Expired, InvalidInput, ModelNotAvailable, Overloaded, StopJob
from storehand.fakes import FakeContext, FakeModels
from storehand.job import Priority
from storehand.task import GenerateOptions, Kind
from storehand_worker.model_call import PIECES_IN_FLIGHT
from storehand_worker.models import PIECE_TEXTS, CallReport, JobModels
from tests.small_engine import SMALL, SmallEngine
from tests.waiting import until

ROLES: dict[str, Kind] = {"text": "generate", "labels": "classify", "vectors": "encode", "pairs": "score"}


class Bench:
    """An engine per kind, and one job's models over them."""

    def __init__(self, context: FakeContext | None = None) -> None:
        self.context = context or FakeContext()
        self.calls: list[CallReport] = []
        self.engines = {
            role: SmallEngine(EngineSpec(role=role, kind=kind, name=f"small-{role}", folder="", binding=SMALL))
            for role, kind in ROLES.items()
        }
        self.models = JobModels(self.engines, self.context, task="echo", on_call=self.calls.append)
        self.text = self.engines["text"]


def test_a_call_carries_what_the_engine_needs_to_know_of_the_job():
    deadline = time.time() + 60
    bench = Bench(FakeContext(priority=Priority.BULK, tenant="shop", seed=5, deadline=deadline))

    bench.models.generate("text", "hello")
    bench.models.generate("text", "hello", GenerateOptions(seed=11, max_new_tokens=9))

    first, second = bench.text.requests
    assert (first.task, first.tenant, first.priority, first.seed) == ("echo", "shop", Priority.BULK, 5)
    assert first.deadline == pytest.approx(time.monotonic() + 60, abs=10)
    assert (first.options.seed, second.options.seed, second.options.max_new_tokens) == (5, 11, 9)
    assert first.id != second.id


def test_every_kind_answers_in_the_order_of_its_texts():
    bench = Bench()
    texts = ["x" * length for length in range(3 * PIECE_TEXTS)]

    assert [vector[0] for vector in bench.models.encode("vectors", texts)] == list(range(len(texts)))
    assert [answer.label for answer in bench.models.classify("labels", ["", "long"])] == ["bad", "good"]
    assert bench.models.score("pairs", [("long", "x"), ("", "xy")]) == [3.0, -2.0]
    assert bench.models.encode("vectors", []) == []


def test_a_long_list_goes_in_pieces_and_does_not_fill_the_lane():
    bench = Bench()
    engine = bench.engines["vectors"]
    engine.hold()

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(bench.models.encode, "vectors", ["x"] * PIECE_TEXTS * (PIECES_IN_FLIGHT + 4))
        until(lambda: len(engine.requests) == PIECES_IN_FLIGHT)
        engine.release(1)
        until(lambda: len(engine.requests) == PIECES_IN_FLIGHT + 1)
        most_open = len(engine.open)
        until(lambda: call.done() or engine.release())

    assert most_open == PIECES_IN_FLIGHT
    assert len(call.result()) == PIECE_TEXTS * (PIECES_IN_FLIGHT + 4)


def test_a_full_lane_is_waited_for_while_own_answers_are_due_and_reported_otherwise():
    bench = Bench()
    engine = bench.engines["vectors"]
    engine.hold()
    engine.room = 1

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(bench.models.encode, "vectors", ["x"] * PIECE_TEXTS * 3)
        until(lambda: call.done() or engine.release())
    engine.room = 0

    assert len(call.result()) == PIECE_TEXTS * 3
    with pytest.raises(Overloaded):
        bench.models.encode("vectors", ["x"])


def test_a_wrong_kind_or_an_unloaded_role_says_what_to_do():
    bench = Bench()

    with pytest.raises(ModelNotAvailable, match="'labels' is bound to small-labels, which can classify, not generate"):
        bench.models.generate("labels", "hello")
    with pytest.raises(ModelNotAvailable, match=r"'chat' \(loaded: .*\); name it in `roles` of the task 'echo'"):
        bench.models.generate("chat", "hello")


def test_a_task_can_ask_whether_a_role_has_a_model():
    for models in (Bench().models, FakeModels(ROLES)):
        assert models.has("text")
        assert not models.has("chat")


def test_one_text_where_a_list_is_wanted_is_refused():
    bench = Bench()

    with pytest.raises(TypeError, match="a list of texts is wanted"):
        bench.models.encode("vectors", "hello")
    with pytest.raises(TypeError, match="a list of texts is wanted"):
        FakeModels(ROLES).classify("labels", "hello")


def test_usage_is_the_sum_over_all_calls_also_from_several_threads():
    bench = Bench()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: bench.models.generate("text", str(number)), range(20)))

    usage = bench.models.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (60, 40)


def test_the_seconds_of_a_call_are_wall_time_however_many_requests_it_makes():
    bench = Bench()
    started = time.monotonic()

    bench.models.classify("labels", [f"text {number}" for number in range(400)])

    usage = bench.models.usage
    assert 0 < usage.lane_wait_s + usage.inference_s <= time.monotonic() - started


def test_a_stopped_job_asks_no_model():
    bench = Bench()
    bench.context.stop(Cancelled("by its owner"))

    with pytest.raises(StopJob) as stop:
        bench.models.generate("text", "hello")

    assert stop.value.error.message == "by its owner"
    assert bench.text.requests == []


def test_a_stop_during_a_call_cancels_its_requests_and_leaves_by_stop_job():
    bench = Bench()
    engine = bench.engines["vectors"]
    engine.hold()
    error = Expired()

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(_stop_error, lambda: bench.models.encode("vectors", ["x"] * PIECE_TEXTS * 3))
        until(lambda: len(engine.open) == 3)
        bench.context.stop(error)

    assert call.result() is error
    assert engine.open == {}
    assert {given for _, given in engine.cancelled} >= {error}
    assert bench.context.is_attached is False


def test_a_stop_between_submitting_and_waiting_is_not_missed():
    bench = Bench(FakeContext(stop_at_check=2))
    bench.text.hold()

    error = _stop_error(lambda: bench.models.generate("text", "hello"))

    assert isinstance(error, Cancelled)
    assert bench.text.open == {}


def test_a_deadline_that_the_engine_sees_first_leaves_by_stop_job_too():
    bench = Bench()
    bench.text.error = Expired("seen by the engine")

    error = _stop_error(lambda: bench.models.generate("text", "hello"))

    assert error is bench.text.error


def test_an_error_of_one_piece_ends_the_others_and_is_raised_as_it_is():
    bench = Bench()
    engine = bench.engines["vectors"]
    engine.hold()
    engine.error = EngineError("no answer")

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(bench.models.encode, "vectors", ["x"] * PIECE_TEXTS * 3)
        until(lambda: len(engine.open) == 3)
        engine.release(1)

    with pytest.raises(EngineError, match="no answer"):
        call.result()
    assert engine.open == {}
    assert bench.context.is_attached is False


def test_a_refusal_by_the_engine_reaches_the_task():
    bench = Bench()

    def refuse(request):
        raise InvalidInput("too long")

    bench.text.submit = refuse

    with pytest.raises(InvalidInput, match="too long"):
        bench.models.generate("text", "hello")
    assert [call.code for call in bench.calls] == ["invalid_input"]


def test_each_request_is_reported_once_with_its_figures():
    bench = Bench()

    bench.models.generate("text", "hello")

    [report] = bench.calls
    assert (report.task, report.model, report.kind, report.code) == ("echo", "small-text", "generate", "ok")
    assert (report.prompt_tokens, report.completion_tokens, report.wasted_tokens) == (3, 2, 0)
    assert report.timings.first_token_s == 0.35


def test_what_a_job_had_computed_when_it_was_stopped_is_reported_as_wasted_once():
    bench = Bench(FakeContext(stop_at_check=5))
    bench.models.generate("text", "one")
    bench.models.generate("text", "two")

    for _ in range(2):
        _stop_error(lambda: bench.models.generate("text", "three"))

    assert [report.wasted_tokens for report in bench.calls] == [0, 0, 10, 0]
    assert bench.calls[-1].code == "cancelled"


def test_streamed_text_and_plain_questions_pass_through():
    bench = Bench()
    seen = threading.Event()

    bench.models.generate("text", "hello", on_text=lambda text: seen.set())

    assert bench.text.requests[0].on_text is not None
    assert bench.models.count_tokens("text", "four") == 4
    assert bench.models.info("labels").labels == ("bad", "good")


def _stop_error(call):
    try:
        call()
    except StopJob as stop:
        return stop.error
    return None
