"""The task `description`: a product's facts in, checked variants of title, description and short fields out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from storehand.contracts.base import Provenance
from storehand.contracts.description import DescriptionInput, DescriptionOutput, DescriptionVariant
from storehand.task import Context, Models, Task
from storehand_plugins.description.brief import Brief, brief_of
from storehand_plugins.description.compose import Composer, Text
from storehand_plugins.description.examples import EXAMPLES
from storehand_plugins.description.findings import alike, best_first, findings
from storehand_plugins.description.kinds import Language
from storehand_plugins.description.languages import SIMPLIFIED, is_traditional
from storehand_plugins.description.text import Reviewer
from storehand_plugins.description.writers import (
    ROLE,
    ChatWriter,
    PlainWriter,
    SlotWriter,
    Writer,
    realised,
    rounds,
)
from storehand_plugins.description.written import Written

_SEEDS = 2**31
_WRITERS: dict[str, type[Writer]] = {"slots": SlotWriter, "chat": ChatWriter, "plain": PlainWriter}


class DescriptionTask(Task[DescriptionInput, DescriptionOutput]):
    """Describes products with any text model bound to the role `text`.

    The bundled model writes with slots, a chat model gets messages, a model that only continues text gets examples;
    of what the latter two write, only sentences that pass the checks are kept. Every variant is checked; where no text
    of the model is usable the realiser writes it, and says so. The checked answer is streamed title first, then
    sentence by sentence. The same input and seed get the same text, alone as in company.

    The short fields are whole facts put together, unless a chat model's own hold. Prices are never written: they
    change. What a shopper consented to changes the order of facts and the opening, nothing else.
    """

    name = "description"
    input_type = DescriptionInput
    output_type = DescriptionOutput
    roles: ClassVar = {ROLE: "generate"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "text"}
    examples = EXAMPLES
    version = "2"

    def run(self, input: DescriptionInput, models: Models, context: Context) -> DescriptionOutput:
        context.check()
        brief = brief_of(input, context.check)
        context.check()
        reviewer = Reviewer(brief)
        info = models.info(ROLE)
        seed = _seed(input, context)
        writer = _WRITERS[info.format](brief, models, reviewer) if info.format in _WRITERS else None

        written = _written(brief, writer, seed)
        composer = Composer(brief, seed)
        pairs: list[tuple[DescriptionVariant, Text]] = []
        for number, each in enumerate(written):
            context.check()
            text = composer.text(each, number)
            pairs.append((reviewer.variant(text), text))
        context.check()
        if len(pairs) > input.n_variants:
            pairs = best_first(pairs, brief)[: input.n_variants]
        best = best_first(pairs, brief)[0]
        variant, text = best
        _stream(text, context)

        by_model = text.written.written_by == "model"
        locale = brief.asked if by_model and info.format == "chat" else _written_locale(brief.asked, brief.language)
        checks = findings(variant, text, brief, locale=locale) + alike([each for each, _ in pairs])
        return DescriptionOutput(
            locale=locale,
            variants=tuple(each for each, _ in pairs),
            chosen=pairs.index(best),
            checks=checks,
            provenance=Provenance(
                model=info.name,
                revision=info.revision,
                plugin=self.name,
                plugin_version=self.version,
                written_by=text.written.written_by,
                prompt_sha256=writer.prompt_sha256 if writer else None,
                seed=seed % _SEEDS,
                digital_source_type="trained_algorithmic_media" if by_model else "default",
            ),
            usage=models.usage.as_usage(),
        )


def _seed(given: DescriptionInput, context: Context) -> int:
    """`generation.seed`, else `seed`, else the job's own."""
    if given.generation is not None and given.generation.seed is not None:
        return given.generation.seed
    return context.seed if given.seed is None else given.seed


def _written(brief: Brief, writer: Writer | None, seed: int) -> list[Written]:
    """At least as many texts as variants were asked for, the model's first."""
    wanted = brief.input.n_variants
    samples = (brief.input.generation.n if brief.input.generation else None) or 1
    texts = rounds(writer.write, wanted, seed, samples=samples) if writer else []
    missing = range(wanted - len(texts))
    return texts + [realised(brief.asked_plan, (seed + number) % _SEEDS, brief.forbidden) for number in missing]


def _written_locale(asked: str, language: Language) -> str:
    """The locale that was asked for where it is of the language that was written, else that language."""
    if is_traditional(asked):
        return SIMPLIFIED
    return asked if asked.lower().split("-")[0] == language else language


def _stream(text: Text, context: Context) -> None:
    context.emit(text.title + "\n\n")
    for piece in text.description.pieces:
        context.emit(piece)
