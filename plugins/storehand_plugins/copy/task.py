"""The task `copy`: products, a campaign and a channel in, checked marketing copy in that channel's parts out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from storehand.contracts.base import Provenance
from storehand.contracts.copy import CHANNEL_COMPONENTS, Component, CopyInput, CopyOutput
from storehand.task import Context, Models, Task
from storehand_plugins.checks.hidden import visible
from storehand_plugins.copy.angles import angles_for
from storehand_plugins.copy.brief import brief_of
from storehand_plugins.copy.channels import Limit, limit_of
from storehand_plugins.copy.examples import EXAMPLES
from storehand_plugins.copy.findings import findings
from storehand_plugins.copy.layout import lay_out
from storehand_plugins.copy.review import best, distinctness, variant_of
from storehand_plugins.copy.writers import ROLE, Writers
from storehand_plugins.description.kinds import Language

_SEEDS = 2**31


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CopyTask(Task[CopyInput, CopyOutput]):
    """Writes marketing copy with any text model bound to the role `text`.

    Every variant starts from another angle. What the offer grants is put in after generation, from the input. The
    bundled model writes the paragraphs about the product, a chat model whole components with placeholders, of which
    only sentences that hold nothing but the shop's facts stay; grammar writes the rest. `chosen` is the variant that
    states most of the offer, with whole tokens and fewest findings; of equals the one whose angle fits the goal best,
    which is the first. The chosen variant is streamed component by component.
    """

    name = "copy"
    input_type = CopyInput
    output_type = CopyOutput
    roles: ClassVar = {ROLE: "generate"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "text"}
    examples = EXAMPLES

    def __init__(self, now: Callable[[], datetime] = _utc_now) -> None:
        """`now` is asked once per job, to tell whether an offer is over."""
        self._now = now

    def run(self, input: CopyInput, models: Models, context: Context) -> CopyOutput:
        context.check()
        given = _seen(input)
        asked = given.locale or given.products[0].in_language or _language_of(given)
        language: Language = "zh" if asked.lower().startswith("zh") else "en"
        components = _components(given)
        limits: dict[Component, Limit] = {each: limit_of(given.channel, each, given.max_chars) for each in components}
        brief = brief_of(given, language, components)
        generation = given.generation
        seed = (context.seed if generation is None or generation.seed is None else generation.seed) % _SEEDS

        writers = Writers(brief, models, generation, seed)
        angles = angles_for(brief, given.n_variants)
        stories = writers.stories(given, angles, limits)
        context.check()
        drafts = [
            lay_out(brief, angle, number, seed, turn=angles[:number].count(angle), story=story, limits=limits)
            for number, (angle, story) in enumerate(zip(angles, stories, strict=True))
        ]
        variants = tuple(variant_of(draft, brief, given) for draft in drafts)
        chosen = best(variants)
        for number, text in enumerate(variants[chosen].components.values()):
            context.emit(("\n\n" if number else "") + text)

        info, usage = models.info(ROLE), models.usage
        written_by = variants[chosen].written_by
        return CopyOutput(
            locale=brief.locale,
            channel=given.channel,
            variants=variants,
            chosen=chosen,
            distinctness=distinctness(variants),
            checks=findings(variants[chosen], brief, input, style=info.format, asked=asked, now=self._now()),
            provenance=Provenance(
                model=info.name,
                revision=info.revision,
                plugin=self.name,
                plugin_version=self.version,
                written_by=written_by,
                prompt_sha256=writers.prompt_sha256,
                seed=seed,
                digital_source_type="trained_algorithmic_media" if written_by == "model" else "default",
            ),
            usage=usage.as_usage(),
        )


def _components(given: CopyInput) -> tuple[Component, ...]:
    return tuple(dict.fromkeys(given.components)) or CHANNEL_COMPONENTS[given.channel]


def _language_of(given: CopyInput) -> str:
    """That of most products."""
    chinese = sum(product.language == "zh" for product in given.products)
    return "zh" if chinese * 2 >= len(given.products) and chinese else "en"


def _seen(given: CopyInput) -> CopyInput:
    """Terms as people see them; the contract cleans the shorter texts."""
    offer = given.campaign.offer
    if offer is None or not offer.terms:
        return given
    lines = [" ".join(line.split()) for line in visible(offer.terms).text.splitlines()]
    terms = "\n".join(line for line in lines if line) or None
    campaign = given.campaign.model_copy(update={"offer": offer.model_copy(update={"terms": terms})})
    return given.model_copy(update={"campaign": campaign})
