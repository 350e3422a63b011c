"""The task `description`: a product's facts in, checked title and description variants out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from storehand.contracts.base import Provenance, Usage
from storehand.contracts.description import DescriptionInput, DescriptionOutput
from storehand.task import Context, ModelInfo, Models, Task
from storehand_plugins.description.examples import EXAMPLES
from storehand_plugins.description.facts import plan_of
from storehand_plugins.description.kinds import Language
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.text import Reviewer, Written, best, findings
from storehand_plugins.description.writers import ROLE, ChatWriter, SlotWriter, realised, rounds

_SEEDS = 2**31


class DescriptionTask(Task[DescriptionInput, DescriptionOutput]):
    """Describes products with any text model bound to the role `text`.

    The bundled model writes with slots, a chat model gets messages. A model of neither format (one that only continues
    text) is not asked: it can't be told to keep to the facts, so the realiser writes, and says so. Every variant is
    checked; where no text of the model is usable the realiser writes it. The checked answer is streamed title first,
    then sentence by sentence. The same input and seed get the same text, alone as in company.
    """

    name = "description"
    input_type = DescriptionInput
    output_type = DescriptionOutput
    roles: ClassVar = {ROLE: "generate"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "text"}
    examples = EXAMPLES

    def run(self, input: DescriptionInput, models: Models, context: Context) -> DescriptionOutput:  # noqa: A002
        context.check()
        asked = input.locale or input.product.in_language or input.product.language
        language: Language = "zh" if asked.lower().startswith("zh") else "en"
        plan = plan_of(input.product, language, input.tone)
        reviewer = Reviewer(input.product, plan)
        info = models.info(ROLE)
        seed = context.seed if input.seed is None else input.seed

        texts = _from_model(plan, models, info, reviewer, asked, input.n_variants, seed)
        for number in range(input.n_variants - len(texts)):
            texts.append(realised(plan, (seed + number) % _SEEDS))
        variants = tuple(reviewer.variant(text) for text in texts)
        chosen = best(variants)
        _stream(texts[chosen], plan, context)

        usage = models.usage
        by_model = texts[chosen].written_by == "model"
        locale = asked if by_model and info.format == "chat" else _written_locale(asked, language)
        return DescriptionOutput(
            locale=locale,
            variants=variants,
            chosen=chosen,
            checks=findings(variants[chosen], texts[chosen], asked=asked, locale=locale),
            provenance=Provenance(
                model=info.name,
                revision=info.revision,
                plugin=self.name,
                plugin_version=self.version,
                written_by=texts[chosen].written_by,
                seed=seed % _SEEDS,
                digital_source_type="trained_algorithmic_media" if by_model else "default",
            ),
            usage=Usage(
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                lane_wait_s=usage.lane_wait_s,
                inference_s=usage.inference_s,
            ),
        )


def _from_model(
    plan: Plan, models: Models, info: ModelInfo, reviewer: Reviewer, locale: str, wanted: int, seed: int
) -> list[Written]:
    if info.format == "slots":
        return rounds(SlotWriter(plan, models).write, wanted, seed)
    if info.format == "chat":
        return rounds(ChatWriter(plan, models, reviewer=reviewer, locale=locale).write, wanted, seed)
    return []


def _written_locale(asked: str, language: Language) -> str:
    """The locale that was asked for where it is of the language that was written, else that language."""
    return asked if asked.lower().split("-")[0] == language else language


def _stream(text: Written, plan: Plan, context: Context) -> None:
    context.emit(text.title + "\n\n")
    between = " " if plan.language == "en" else ""
    for number, sentence in enumerate(text.sentences):
        context.emit((between if number else "") + sentence)
