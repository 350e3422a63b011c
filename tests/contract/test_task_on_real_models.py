"""The contract kit on real engines: a task that uses two kinds of models, through the facade, alone and in company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from storehand.contracts import TaskInput, TaskOutput, Usage
from storehand.settings import ModelBinding
from storehand.task import Context, GenerateOptions, Kind, Models, Task
from storehand.testing import TaskContract, local_models
from tests.tiny_models import save_encoder, save_text_model


class BothOutput(TaskOutput):
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    usage: Usage


class BothInput(TaskInput[BothOutput]):
    words: tuple[str, ...]


class BothTask(Task[BothInput, BothOutput]):
    """Writes two texts and labels more than one request holds."""

    name = "both"
    input_type = BothInput
    output_type = BothOutput
    roles: ClassVar[Mapping[str, Kind]] = {"text": "generate", "labels": "classify"}
    examples = (BothInput(words=("warm jacket", "背包轻便")), BothInput(words=("a", "bag for school", "保暖") * 14))

    def run(self, input: BothInput, models: Models, context: Context) -> BothOutput:
        options = GenerateOptions(max_new_tokens=8, temperature=1.0, n=2)
        texts = models.generate("text", input.words[0], options)
        labels = models.classify("labels", input.words)
        used = models.usage
        return BothOutput(
            texts=tuple(each.text for each in texts),
            scores=tuple(each.scores["label 0"] for each in labels),
            usage=Usage(prompt_tokens=used.prompt_tokens, completion_tokens=used.completion_tokens),
        )


BOTH = BothTask()


class TestBoth(TaskContract):
    task = BOTH
    folders: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _saved(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("models")
        cls.folders["text"] = str(save_text_model(folder / "text"))
        cls.folders["labels"] = str(save_encoder(folder / "labels"))
        yield
        cls().models().close()

    def models(self):
        bindings = {
            role: ModelBinding(model=folder, device="cpu", max_tokens=128) for role, folder in self.folders.items()
        }
        return local_models([BOTH], bindings)

    def test_the_models_are_the_ones_that_were_bound(self):
        models = self.models()

        assert (models.info("text").kind, models.info("text").name) == ("generate", "text")
        assert models.info("labels").labels == ("label 0", "label 1", "label 2")
