"""The contract kit for plugin authors: six lines of test, and stand-ins for the models and the job.

    from storehand.testing import TaskContract

    class TestTagline(TaskContract):
        task = TaglineTask()

pytest finds the tests below in the subclass. They run on `FakeModels`, in a second and without a GPU; on real models:

        def models(self):
            return local_models([self.task])
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from typing import Any, ClassVar

from pydantic import ValidationError

from storehand.errors import ModelNotAvailable, StopJob
from storehand.fakes import FakeContext, FakeModels
from storehand.settings import ModelBinding
from storehand.task import Models, Task
from storehand.task_check import problems

__all__ = ["FakeContext", "FakeModels", "TaskContract", "local_models"]

LOCAL_MODELS_GROUP = "storehand.local_models"
COMPANY = 8
"""Threads that ask side by side. They ask for every example at least twice, and twice as often as there are threads."""


def local_models(tasks: Iterable[Task[Any, Any]], bindings: Mapping[str, ModelBinding] | None = None) -> Models:
    """Real models for these tasks, loaded in this process; needs `storehand[worker,models]`. Kept until it ends."""
    fixed = tuple(sorted((role, binding.model_dump_json()) for role, binding in (bindings or {}).items()))
    return _loaded(tuple(tasks), fixed)


@cache
def _loaded(tasks: tuple[Task[Any, Any], ...], bindings: tuple[tuple[str, str], ...]) -> Models:
    for entry_point in metadata.entry_points(group=LOCAL_MODELS_GROUP):
        build = entry_point.load()
        return build({role: ModelBinding.model_validate_json(text) for role, text in bindings}, tasks)
    raise ModelNotAvailable("nothing here can load real models; install storehand[worker,models]")


class TaskContract:
    """Subclass it as `Test...`, set `task`; override what your task needs."""

    task: ClassVar[Task[Any, Any]]
    float_tolerance: ClassVar[float] = 1e-4
    """How far a float may lie from itself in another batch; 0 for tasks that compute none."""

    def models(self) -> Models:
        """The models that the tests run on; called once per test."""
        return FakeModels(self.task.roles)

    # What must hold for every task

    def test_the_task_keeps_the_rules(self) -> None:
        assert not problems(self.task), "; ".join(problems(self.task))

    def test_there_is_an_example(self) -> None:
        assert self.task.examples, "give `examples` at least one input: it warms models up and documents the task"

    def test_the_input_has_a_json_schema(self) -> None:
        for model in (self.task.input_type, self.task.output_type):
            schema = model.model_json_schema(by_alias=True)
            assert json.loads(json.dumps(schema)) == schema
            assert schema.get("additionalProperties") is False, f"{model.__name__} lets unknown fields pass"

    def test_an_unknown_field_is_refused(self) -> None:
        for example in self.task.examples:
            payload = {**example.to_json_dict(), "noSuchField": 1}
            try:
                self.task.input_type.model_validate(payload)
            except ValidationError:
                continue
            raise AssertionError("an input with the unknown field noSuchField was accepted")

    def test_every_example_gets_an_answer_that_fits(self) -> None:
        models = self.models()
        for example in self.task.examples:
            output, _ = self._run(models, example)
            assert isinstance(output, self.task.output_type), f"run returned {type(output).__name__}"
            again = self.task.output_type.model_validate_json(json.dumps(output.to_json_dict()))
            assert again == output, "the output does not survive JSON"

    def test_the_same_input_gets_the_same_answer_again(self) -> None:
        models = self.models()
        for example in self.task.examples:
            first, second = self._answer(models, example), self._answer(models, example)
            self._same(first, second, "asked twice")

    def test_the_same_input_gets_the_same_answer_in_company(self) -> None:
        models = self.models()
        examples = list(self.task.examples)
        alone = [self._answer(models, example) for example in examples]
        times = min(COMPANY, max(2, 2 * COMPANY // max(1, len(examples))))
        with ThreadPoolExecutor(COMPANY) as threads:
            company = list(threads.map(lambda example: self._answer(models, example), examples * times))
        for number, answer in enumerate(company):
            self._same(alone[number % len(examples)], answer, "asked side by side with others")

    def test_a_stop_is_obeyed(self) -> None:
        models = self.models()
        for example in self.task.examples:
            _, checks = self._run(models, example)
            for at in sorted({1, (checks + 1) // 2, checks}) if checks else ():
                self._stop_at(models, example, at)

    def test_the_usage_is_what_the_models_counted(self) -> None:
        models = self.models()
        for example in self.task.examples:
            context = FakeContext()
            bound = _bind(models, context)
            usage = getattr(self.task.run(example, bound, context), "usage", None)
            for name in ("prompt_tokens", "completion_tokens") if usage is not None else ():
                said, counted = getattr(usage, name), getattr(bound.usage, name)
                assert said == counted, f"usage.{name} says {said}, the models counted {counted}"

    # How

    def _run(self, models: Models, example: Any) -> tuple[Any, int]:
        context = FakeContext()
        output = self.task.run(example, _bind(models, context), context)
        return output, context.checks

    def _answer(self, models: Models, example: Any) -> dict[str, Any]:
        output, _ = self._run(models, example)
        return {name: value for name, value in output.to_json_dict().items() if name != "usage"}

    def _same(self, one: Any, other: Any, when: str) -> None:
        difference = _difference(one, other, self.float_tolerance)
        assert difference is None, f"another answer when {when}: {difference}"

    def _stop_at(self, models: Models, example: Any, check: int) -> None:
        context = FakeContext(stop_at_check=check)
        stopped_with = None
        try:
            self.task.run(example, _bind(models, context), context)
        except StopJob as stop:
            stopped_with = stop.error
        assert stopped_with is not None, "a stopped job gave an answer: let StopJob pass (only `except:` catches it)"
        assert stopped_with is context.stop_error, f"the stop came out as {stopped_with.code}"


def _bind(models: Models, context: FakeContext) -> Models:
    bind = getattr(models, "bind", None)
    return bind(context) if bind is not None else models


def _difference(one: Any, other: Any, tolerance: float, path: str = "") -> str | None:
    """Where two JSON values differ first, or none."""
    if isinstance(one, float) and isinstance(other, int | float):
        near = math.isclose(one, other, rel_tol=0, abs_tol=tolerance)
        return None if near else f"{path or '.'} is {one!r}, then {other!r}"
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(f"{path}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{path}[{index}]", *both) for index, both in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other else f"{path or '.'} is {one!r}, then {other!r}"
    found = (_difference(left, right, tolerance, where) for where, left, right in pairs)
    return next((difference for difference in found if difference), None)
