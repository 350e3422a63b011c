"""The description task on stand-ins that answer as a model of any format would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from storehand.contracts.description import DescriptionInput, DescriptionOutput
from storehand.task import Completion, GenerateOptions, ModelInfo, Prompt
from storehand.testing import FakeContext, FakeModels
from storehand_plugins.description import DescriptionTask

TASK = DescriptionTask()
KETTLE = {
    "name": "Harbour Electric Kettle",
    "category": "Kitchen > Kettles",
    "brand": "Quiet Home",
    "color": "Matte black",
    "material": "Stainless steel",
    "additionalProperty": {"capacity": "1.7 L", "power": "2200 W"},
    "positiveNotes": ["Auto shut-off", "BPA-free"],
}
BAG = {
    "name": "城市通勤双肩包",
    "category": "箱包 > 双肩包",
    "brand": "行野",
    "color": "深灰色",
    "additionalProperty": {"容量": "22升", "重量": "0.9千克", "适用电脑": "15.6英寸"},
    "positiveNotes": ["可水洗", "防水", "隐藏口袋"],
}
ALL_FIELDS = ["title", "description", "bullets", "seo_title", "meta_description", "alt_text"]


class Asked(FakeModels):
    """A model of a format; keeps what it was asked."""

    def __init__(self, format: str, reply: Callable[[str], str]) -> None:  # noqa: A002  # the word of ModelInfo
        super().__init__(TASK.roles, reply=lambda prompt, seed: reply(prompt))
        self.format = format
        self.questions: list[tuple[Prompt, GenerateOptions]] = []

    def info(self, role: str) -> ModelInfo:
        return replace(super().info(role), format=self.format)

    def generate(
        self,
        role: str,
        prompt: Prompt,
        options: GenerateOptions | None = None,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        self.questions.append((prompt, options or GenerateOptions()))
        return super().generate(role, prompt, options, on_text=on_text)


def described(
    product: object, *, by: FakeModels | None = None, context: FakeContext | None = None, **wishes: object
) -> DescriptionOutput:
    """The answer; without `by` the realiser writes it."""
    models = by or Asked("none", lambda prompt: "")
    given = DescriptionInput.model_validate({"product": product, "seed": 3, **wishes})
    return TASK.run(given, models, context or FakeContext())


def rules(output: DescriptionOutput) -> list[str]:
    return [check.rule for check in output.checks]


def texts(output: DescriptionOutput) -> dict[str, str]:
    """Every text of the chosen variant by its field's name, as checks name it."""
    best = output.best
    single = {
        "title": best.title,
        "description": best.description,
        "seo_title": best.seo_title,
        "meta_description": best.meta_description,
        "alt_text": best.alt_text,
    }
    return {name: text for name, text in single.items() if text} | {
        f"bullets[{number}]": text for number, text in enumerate(best.bullets or ())
    }
