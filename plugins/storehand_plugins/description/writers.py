"""The ways to a text: slots for the bundled model, messages for chat models, examples for those that only continue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace

from storehand.task import Completion, GenerateOptions, Message, Models, Prompt
from storehand_plugins.checks import split_sentences
from storehand_plugins.description import chat, drafts, plain
from storehand_plugins.description.angles import rotated
from storehand_plugins.description.answers import Answer, is_in_language, names_product, parse
from storehand_plugins.description.brief import Brief
from storehand_plugins.description.filling import fill_title
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.short import BULLETS, LIMITS
from storehand_plugins.description.text import Reviewer
from storehand_plugins.description.written import Sentence, Written, from_draft, realised

__all__ = ["ROLE", "SLOT_TOKENS", "ChatWriter", "PlainWriter", "SlotWriter", "Writer", "realised", "rounds"]

ROLE = "text"
SLOT_TOKENS = 320
"""Enough for 16 facts in either language; the longest of 20,000 drafts has 262."""

CHAT_TOKENS = 400
FIELD_TOKENS = 150
"""More for each further field."""

PLAIN_TOKENS = 160
_ROUND = 7919
"""Between the seeds of two rounds, so that they share no sample."""


class Writer(ABC):
    """Asks the model bound to the role `text`; `prompt_sha256` is that of the first question."""

    def __init__(self, brief: Brief, models: Models, reviewer: Reviewer) -> None:
        self._brief = brief
        self._models = models
        self._reviewer = reviewer
        self.prompt_sha256: str | None = None

    @abstractmethod
    def write(self, count: int, seed: int) -> list[Written]:
        """Usable texts, those that need no mending first; may be fewer, the task realises the rest."""

    def _asked(self, prompt: Prompt, options: GenerateOptions) -> list[Completion]:
        if self.prompt_sha256 is None:
            self.prompt_sha256 = chat.digest(prompt)
        return self._models.generate(ROLE, prompt, options)

    def _options(self, count: int, seed: int, room: int, **choice: float) -> GenerateOptions:
        """The job's own parameters over the task's choice. How many are drawn, and from which seed, the rounds say."""
        options = GenerateOptions.of(self._brief.input.generation, room=max(16, room), **choice)
        return replace(options, n=count, seed=seed)

    def _room(self) -> int:
        return self._models.info(ROLE).max_tokens


class SlotWriter(Writer):
    """Asks a model that has learnt slots: its text is checked before any word of the product is in it."""

    def write(self, count: int, seed: int) -> list[Written]:
        """Sound texts first, then those that only lacked facts; none with any other fault."""
        head = self._brief.asked_plan.head()
        prompt = head.prompt()
        room = self._room() - self._models.count_tokens(ROLE, prompt)
        options = self._options(count, seed, room, max_new_tokens=SLOT_TOKENS, temperature=0.6, top_p=0.9)
        sound: list[Written] = []
        mended: list[Written] = []
        for number, completion in enumerate(self._asked(prompt, options)):
            if completion.finish_reason != "stop":
                continue
            reading = drafts.read(completion.text, head)
            if reading.is_mendable:
                plan = rotated(head, number) if self._brief.input.n_variants > 1 else head
                text = replace(from_draft(reading.draft, plan, "model"), is_mended=not reading.is_sound)
                (sound if reading.is_sound else mended).append(text)
        return sound + mended


class ChatWriter(Writer):
    """Asks an instruction model with messages; what it gets wrong is taken out, what it leaves out is added."""

    def write(self, count: int, seed: int) -> list[Written]:
        """Texts that needed no mending first."""
        room = self._room()
        tokens = CHAT_TOKENS + FIELD_TOKENS * (len(self._brief.input.fields) - 2)
        tokens = min(max(tokens, CHAT_TOKENS), room // 2)
        prompt = chat.messages(self._brief, self._fitting(room - tokens))
        left = room - self._tokens(prompt)
        options = self._options(count, seed, left, max_new_tokens=tokens, temperature=0.7, top_p=0.9)
        texts = [self._mended(completion) for completion in self._asked(prompt, options)]
        return sorted((text for text in texts if text is not None), key=lambda text: text.is_mended)

    def _fitting(self, room: int) -> Plan:
        """The plan with as many facts as the prompt has room for; the rest is added to the text."""
        plan = self._brief.plan
        while plan.facts and self._tokens(chat.messages(self._brief, plan)) > room:
            plan = replace(plan, facts=plan.facts[: len(plan.facts) // 2])
        return plan

    def _tokens(self, prompt: list[Message]) -> int:
        template = 64  # what a chat template puts around two messages
        return template + sum(self._models.count_tokens(ROLE, message.content) for message in prompt)

    def _mended(self, completion: Completion) -> Written | None:
        plan = self._brief.plan
        answer = parse(completion.text, plan, is_cut=completion.finish_reason in ("length", "deadline"))
        if answer is None:
            return None
        given = _sentences(answer.body)
        kept = [each for each in given if not self._reviewer.invents(each)]
        if not kept:
            return None
        is_title = names_product(answer.title, plan) and not self._reviewer.invents(answer.title)
        title = fill_title(answer.title if is_title else plan.name, plan)
        lost = self._reviewer.missing(title, " ".join(kept))
        is_mended = title != answer.title or len(kept) < len(given) or bool(lost)
        sentences = tuple(
            Sentence(each, "opener" if number == 0 else "facts", self._reviewer.stated(each))
            for number, each in enumerate(kept)
        )
        told = {fact for each in sentences for fact in each.facts} | set(lost)
        only_titled = tuple(fact for fact in plan.facts if fact not in told)
        first = replace(sentences[0], facts=sentences[0].facts + only_titled)
        parts = dict(self._sound_parts(answer))
        lines = tuple(Sentence(each, "facts", self._reviewer.stated(each)) for each in parts.get(BULLETS, ()))
        return Written(
            title, (first, *sentences[1:]), "model", is_mended, parts, lines, follows_style=True, is_free=True
        )

    def _sound_parts(self, answer: Answer) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Fields that invent nothing, keep their limit and have no forbidden word; the others are put together."""
        limits = LIMITS[self._brief.language]
        for name, texts in answer.parts.items():
            brief = self._brief
            fits = [each for each in texts if len(each) <= limits.get(name, 255)]
            sound = [
                each for each in fits if not self._reviewer.invents(each) and not brief.forbidden(brief.unnamed(each))
            ]
            if sound and (name != BULLETS or len(sound) >= 3):
                yield name, tuple(sound)


