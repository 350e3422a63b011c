"""Looks for the answer to the customer's turn: in the order, the product, the shop's knowledge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from storehand.contracts.chat import ChatInput, Order
from storehand_plugins.chat.decision import OrderState, Strength
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.order import is_of_order, is_order_number, lacking, order_reply, order_state
from storehand_plugins.chat.patterns import plain
from storehand_plugins.chat.phrases import phrase
from storehand_plugins.chat.pieces import asks, pieces
from storehand_plugins.chat.product import ASKED_FOR, ProductAnswer, product_answer
from storehand_plugins.chat.retrieval import Candidate, Finding, Retriever, is_thin
from storehand_plugins.chat.signals import Signals, read_signals
from storehand_plugins.chat.turn import Turn
from storehand_plugins.chat.words import CONCEPT, bag
from storehand_plugins.checks import find_personal, split_sentences

ANSWER: dict[Language, float] = {"en": 0.46, "zh": 0.48}
"""From this confidence on an article is the answer (calibrated on the development half of the evaluation)."""

CLARIFY: dict[Language, float] = {"en": 0.25, "zh": 0.25}
"""From here on it may be meant, and the customer is asked."""

_SURE = 0.85
"""From this confidence on an article answers what the product's data does not say."""

_STATE_MATTERS = frozenset(CONCEPT + name for name in ("cancel", "change", "address"))
"""Whoever asks for these needs to know how far the order is."""

MOST_PARTS = 3
_ECHO_CHARS = 60
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
    """`parts` answer the turn where `strength` is strong; `finding` is what the knowledge had for it. `missing`: what
    was asked about the product and is not in its data."""

    strength: Strength = "none"
    confidence: float = 0.0
    order: OrderState = "not_asked"
    parts: tuple[Part, ...] = ()
    finding: Finding = field(default_factory=Finding)
    missing: tuple[str, ...] = ()

    @property
    def quoted(self) -> tuple[Candidate, ...]:
        return tuple(part.candidate for part in self.parts if part.candidate is not None)


def find_answer(
    input: ChatInput,
    turn: Turn,
    signals: Signals,
    retriever: Retriever,
    now: datetime,  # the word of the domain
) -> Found:
    """The order's state is data and goes before all knowledge; then product facts and articles by confidence."""
    order = _order_state(input, turn, signals)
    if order == "known" and input.order is not None:
        return _of_order(input.order, turn, retriever, now)
    parts = _questions(turn.question)
    found = [_answer_to(question, input, turn, retriever) for question in parts]
    whole = found[0] if len(found) == 1 else _together(parts, found, turn.language)
    if order == "number_needed" and any(part.source == "product" for part in whole.parts):
        order = "not_asked"  # "where is the coffee from?"
    if input.order is not None and order == "not_asked" and whole.quoted and _STATE_MATTERS & set(bag(turn.question)):
        whole = replace(whole, parts=(Part(order_state(input.order, turn.language), "order"), *whole.parts))
    return replace(whole, order=order)


def _of_order(order: Order, turn: Turn, retriever: Retriever, now: datetime) -> Found:
    """What its data says, then the shop's words for what else was asked."""
    parts = [Part(order_reply(order, turn.language, now), "order")]
    missing = lacking(order, turn.question, turn.language)
    for question in pieces(turn.question):
        if not asks(question) or is_of_order(question) or read_signals(question, turn.language).asks_order:
            continue
        other = retriever.search(question)
        if other.best is not None and other.confidence >= ANSWER[turn.language] and not other.conflicts:
            parts.append(Part(other.best.quote, other.best.article.id, other.best))
        elif _QUESTION.search(question):
            missing += _echoed(question, turn.language)
    return Found("strong", 1.0, "known", tuple(dict.fromkeys(parts))[:MOST_PARTS], missing=_unlike(missing))


def _order_state(input: ChatInput, turn: Turn, signals: Signals) -> OrderState:
    number = signals.order_number
    asked = signals.asks_order or (input.order is not None and (signals.asks_how_to_track or is_of_order(turn.text)))
    if not asked and number and turn.earlier and is_thin(turn.text):  # he was asked for his number, and here it is
        asked = read_signals(turn.earlier[-1], turn.language).asks_order
    if not asked or (signals.is_general and input.order is None and number is None and not signals.asks_order):
        return "not_asked"
    if input.order is not None:
        return "known" if all(is_order_number(input.order, each) for each in signals.order_numbers) else "not_found"
    return "not_found" if number else "number_needed"


def _answer_to(question: str, input: ChatInput, turn: Turn, retriever: Retriever) -> Found:
    finding = _searched(question, turn, retriever)
    confidence, best = finding.confidence, finding.best
    if input.product is not None:
        product = product_answer(input.product, question, turn.language)
        if product is not None and (product.rest or confidence <= _most(product)):
            return _of_product(product, finding, turn, retriever)
    if best is None or confidence < CLARIFY[turn.language]:
        return Found("none", confidence, finding=finding)
    if confidence < ANSWER[turn.language]:
        return Found("weak", confidence, finding=finding)
    if finding.conflicts:
        return Found("conflict", confidence, finding=finding)
    return Found("strong", confidence, parts=(Part(best.quote, best.article.id, best),), finding=finding)


def _most(product: ProductAnswer) -> float:
    """The confidence up to which an article does not take its place: what is asked for by name is in the data."""
    if not product.text:
        return _SURE
    return 1.0 if product.confidence >= ASKED_FOR else product.confidence


def _of_product(product: ProductAnswer, finding: Finding, turn: Turn, retriever: Retriever) -> Found:
    """What the product's data says, then the shop's words for what else was asked."""
    parts = [Part(product.text, "product")] if product.text else []
    missing = list(product.missing)
    for question in product.rest[: MOST_PARTS - 1]:
        other = retriever.search(question)
        if other.best is not None and other.confidence >= ANSWER[turn.language] and not other.conflicts:
            parts.append(Part(other.best.quote, other.best.article.id, other.best))
        else:
            missing += _echoed(question, turn.language)
    strength: Strength = "strong" if parts else "none"
    return Found(strength, product.confidence, parts=tuple(parts), finding=finding, missing=_unlike(missing))


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


def _together(questions: Sequence[str], found: Sequence[Found], language: Language) -> Found:
    """Several questions: what is found is told, and what is not is named, for a half answer must not look whole."""
    ranks: tuple[Strength, ...] = ("conflict", "none", "weak", "strong")
    if any(each.strength == "conflict" for each in found) or all(each.strength != "strong" for each in found):
        weakest = min(found, key=lambda each: (ranks.index(each.strength), each.confidence))
        return replace(weakest, missing=_unlike(each for one in found for each in one.missing))
    strong = [each for each in found if each.strength == "strong"]
    weakest = min(strong, key=lambda each: each.confidence)
    missing = [
        what
        for question, each in zip(questions, found, strict=True)
        for what in (each.missing or (_echoed(question, language) if each.strength != "strong" else ()))
    ]
    parts = tuple({part.text: part for each in strong for part in each.parts}.values())
    return replace(weakest, parts=parts, missing=_unlike(missing))


def _echoed(question: str, language: Language) -> tuple[str, ...]:
    """The question itself as what is missing; small talk and personal data are not said again."""
    if not bag(question) or len(question) > _ECHO_CHARS or find_personal(question):
        return ()
    return (phrase(language, "option", title=question.strip(" ?？。.!！")),)


def _unlike(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
