"""A text in final words, sentence by sentence, with the facts that each sentence says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from storehand_plugins.description.asked_words import Forbidden
from storehand_plugins.description.filling import SLOT, fill, fill_title
from storehand_plugins.description.kinds import NAME
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.realiser import Draft, Realiser

Role = Literal["opener", "facts", "closer"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or one line of a list."""

    text: str
    role: Role = "facts"
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer hands over. `is_mended`: the checks took a sentence away, or left-out facts must be added.
    `parts`: other fields that a chat model wrote, `lines` its bullets with what they say. `follows_style`: it was told
    the brand voice and the audience. `is_free`: the words between the facts are a model's own, so that they may
    contradict the product."""

    title: str
    sentences: tuple[Sentence, ...]
    written_by: Literal["model", "realiser"]
    is_mended: bool = False
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[Sentence, ...] = ()
    follows_style: bool = False
    is_free: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(sentence.text for sentence in self.sentences)

    def facts(self) -> set[Fact]:
        """All that its sentences say."""
        return {fact for sentence in self.sentences for fact in sentence.facts}


def realised(plan: Plan, seed: int, forbidden: Forbidden | None = None) -> Written:
    """All facts by grammar alone."""
    return from_draft(Realiser(plan, seed, avoid=forbidden or None).draft(), plan, "realiser")


def from_draft(draft: Draft, plan: Plan, by: Literal["model", "realiser"]) -> Written:
    """A draft with the plan's words in its slots."""
    return Written(fill_title(draft.title, plan), tuple(sentences_of(draft.sentences, plan)), by)


def sentences_of(drafts: Iterable[str], plan: Plan) -> list[Sentence]:
    """Draft sentences filled. Up to the one that names the product they open the text; without facts, they close it."""
    sentences: list[Sentence] = []
    drafts = list(drafts)
    openers = next((number for number, draft in enumerate(drafts[:2], start=1) if NAME in draft), 0)
    for number, draft in enumerate(drafts):
        facts = tuple(plan.facts[int(slot[2:-1]) - 1] for slot in SLOT.findall(draft) if slot[1] == "v")
        role: Role = "opener" if number < openers else "facts" if facts else "closer"
        sentences.append(Sentence(fill(draft, plan), role, facts))
    return sentences
