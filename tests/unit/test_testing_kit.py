"""The contract kit passes a sound task and catches each way of being unsound."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from storehand.contracts import TaskOutput, Usage
from storehand.errors import Cancelled, ModelNotAvailable, StopJob
from storehand.fakes import FakeContext, FakeModels
from storehand.task import GenerateOptions, Message
from storehand.testing import TaskContract, local_models
from tests.small_engine import EchoInput, EchoOutput, EchoTask, make_task

TEXT = {"text": "generate"}


class TestEcho(TaskContract):
    task = EchoTask()


def contract(task, output_type=EchoOutput) -> TaskContract:
    type(task).output_type = output_type
    return type("Contract", (TaskContract,), {"task": task})()


def failing(kit: TaskContract) -> set[str]:
    """The tests of the kit that fail."""
    failed = set()
    for name in (each for each in dir(kit) if each.startswith("test_")):
        try:
            getattr(kit, name)()
        except AssertionError:
            failed.add(name)
    return failed


def test_a_sound_task_passes_every_test():
    assert failing(contract(EchoTask())) == set()


def test_a_task_without_models_passes_too():
    assert failing(contract(make_task("plain", {}))) == set()


def test_a_task_that_swallows_the_stop_is_caught():
    def swallow(self, given, models, context):
        try:
            return EchoOutput(text=models.generate("text", given.text)[0].text)
        except BaseException:
            return EchoOutput(text=given.text)

    assert failing(contract(make_task("bad", TEXT, run=swallow))) == {"test_a_stop_is_obeyed"}


def test_a_task_that_keeps_a_jobs_state_on_itself_is_caught():
    def remember(self, given, models, context):
        self.count = getattr(self, "count", 0) + 1
        return EchoOutput(text=f"{given.text} {self.count}")

    failed = failing(contract(make_task("bad", {}, run=remember)))

    assert failed == {
        "test_the_same_input_gets_the_same_answer_again",
        "test_the_same_input_gets_the_same_answer_in_company",
    }


def test_a_task_that_only_fails_in_company_is_caught():
    both_inside = threading.Barrier(2)

    def mix(self, given, models, context):
        self.text = given.text
        if threading.current_thread() is not threading.main_thread():
            both_inside.wait(5)
        return EchoOutput(text=self.text)

    examples = (EchoInput(text="one"), EchoInput(text="two"))
    kit = contract(make_task("bad", {}, run=mix, examples=examples))

    assert failing(kit) == {"test_the_same_input_gets_the_same_answer_in_company"}


def test_an_answer_of_another_type_is_caught():
    class OtherOutput(TaskOutput):
        text: str

    task = make_task("bad", {}, run=lambda self, given, models, context: OtherOutput(text=given.text))

    assert "test_every_example_gets_an_answer_that_fits" in failing(contract(task))


def test_an_answer_that_lets_unknown_fields_pass_is_caught():
    class LooseOutput(EchoOutput, extra="allow"):
        pass

    task = make_task("bad", {}, run=lambda self, given, models, context: LooseOutput(text=given.text))

    assert failing(contract(task, LooseOutput)) == {"test_the_input_has_a_json_schema"}


def test_a_task_without_examples_is_caught():
    assert failing(contract(make_task("bad", {}, examples=()))) == {"test_there_is_an_example"}


def test_a_task_that_breaks_a_rule_of_the_loader_is_caught():
    assert "test_the_task_keeps_the_rules" in failing(contract(make_task("Bad Name", {})))


def test_invented_usage_is_caught():
    class UsageOutput(EchoOutput):
        usage: Usage

    def invent(self, given, models, context):
        models.generate("text", given.text)
        return UsageOutput(text=given.text, usage=Usage(prompt_tokens=1000))

    kit = contract(make_task("bad", TEXT, run=invent), UsageOutput)

    assert failing(kit) == {"test_the_usage_is_what_the_models_counted"}


def test_floats_may_differ_by_the_tolerance_and_no_more():
    class FloatOutput(EchoOutput):
        score: float

    def drift(self, given, models, context):
        self.step = getattr(self, "step", 0) + 1
        return FloatOutput(text=given.text, score=0.5 + self.step * 1e-6)

    kit = contract(make_task("bad", {}, run=drift), FloatOutput)
    tolerant = failing(kit)
    type(kit).float_tolerance = 1e-9

    assert tolerant == set()
    assert "test_the_same_input_gets_the_same_answer_again" in failing(kit)


def test_fake_models_answer_alike_for_alike_and_differ_else():
    models = FakeModels({"text": "generate", "labels": "classify", "vectors": "encode", "pairs": "score"})
    generate = models.generate

    assert generate("text", "a b c d e") == generate("text", "a b c d e")
    assert generate("text", "a b c d e") != generate("text", "a b c d e", GenerateOptions(seed=99))
    assert generate("text", [Message("user", "a b")])[0].text in ("a b", "b a")
    assert len(generate("text", "a b c", GenerateOptions(n=3))) == 3
    assert sum(models.classify("labels", ["good"])[0].scores.values()) == pytest.approx(1)
    [vector] = models.encode("vectors", ["good"])
    assert sum(each * each for each in vector) == pytest.approx(1)
    near, far = models.score("pairs", [("red kettle", "red kettle"), ("red kettle", "blue sofa")])
    assert near == pytest.approx(1)
    assert near > far


def test_fake_texts_can_be_dictated_cut_and_streamed():
    models = FakeModels(TEXT, reply=lambda prompt, seed: f"{prompt} one two END three")
    pieces: list[str] = []

    [stopped] = models.generate("text", "zero", GenerateOptions(stop=(" END",)), on_text=pieces.append)
    [cut] = models.generate("text", "zero", GenerateOptions(max_new_tokens=2))

    assert (stopped.text, stopped.finish_reason) == ("zero one two", "stop")
    assert (cut.text, cut.finish_reason, cut.completion_tokens) == ("zero one", "length", 2)
    assert "".join(pieces) == stopped.text


def test_fake_models_refuse_what_real_ones_would():
    models = FakeModels(TEXT)

    with pytest.raises(ModelNotAvailable, match="can generate, not encode"):
        models.encode("text", ["a"])
    with pytest.raises(ModelNotAvailable, match="does not name the role 'chat'"):
        models.generate("chat", "a")


def test_a_fake_job_stops_when_told_and_calls_back_once():
    context = FakeContext()
    heard: list[object] = []
    detach = context.attach(heard.append)
    error = Cancelled("enough")

    context.stop(error)
    context.stop(Cancelled("again"))
    detach()

    with pytest.raises(StopJob):
        context.check()
    assert heard == [error]
    assert context.cancelled
    assert not context.is_attached


def test_what_a_fake_job_emits_can_be_read():
    context = FakeContext()

    context.emit("Hello")

    assert context.texts == ["Hello"]


def test_real_models_come_through_the_same_kit():
    from storehand.settings import ModelBinding

    models = local_models([EchoTask()], {"text": ModelBinding(engine="fake")})

    class Real(TaskContract):
        task = EchoTask()

        def models(self):
            return models

    assert failing(Real()) == set()
    models.close()


def test_the_kit_is_light():
    heavy = ("torch", "transformers", "pluggy", "prometheus_client", "celery", "pytest")
    code = f"import sys, storehand.testing; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]", done.stderr
