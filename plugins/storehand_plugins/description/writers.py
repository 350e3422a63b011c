"""The ways to a text: slots for the bundled model, messages for chat models, phrases when neither will do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from storehand.task import Completion, GenerateOptions, Models
from storehand_plugins.checks import split_sentences
from storehand_plugins.description import chat, drafts
from storehand_plugins.description.filling import fill, fill_title
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.realiser import Draft, Realiser
from storehand_plugins.description.text import Reviewer, Written

ROLE = "text"
SLOT_TOKENS = 320
"""Enough for 16 facts in either language; the longest of 20,000 drafts has 262."""

CHAT_TOKENS = 400
_ROUND = 7919
"""Between the seeds of two rounds, so that they share no sample."""

Writer = Callable[[int, int], Iterator[Written]]
"""(count, seed) -> usable texts, best first; may be fewer, the task realises the rest."""


def realised(plan: Plan, seed: int) -> Written:
    """All facts by grammar alone."""
    return _written(Realiser(plan, seed).draft(), plan, "realiser")


class SlotWriter:
    """Asks a model that has learnt slots: its text is checked before any word of the product is in it."""

    def __init__(self, plan: Plan, models: Models) -> None:
        self._plan = plan
        self._head = plan.head()
        self._models = models

    def write(self, count: int, seed: int) -> list[Written]:
        """Sound texts first, then those that only lacked facts; none with any other fault."""
        sound: list[Written] = []
        mended: list[Written] = []
        for reading in self._readings(count, seed):
            if reading.is_sound:
                sound.append(self._complete(reading, seed))
            elif reading.is_mendable:
                mended.append(self._complete(reading, seed))
        return sound + mended

    def _readings(self, count: int, seed: int) -> Iterator[drafts.Reading]:
        prompt = self._head.prompt()
        room = self._models.info(ROLE).max_tokens - self._models.count_tokens(ROLE, prompt)
        options = GenerateOptions(
            max_new_tokens=max(16, min(SLOT_TOKENS, room)), temperature=0.6, top_p=0.9, n=count, seed=seed
        )
        for completion in self._models.generate(ROLE, prompt, options):
            if completion.finish_reason == "stop":
                yield drafts.read(completion.text, self._head)

    def _complete(self, reading: drafts.Reading, seed: int) -> Written:
        written = _written(reading.draft, self._head, "model")
        lost = tuple(self._head.facts[number - 1] for number in reading.missing)
        whole = _with_facts(written, lost + self._plan.rest().facts, self._plan, seed)
        return replace(whole, is_mended=bool(lost))  # what slots can't hold was never asked of the model


class ChatWriter:
    """Asks an instruction model with messages; what it gets wrong is taken out, what it leaves out is added."""

    def __init__(self, plan: Plan, models: Models, *, reviewer: Reviewer, locale: str) -> None:
        self._plan = plan
        self._models = models
        self._reviewer = reviewer
        self._locale = locale

    def write(self, count: int, seed: int) -> list[Written]:
        """Texts that needed no mending first."""
        room = self._models.info(ROLE).max_tokens
        tokens = min(CHAT_TOKENS, room // 2)
        plan = self._fitting(room - tokens)
        options = GenerateOptions(max_new_tokens=tokens, temperature=0.7, top_p=0.9, n=count, seed=seed)
        completions = self._models.generate(ROLE, chat.messages(plan, self._locale), options)
        texts = [self._mended(completion, seed) for completion in completions]
        return sorted((text for text in texts if text is not None), key=lambda text: text.is_mended)

    def _fitting(self, room: int) -> Plan:
        """The plan with as many facts as the prompt has room for; the rest is added to the text."""
        plan = self._plan
        while plan.facts and self._tokens(plan) > room:
            plan = replace(plan, facts=plan.facts[: len(plan.facts) // 2])
        return plan

    def _tokens(self, plan: Plan) -> int:
        template = 64  # what a chat template puts around two messages
        return template + sum(
            self._models.count_tokens(ROLE, message.content) for message in chat.messages(plan, self._locale)
        )

    def _mended(self, completion: Completion, seed: int) -> Written | None:
        answer = chat.parse(completion.text, self._plan, is_cut=completion.finish_reason == "length")
        if answer is None:
            return None
        kept = [body for body in _sentences(answer.body) if not self._invents(body)]
        if not kept:
            return None
        title = answer.title if not self._invents(answer.title) else self._plan.name
        is_mended = title != answer.title or len(kept) < len(_sentences(answer.body))
        written = Written(fill_title(title, self._plan), tuple(kept), "model", is_mended=is_mended)
        lost = self._reviewer.missing(written.title, " ".join(kept))
        return _with_facts(written, lost, self._plan, seed)

    def _invents(self, text: str) -> bool:
        return any(claim.kind != "other" for claim in self._reviewer.claims(text, "description"))


def rounds(write: Callable[[int, int], list[Written]], wanted: int, seed: int) -> list[Written]:
    """Up to `wanted` different texts. One sample each first; only where some fail, four more are drawn."""
    texts: list[Written] = []
    for number, count in enumerate((wanted, 4)):
        for text in write(count, seed + number * _ROUND):
            if all(text.sentences != other.sentences for other in texts):
                texts.append(text)
        whole = [text for text in texts if not text.is_mended]
        if len(whole) >= wanted:
            return whole[:wanted]
    return sorted(texts, key=lambda text: text.is_mended)[:wanted]


def _with_facts(written: Written, facts: tuple[Fact, ...], plan: Plan, seed: int) -> Written:
    """The text with sentences for more facts behind its own."""
    if not facts:
        return written
    rest = replace(plan, facts=facts)
    drafted = Realiser(rest, seed).facts(list(enumerate(facts, start=1)))
    added = tuple(fill(sentence, rest) for sentence in drafted)
    return replace(written, sentences=written.sentences + added, is_mended=True)


def _written(draft: Draft, plan: Plan, by: str) -> Written:
    sentences = tuple(fill(sentence, plan) for sentence in draft.sentences)
    return Written(fill_title(draft.title, plan), sentences, "model" if by == "model" else "realiser")


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]
