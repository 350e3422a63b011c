"""What models contribute: paragraphs with slots from the bundled model, whole components from a chat model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from storehand.contracts.base import Generation
from storehand.contracts.copy import Channel, Component, CopyInput
from storehand.task import GenerateOptions, Models
from storehand_plugins.copy import chat
from storehand_plugins.copy.angles import Angle
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.channels import Limit
from storehand_plugins.copy.items import Item
from storehand_plugins.copy.layout import Story
from storehand_plugins.copy.rules import is_sayable
from storehand_plugins.copy.sieve import Sieve
from storehand_plugins.description import drafts
from storehand_plugins.description.filling import SLOT, fill
from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.realiser import Realiser

ROLE = "text"
MODEL_PRODUCTS = 3
"""Products a model writes paragraphs about; the realiser writes the others', or a listing would take minutes."""

PARAGRAPH_FACTS = 8
SLOT_TOKENS = 320
CHAT_TOKENS = 700
LEAST_ROOM = 64
"""Tokens of an answer below which asking a chat model is no use."""

_WITH_PARAGRAPHS: tuple[Channel, ...] = ("email", "wechat", "article", "social")
_SEEDS = 2**31
_CONNECTORS = (
    "同时",
    "此外",
    "另有",
    "另外",
    "还包括",
    "其他特点",
    "There is also",
    "Also",
    "Further",
    "Added to",
    "What is more",
)
"""What begins with one of these can't come first."""