class PlainWriter(Writer):
    """Shows a model that only continues text how it is done; of what it writes, a sentence stays that says a fact of
    this product and nothing else."""

    def write(self, count: int, seed: int) -> list[Written]:
        """Texts of at least one such sentence."""
        plan = self._brief.asked_plan
        room = self._room()
        tokens = min(PLAIN_TOKENS, room // 3)
        while plan.facts and self._models.count_tokens(ROLE, plain.prompt(plan)) > room - tokens:
            plan = replace(plan, facts=plan.facts[: len(plan.facts) // 2])
        prompt = plain.prompt(plan)
        left = room - self._models.count_tokens(ROLE, prompt)
        options = self._options(
            count, seed, left, max_new_tokens=tokens, temperature=0.7, top_p=0.9, repetition_penalty=1.1
        )
        options = replace(options, stop=(*options.stop, *plain.STOP))
        texts = [self._kept(completion.text) for completion in self._asked(prompt, options)]
        return [text for text in texts if text is not None]

    def _kept(self, text: str) -> Written | None:
        plan = self._brief.plan
        kept: list[Sentence] = []
        for each in plain.sentences(text, plan):
            facts = self._reviewer.stated(each)
            is_new = bool(set(facts) - {fact for sentence in kept for fact in sentence.facts})
            if is_new and is_in_language(each, plan) and self._is_sober(each):
                kept.append(Sentence(each, "facts", facts))
        if not kept:
            return None
        if plan.name in kept[0].text:
            kept[0] = replace(kept[0], role="opener")
        else:
            opener = realised(replace(plan, facts=()), 0, self._brief.forbidden).sentences[0]
            kept.insert(0, opener)
        return Written(plan.name, tuple(kept), "model", is_mended=True, is_free=True)

    def _is_sober(self, sentence: str) -> bool:
        """Of a model that can't be told anything, an unknown name is an invention too."""
        return not self._reviewer.invents(sentence) and not any(self._reviewer.claims(sentence, "description"))


def rounds(write: Callable[[int, int], list[Written]], wanted: int, seed: int, *, samples: int = 1) -> list[Written]:
    """Up to `wanted` different texts, or with more `samples` than that all usable ones. One round first; only where
    some fail, four more are drawn."""
    texts: list[Written] = []
    for number, count in enumerate((max(wanted, samples), 4)):
        for text in write(count, seed + number * _ROUND):
            if all(text.texts != other.texts for other in texts):
                texts.append(text)
        whole = [text for text in texts if not text.is_mended]
        if len(whole) >= wanted:
            texts = whole
            break
    texts.sort(key=lambda text: text.is_mended)
    return texts if samples > wanted else texts[:wanted]


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]
