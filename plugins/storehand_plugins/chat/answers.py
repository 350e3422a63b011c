"""Looks for the answer to the customer's turn: in the order, the product, the shop's knowledge."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from storehand.contracts.chat import ChatInput
from storehand_plugins.chat.decision import OrderState, Strength
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.order import is_order_number, order_reply
from storehand_plugins.chat.patterns import plain
from storehand_plugins.chat.product import product_answer
from storehand_plugins.chat.retrieval import Candidate, Finding, Retriever, is_thin
from storehand_plugins.chat.signals import Signals, read_signals
from storehand_plugins.chat.turn import Turn
from storehand_plugins.checks import split_sentences

ANSWER: dict[Language, float] = {"en": 0.46, "zh": 0.48}
"""From this confidence on an article is the answer (calibrated on the development half of the evaluation)."""

CLARIFY: dict[Language, float] = {"en": 0.25, "zh": 0.25}
"""From here on it may be meant, and the customer is asked."""

MOST_PARTS = 3
_QUESTION = re.compile(
    r"[?？]\s*$|(吗|呢|么)[。！!~]?\s*$"
    r"|^\W*(and |also |but |so )?(how|what|when|where|which|who|why|can|could|do|does|is|are|will|may)\b",
    re.IGNORECASE,
)
_LEANS = re.compile(
    r"^\W*(and |but |so |ok,? )?(what|how) about\b|^\W*(and |but )?(the )?same (for|with)\b"
    r"|^\W*(and|but) (for|if|with|in|to|when|what if)\b"
    r"|^\W*那(么|如果|要是)?[^。！？]{0,16}(呢|吗)?[?？]?\W*$|^[^。！？]{1,10}呢[?？]?\W*$"
)
"""A question that only the one before makes whole."""

_FOLLOWS = re.compile(r"^\W*(and|also|then|but)\b|^\W*(还有|另外|要是|如果是)")
"""One that may lean on it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer: a quoted candidate, or a text from `order` or `product`."""

    text: str
    source: str
    candidate: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`parts` answer the turn where `strength` is strong; `finding` is what the knowledge had for it."""

    strength: Strength = "none"
    confidence: float = 0.0
    order: OrderState = "not_asked"
    parts: tuple[Part, ...] = ()
    finding: Finding = field(default_factory=Finding)

    @property
    def quoted(self) -> tuple[Candidate, ...]:
        return tuple(part.candidate for part in self.parts if part.candidate is not None)


def find_answer(
    input: ChatInput,  # noqa: A002  # the word of the domain
    turn: Turn,
    signals: Signals,
    retriever: Retriever,
    now: datetime,  # the word of the domain
) -> Found:
    """The order's state is data and goes before all knowledge; then product facts and articles by confidence."""
    order = _order_state(input, turn, signals)
    if order == "known" and input.order is not None:
        return Found("strong", 1.0, order, (Part(order_reply(input.order, turn.language, now), "order"),))
    parts = _questions(turn.question)
    found = [_answer_to(question, input, turn, retriever) for question in parts]
    whole = found[0] if len(found) == 1 else _together(found)
    return Found(whole.strength, whole.confidence, order, whole.parts, whole.finding)


def _order_state(input: ChatInput, turn: Turn, signals: Signals) -> OrderState:  # noqa: A002  # the word of the domain
    number = signals.order_number
    asks = signals.asks_order or (signals.asks_how_to_track and input.order is not None)
    if not asks and number and turn.earlier and is_thin(turn.text):  # he was asked for his number, and here it is
        asks = read_signals(turn.earlier[-1], turn.language).asks_order
    if not asks or (signals.is_general and input.order is None and number is None and not signals.asks_order):
        return "not_asked"
    if input.order is not None:
        return "not_found" if number and not is_order_number(input.order, number) else "known"
    return "not_found" if number else "number_needed"


def _answer_to(question: str, input: ChatInput, turn: Turn, retriever: Retriever) -> Found:  # noqa: A002  # the word of the domain
    finding = _searched(question, turn, retriever)
    confidence, best = finding.confidence, finding.best
    if input.product is not None:
        product = product_answer(input.product, question, turn.language)
        if product is not None and product.confidence >= confidence:
            return Found("strong", product.confidence, parts=(Part(product.text, "product"),), finding=finding)
    if best is None or confidence < CLARIFY[turn.language]:
        return Found("none", confidence, finding=finding)
    if confidence < ANSWER[turn.language]:
        return Found("weak", confidence, finding=finding)
    if finding.conflicts:
        return Found("conflict", confidence, finding=finding)
    return Found("strong", confidence, parts=(Part(best.quote, best.article.id, best),), finding=finding)


def _searched(question: str, turn: Turn, retriever: Retriever) -> Finding:
    """Questions that lean on the one before are searched for with its words."""
    alone = retriever.search(question)
    if not turn.earlier:
        return alone
    before = turn.earlier[-1]
    asked = plain(question)
    if _LEANS.search(asked) or (_FOLLOWS.search(asked) and alone.confidence < ANSWER[turn.language]):
        together = retriever.search(question, before=before)
        return together if together.confidence >= CLARIFY[turn.language] else alone
    if is_thin(question) and alone.confidence < ANSWER[turn.language]:
        together = retriever.search(question, before=before)
        return together if together.confidence > alone.confidence else alone
    return alone


def _questions(text: str) -> list[str]:
    """The questions of a message that asks several; else the whole message, whose statements say what it is about."""
    sentences = [text[start:end] for start, end in split_sentences(text)]
    asked = [sentence for sentence in sentences if _QUESTION.search(sentence) and not is_empty(sentence)]
    return asked[:MOST_PARTS] if len(asked) >= 2 else [text]


def is_empty(text: str) -> bool:
    """Nothing to read in it: signs, emoji."""
    return not any(map(str.isalnum, text))


def _together(found: list[Found]) -> Found:
    """Several questions: as strong as the weakest, for a half answer must not look like a whole one."""
    ranks: tuple[Strength, ...] = ("conflict", "none", "weak", "strong")
    weakest = min(found, key=lambda each: (ranks.index(each.strength), each.confidence))
    if weakest.strength == "weak" and any(each.strength == "strong" for each in found):
        found = [each for each in found if each.strength == "strong"]  # small talk around a question looks like one
        weakest = min(found, key=lambda each: each.confidence)
    parts = tuple({part.text: part for each in found for part in each.parts}.values())
    return Found(weakest.strength, weakest.confidence, parts=parts, finding=weakest.finding)