@dataclass(slots=True)
class Writers:
    """Asks the model bound to `text` in the way it wants to be asked. `prompts` is what was sent."""

    brief: Brief
    models: Models
    generation: Generation | None
    seed: int
    prompts: list[str] = field(default_factory=list)

    def stories(self, given: CopyInput, angles: Sequence[Angle], limits: Mapping[Component, Limit]) -> list[Story]:
        """One per angle, in order."""
        style = self.models.info(ROLE).format
        if style == "chat":
            return [self._told(given, angle, number, limits) for number, angle in enumerate(angles)]
        if "body" not in self.brief.components or self.brief.channel not in _WITH_PARAGRAPHS:
            return [Story() for _ in angles]
        if len(self.brief.items) > 1 and self.brief.channel != "article":  # a list of names and highlights
            return [Story() for _ in angles]
        return self._paragraphs(len(angles), asks_model=style == "slots")

    def _plain(self, number: int) -> Story:
        """The realiser's, for one variant."""
        if self.brief.channel not in _WITH_PARAGRAPHS or (
            len(self.brief.items) > 1 and self.brief.channel != "article"
        ):
            return Story()
        return self._paragraphs(number + 1, asks_model=False)[number]

    def _paragraphs(self, count: int, *, asks_model: bool) -> list[Story]:
        by_place: list[list[tuple[list[str], bool]]] = []
        for place, item in enumerate(self.brief.items):
            plan = self._plan(item)
            found: list[tuple[list[str], bool]] = []
            if asks_model and place < MODEL_PRODUCTS and plan.facts:
                found = [(each, True) for each in self._with_slots(plan, count)]
            while len(found) < count:
                found.append((self._realised(plan, len(found)), False))
            by_place.append(found)
        room = 5 if self.brief.channel == "article" else 3
        return [
            Story(
                {place: _part(found[number][0], number, room) for place, found in enumerate(by_place)},
                is_by_model=any(found[number][1] for found in by_place),
            )
            for number in range(count)
        ]

    def _plan(self, item: Item) -> Plan:
        """The facts worth telling: no "not waterproof", nothing the law or the shop forbids."""
        facts = [
            fact
            for fact in item.plan.facts
            if fact.kind is not FactKind.NOTE
            and is_sayable(f"{fact.key} {fact.value}", forbidden=self.brief.forbidden)
            and len(fact.value) <= 80
        ]
        return replace(item.plan, facts=tuple(facts[:PARAGRAPH_FACTS]))

    def _realised(self, plan: Plan, number: int) -> list[str]:
        seed = (self.seed + number) % _SEEDS
        sentences = Realiser(plan, seed).facts(list(enumerate(plan.facts, start=1)))
        return [sentence for each in sentences if self._is_fit(sentence := fill(each, plan))]

    def _with_slots(self, plan: Plan, count: int) -> list[list[str]]:
        """Paragraphs of the bundled model that passed its checks: only sentences that state facts, once each."""
        head = plan.head()
        prompt = head.prompt()
        room = self.models.info(ROLE).max_tokens - self.models.count_tokens(ROLE, prompt)
        options = GenerateOptions.of(
            self.generation, room=room, max_new_tokens=SLOT_TOKENS, temperature=0.7, top_p=0.9, n=count, seed=self.seed
        )
        options = replace(options, n=max(count, options.n))
        self.prompts.append(prompt)
        found: dict[tuple[str, ...], int] = {}
        for completion in self.models.generate(ROLE, prompt, options):
            reading = drafts.read(completion.text, head)
            if completion.finish_reason != "stop" or not reading.is_mendable:
                continue
            sentences = tuple(fill(each, head) for each in reading.draft.sentences if _states_a_fact(each))
            if sentences and all(map(self._is_fit, sentences)):
                found.setdefault(sentences, len(reading.missing))
        return [list(each) for each in sorted(found, key=lambda each: found[each])][:count]

    def _is_fit(self, sentence: str) -> bool:
        return is_sayable(sentence, forbidden=self.brief.forbidden)

    def _told(self, given: CopyInput, angle: Angle, number: int, limits: Mapping[Component, Limit]) -> Story:
        prompt = chat.messages(self.brief, given, angle, limits)
        text = "\n".join(message.content for message in prompt)
        room = self.models.info(ROLE).max_tokens - 64 - self.models.count_tokens(ROLE, text)
        if room < LEAST_ROOM:
            return self._plain(number)
        self.prompts.append(text)
        options = self._chat_options(number, room)
        sieve = Sieve(self.brief, given)
        best: Mapping[Component, Sequence[str]] = {}
        for completion in self.models.generate(ROLE, prompt, options):
            told: dict[Component, list[str]] = {}
            is_cut = completion.finish_reason in ("length", "deadline")
            for component, words in chat.parse(completion.text, self.brief.components, is_cut=is_cut).items():
                if component != "hashtags" and (kept := sieve.kept(words, component)):
                    told[component] = kept
            if _length(told) > _length(best):
                best = told
        if "body" in best:
            return Story(told=best, is_by_model=True)
        return replace(self._plain(number), told=best, is_by_model=bool(best))

    def _chat_options(self, number: int, room: int) -> GenerateOptions:
        options = GenerateOptions.of(
            self.generation, room=room, max_new_tokens=CHAT_TOKENS, temperature=0.8, top_p=0.95, seed=self.seed
        )
        return replace(options, seed=((options.seed or 0) + number) % _SEEDS)

    @property
    def prompt_sha256(self) -> str | None:
        return hashlib.sha256("\n".join(self.prompts).encode()).hexdigest() if self.prompts else None


def _length(told: Mapping[Component, Sequence[str]]) -> int:
    return sum(len(sentence) for sentences in told.values() for sentence in sentences)


def _part(sentences: Sequence[str], number: int, room: int) -> list[str]:
    """Some sentences of a paragraph: other ones in every variant, in the order in which they were written."""
    if len(sentences) <= room:
        kept = list(sentences)
    else:
        start = number % len(sentences)
        places = {(start + step) % len(sentences) for step in range(room)}
        kept = [sentence for place, sentence in enumerate(sentences) if place in places]
    return sorted(kept, key=lambda sentence: sentence.startswith(_CONNECTORS))


def _states_a_fact(sentence: str) -> bool:
    return any(slot.startswith(("<v", "<k")) for slot in SLOT.findall(sentence))
