"""From what a writer handed over to the finished text: led, allowed, whole, within its length, in its format."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from storehand.contracts.base import Check
from storehand.contracts.description import Length
from storehand_plugins.checks import find_words
from storehand_plugins.description.angles import turned
from storehand_plugins.description.asked_words import says
from storehand_plugins.description.brief import Brief
from storehand_plugins.description.filling import fill, fill_title
from storehand_plugins.description.length import Fitting, measured, words
from storehand_plugins.description.lines import line, lines
from storehand_plugins.description.markup import BULLET, Rendered, rendered
from storehand_plugins.description.parts import parts
from storehand_plugins.description.plan import Fact
from storehand_plugins.description.realiser import Realiser
from storehand_plugins.description.rules import check
from storehand_plugins.description.written import Sentence, Written, sentences_of

DESCRIPTION_MAX = 5000
_BRAND = {"en": "Brand: {}.", "zh": "品牌：{}。"}
_TRIED = 8
"""Draws for other words."""

_MANNER = 6
"""Characters behind the name that tell "is made for" from "is designed with"."""


@dataclass(frozen=True, slots=True)
class Text:
    """A finished text, before its checks. `left_out` are facts that the length left no room for."""

    title: str
    description: Rendered
    written: Written
    fields: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[Fact, ...] = ()
    notes: tuple[Check, ...] = ()


class Composer:
    """Finishes texts for one brief; `seed` picks the wordings that are added."""

    def __init__(self, brief: Brief, seed: int) -> None:
        self._brief = brief
        self._plan = brief.plan
        self._seed = seed
        self._openings: list[str] = []
        self._numbers = {fact: number for number, fact in enumerate(brief.plan.facts, start=1)}

    def text(self, written: Written, number: int = 0) -> Text:
        """Variant `number` of the texts."""
        realiser = self._realiser(number)
        sentences = self._allowed(list(written.sentences), realiser)
        sentences = self._led(sentences, realiser)
        sentences = self._opened(self._whole(sentences, realiser), realiser)
        if number:
            sentences = turned(sentences, number)
        kept = set(written.texts) <= {sentence.text for sentence in sentences}  # a list is no mending, it was asked for
        if self._brief.input.format != "paragraph":
            sentences = self._listed(sentences, written)
        whole = sentences
        sentences, description, notes = self._fitting(whole, realiser)
        kept = kept and set(whole) <= set(sentences)
        said = {fact for sentence in sentences for fact in sentence.facts}
        title = self._title(written.title, realiser)
        short, more = parts(self._brief, written, number)
        return Text(
            title,
            description,
            replace(written, is_mended=written.is_mended or not kept),
            fields=short,
            left_out=tuple(fact for fact in self._plan.facts if fact not in said),
            notes=(*notes, *more),
        )

    def _realiser(self, number: int) -> Realiser:
        return Realiser(self._plan, self._seed + number, avoid=self._brief.forbidden or None)

    def _filled(self, *drafts: str) -> list[Sentence]:
        return sentences_of(drafts, self._plan)

    def _title(self, title: str, realiser: Realiser) -> str:
        if self._brief.forbidden(self._brief.unnamed(title)):
            return fill_title(realiser.title(), self._plan)
        return title

    def _allowed(self, sentences: list[Sentence], realiser: Realiser) -> list[Sentence]:
        """Without the sentences that have a forbidden word; the opener gets other words."""
        if not self._brief.forbidden:
            return sentences
        kept = []
        for sentence in sentences:
            if not self._brief.forbidden(self._brief.unnamed(sentence.text)):
                kept.append(sentence)
            elif sentence.role == "opener" and not any(each.role == "opener" for each in kept):
                kept += self._filled(realiser.opener())
        return kept

    def _led(self, sentences: list[Sentence], realiser: Realiser) -> list[Sentence]:
        """With an opening sentence that begins with what fits the shopper."""
        lead = set(self._brief.lead)
        opened = {fact for each in sentences if each.role == "opener" for fact in each.facts}
        if not lead or lead <= opened:
            return sentences
        numbered = [(self._numbers[fact], fact) for fact in self._brief.lead]
        opener = self._filled(realiser.leading(numbered))
        rest = [each for each in sentences if each.role != "opener" and not (each.facts and set(each.facts) <= lead)]
        return opener + rest

    def _opened(self, sentences: list[Sentence], realiser: Realiser) -> list[Sentence]:
        """No two variants open alike: a repeated opening without facts gets other words."""
        opening = [each for each in sentences if each.role == "opener"]
        rest = [each for each in sentences if each.role != "opener"]
        for _ in range(_TRIED):
            if not opening or self._manner(opening) not in self._openings:
                break
            facts = {fact for each in opening for fact in each.facts}
            if facts <= set(self._brief.lead):
                numbered = [(self._numbers[fact], fact) for fact in self._brief.lead]
                opening = self._filled(realiser.leading(numbered) if facts else realiser.opener())
        self._openings.append(self._manner(opening))
        return opening + rest

    def _manner(self, opening: list[Sentence]) -> str:
        """How a text opens, whatever it says of the scene: what stands before the name and right behind it."""
        before, _, after = " ".join(each.text for each in opening).partition(self._plan.name)
        return f"{before} {self._brief.unnamed(after).strip()[:_MANNER]}"

    def _whole(self, sentences: list[Sentence], realiser: Realiser) -> list[Sentence]:
        """With sentences for the facts and keywords that are not said yet, before the one that closes the text."""
        said = {fact for sentence in sentences for fact in sentence.facts}
        lost = [(number, fact) for fact, number in self._numbers.items() if fact not in said]
        added = self._filled(*realiser.facts(lost)) if lost else []
        added = [replace(each, role="facts") for each in added]
        text = " ".join(each.text for each in (*sentences, *added))
        if self._plan.brand and self._plan.brand not in text and not find_words(text, (self._plan.brand,)):
            added.append(Sentence(_BRAND[self._brief.language].format(self._plan.brand), "facts"))
        quotes = dict.fromkeys(quote for keyword, quote in self._brief.quotes if not says(keyword, text))
        added += [Sentence(quote, "facts") for quote in quotes]
        if not added:
            return sentences
        end = len(sentences)
        while end > 1 and sentences[end - 1].role == "closer":
            end -= 1
        return sentences[:end] + added + sentences[end:]

    def _listed(self, sentences: list[Sentence], written: Written) -> list[Sentence]:
        """The opener, and a line for each group of facts that it does not say; a chat model's own lines first."""
        opener = [each for each in sentences if each.role == "opener"][:2]
        said = {fact for each in opener for fact in each.facts}
        own = [each for each in written.lines if set(each.facts) - said]
        said |= {fact for each in own for fact in each.facts}
        facts = [fact for fact in self._brief.wanted_first(self._plan.facts) if fact not in said]
        asked = {quote for _, quote in self._brief.quotes} | {_BRAND[self._brief.language].format(self._plan.brand)}
        quotes = [each for each in sentences if each.text in asked]
        return opener + own + lines(facts, self._brief.language) + quotes

    def _fitting(
        self, sentences: list[Sentence], realiser: Realiser
    ) -> tuple[list[Sentence], Rendered, tuple[Check, ...]]:
        """The text within the bounds that were asked for, and within what a description may have."""
        form = self._brief.input.format
        length = self._brief.input.length
        description = rendered(sentences, form, self._brief.language)
        if length is None and len(description.text) <= DESCRIPTION_MAX:
            return sentences, description, ()
        length = length or Length(max=DESCRIPTION_MAX)
        if length.min and measured(description.visible, length) < length.min:
            sentences = self._longer(sentences, length, realiser)
        limit = length.max
        while True:
            chosen = self._chosen(sentences, length.unit, limit, realiser)
            description = rendered(chosen, form, self._brief.language)
            whole = len(description.text)  # markup counts there
            if whole <= DESCRIPTION_MAX or len(chosen) == 1:
                return chosen, description, self._notes(description.visible, length)
            limit = limit * DESCRIPTION_MAX // whole

    def _chosen(self, sentences: list[Sentence], unit: str, limit: int, realiser: Realiser) -> list[Sentence]:
        brief = self._brief
        is_list = brief.input.format != "paragraph"
        between = 0 if unit == "words" else 1 if is_list or brief.language == "en" else 0
        mark = len(BULLET) if brief.input.format == "bullets" and unit == "chars" else 0
        fitting = Fitting(
            limit, size=lambda text: (words(text) if unit == "words" else len(text)) + mark, between=between
        )
        if fitting.total(sentences) <= limit:
            return sentences
        openers = [each for each in sentences if each.role == "opener"][:1]
        stop = "." if brief.language == "en" else "。"
        bare = Sentence(brief.plan.name + stop, "opener")
        facts = {fact for each in sentences for fact in each.facts}
        wanted = brief.wanted_first([fact for fact in brief.plan.facts if fact in facts])

        def alone(fact: Fact) -> list[Sentence]:
            short = line(fact, brief.language)
            if is_list:
                return [short]
            whole = self._filled(*realiser.facts([(self._numbers[fact], fact)]))
            return [replace(whole[0], role="facts"), replace(short, text=short.text + stop)]

        return fitting.chosen(sentences, wanted, openers=[*openers, bare], alone=alone, is_must=brief.is_must)

    def _longer(self, sentences: list[Sentence], length: Length, realiser: Realiser) -> list[Sentence]:
        """With a closing sentence, where there is none: it claims nothing. Facts are not invented to fill a text."""
        if any(each.role == "closer" for each in sentences):
            return sentences
        drafts = [realiser.closer() for _ in range(_TRIED)]
        closers = [fill(draft, self._plan) for draft in drafts if draft]
        if not closers:
            return sentences
        return [*sentences, Sentence(max(closers, key=len), "closer")]

    def _notes(self, visible: str, length: Length) -> tuple[Check, ...]:
        size = measured(visible, length)
        asked = f"{size} {length.unit}"
        if length.min and size < length.min:
            return (
                check(
                    "length.under",
                    span=(0, len(visible)),
                    basis=f"{asked}, at least {length.min} were asked "
                    "for: all facts are said, and nothing was invented",
                    suggestion="give more attributes",
                ),
            )
        if size > length.max:
            return (
                check(
                    "length.over",
                    span=(0, len(visible)),
                    basis=f"{asked}: no whole sentence is as short as {length.max}",
                    suggestion="allow more, or shorten the product's name",
                ),
            )
        return ()
