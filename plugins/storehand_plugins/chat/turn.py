"""The conversation as it is read: what the customer says now, and what was said since the last settled matter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storehand.contracts.chat import ChatInput
from storehand_plugins.chat.languages import Language, reply_language
from storehand_plugins.chat.words import bag
from storehand_plugins.checks import fold, split_sentences
from storehand_plugins.checks.hidden import visible
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.checks.spans import Span

READ_CHARS = 4000
"""Of a longer message only its beginning and its end are searched for a question; the rules read all of it."""

_SAME = 0.75
_ASKS_BACK = re.compile(r"[?？]\s*$")


@dataclass(frozen=True, slots=True)
class Said:
    """One customer message: as it came, as it is read, and what in it gives orders to a machine."""

    index: int
    original: str
    text: str
    hidden: int
    injections: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """`said` are the customer's messages since the last answer. `text` is all of it without hidden characters and
    without sentences that give orders to a machine; `earlier` the customer's previous turns since the cut."""

    said: tuple[Said, ...]
    text: str
    earlier: tuple[str, ...]
    replies: tuple[str, ...]
    language: Language
    is_language_accepted: bool

    @property
    def whole(self) -> str:
        """With the sentences that `text` leaves out, for people's eyes."""
        return "\n".join(said.text for said in self.said)

    @property
    def is_injected(self) -> bool:
        return any(said.injections for said in self.said)

    @property
    def question(self) -> str:
        """What is searched for."""
        return (
            self.text
            if len(self.text) <= READ_CHARS
            else f"{self.text[: READ_CHARS // 2]} {self.text[-READ_CHARS // 2 :]}"
        )

    @property
    def asked_back(self) -> int:
        """How often the assistant has answered with a question since the cut."""
        return sum(_ASKS_BACK.search(reply) is not None for reply in self.replies)

    @property
    def is_repeated(self) -> bool:
        """The customer says again what has been answered: the conversation goes in circles."""
        return bool(self.replies) and any(_alike(self.text, before) for before in self.earlier)


def read_turn(input: ChatInput) -> Turn:
    """Nothing before `resolved_up_to` is looked at."""
    messages = list(enumerate(input.messages))[input.resolved_up_to :]
    last = max((place for place, (_, message) in enumerate(messages) if message.role != "customer"), default=-1)
    said = tuple(_said(index, message.content) for index, message in messages[last + 1 :])
    earlier = tuple(visible(message.content).text for _, message in messages[: last + 1] if message.role == "customer")
    replies = tuple(visible(message.content).text for _, message in messages if message.role == "assistant")
    text = "\n".join(_without_orders(each) for each in said).strip()
    language, accepted = reply_language(
        text or "\n".join(each.text for each in said),
        earlier=(*replies, *earlier),
        locale=input.locale,
        languages=input.languages,
    )
    return Turn(said, text, earlier, replies, language, accepted)


def _said(index: int, original: str) -> Said:
    seen = visible(original)
    return Said(index, original, seen.text, seen.removed, tuple(find_injection(original)))


def _without_orders(said: Said) -> str:
    """Sentences that hold an injected order are left out whole."""
    if not said.injections:
        return said.text
    kept = []
    for start, end in split_sentences(said.original):
        if not any(order.start < end and start < order.end for order in said.injections):
            kept.append(visible(said.original[start:end]).text)
    return " ".join(kept)


def _alike(text: str, before: str) -> bool:
    one, other = bag(text), bag(before)
    if fold(text).squashed().text == fold(before).squashed().text:
        return True
    if not one or not other or sum(one.values()) < 1.5:
        return False
    shared = sum(min(weight, other.get(token, 0.0)) for token, weight in one.items())
    return shared / max(sum(one.values()), sum(other.values())) >= _SAME
