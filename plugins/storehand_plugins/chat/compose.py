"""Puts the reply together: quoted words, the order's and product's data, and the assistant's own fixed sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storehand.contracts.chat import Citation, HandoffReason
from storehand_plugins.chat.answers import CLARIFY, Found, Part
from storehand_plugins.chat.decision import Decision
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.phrases import has_phrase, joined, phrase
from storehand_plugins.chat.summary import title_of
from storehand_plugins.checks import visible

_EXACT = 0.7
"""Below it an article is not quoted beside a hand-over of an account: it would be about something else."""

_OPTIONS = 3
_SUGGESTIONS = 3
_FIRST: tuple[HandoffReason, ...] = (
    "legal_or_safety", "pii_request", "refund_or_money", "account_change", "order_not_found", "conflict_in_sources",
    "language_unsupported", "repeated_turns", "low_retrieval", "ungrounded", "asked_for_human",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply in the pieces in which it is streamed, and what it quotes."""

    pieces: tuple[str, ...]
    citations: tuple[Citation, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def compose(
    decision: Decision,
    found: Found,
    language: Language,
    *,
    smalltalk: str | None = None,
    is_sorry: bool = False,
    is_safety: bool = False,
    hours: str | None = None,
) -> Reply:
    """The words of a decision."""
    parts = found.parts if decision.quotes else ()
    if "account_change" in decision.reasons and found.confidence < _EXACT:
        parts = ()
    if decision.say == "answer":
        return _spoken(language, parts, _missing(found, language))
    if decision.say == "smalltalk":
        return _spoken(language, (), (phrase(language, smalltalk or "greeting"),))
    if decision.say == "ask_which":
        return _spoken(language, (), (_which(found, language),))
    if decision.say != "handoff":
        return _spoken(language, parts, (phrase(language, decision.say),))
    if is_sorry:  # what the product is like is no word for one whose product broke
        parts = tuple(part for part in parts if part.source != "product")
    before = [phrase(language, "sorry")] if is_sorry else []
    return _spoken(language, parts, _handed_over(decision, found, language, is_safety, hours), before=before)


def options(found: Found, language: Language) -> list[str]:
    """Titles the customer may have meant."""
    likely = [
        each for each in found.finding.candidates if each.confidence >= 0.8 * CLARIFY[language] and each.article.title
    ]
    likely = [each for each in likely if not each.is_foreign] or likely
    return list(dict.fromkeys(title_of(each) for each in likely))[:_OPTIONS]


def suggestions(decision: Decision, found: Found, language: Language) -> tuple[str, ...]:
    """What a button or an agent could say next: other likely titles, or the answer that a person may say."""
    if decision.say == "ask_which":
        return tuple(options(found, language))
    if decision.say == "handoff" and not decision.quotes:
        return tuple(part.text for part in found.parts)[:_SUGGESTIONS]
    said = {candidate.article.id for candidate in found.quoted}
    others = [
        each.article.title
        for each in found.finding.candidates
        if each.article.id not in said
        and each.article.title
        and not each.is_foreign
        and each.confidence >= 0.8 * CLARIFY[language]
    ]
    return tuple(dict.fromkeys(others))[:_SUGGESTIONS] if decision.say == "answer" else ()


def _which(found: Found, language: Language) -> str:
    titles = options(found, language)
    if not titles:
        return phrase(language, "ask_which_none")
    shown = phrase(language, "option_joint").join(phrase(language, "option", title=title) for title in titles)
    return phrase(language, "ask_which", options=shown)


def _missing(found: Found, language: Language) -> list[str]:
    """What was asked about the product and its data does not say."""
    what = phrase(language, "product.missing_joint").join(found.missing)
    return [phrase(language, "product.missing", what=what)] if what else []


def _handed_over(decision: Decision, found: Found, language: Language, is_safety: bool, hours: str | None) -> list[str]:
    said = [phrase(language, "reason_safety")] if is_safety else []
    reason = next((each for each in _FIRST if each in decision.reasons), None)
    if reason == "low_retrieval" and found.missing:
        said += _missing(found, language)
    elif reason is not None and has_phrase(language, f"reason_{reason}"):
        said.append(phrase(language, f"reason_{reason}"))
    said.append(phrase(language, "handoff" if decision.action == "handoff" else "ticket"))
    if hours:
        said.append(phrase(language, "hours", hours=hours.rstrip(".。")))
    return said


def _spoken(language: Language, parts: Sequence[Part], after: Sequence[str], *, before: Sequence[str] = ()) -> Reply:
    pieces: list[str] = []
    citations: list[Citation] = []
    for text in before:
        pieces.append(_led(pieces, text, language))
    for part in parts:
        text = visible(part.text).text
        if part.candidate is not None and part.candidate.is_foreign:
            text = joined(language, phrase(language, "foreign"), text)
        piece = _led(pieces, _ended(text, language), language, is_apart=len(parts) > 1)
        pieces.append(piece)
        citations.append(_citation(part, sum(map(len, pieces[:-1])) + len(piece) - len(_ended(text, language)), text))
    for number, text in enumerate(after):
        pieces.append(_led(pieces, text, language, is_apart=bool(parts) and number == 0))
    return Reply(tuple(pieces), tuple(citations))


def _citation(part: Part, at: int, text: str) -> Citation:
    candidate = part.candidate
    if candidate is None:
        return Citation(knowledge_id=part.source, start=at, end=at + len(text), quote=text)
    return Citation(knowledge_id=part.source, start=candidate.start, end=candidate.end, quote=candidate.quote)


def _led(pieces: Sequence[str], text: str, language: Language, *, is_apart: bool = False) -> str:
    if not pieces:
        return text
    return ("\n" if is_apart else " " if language == "en" else "") + text


def _ended(text: str, language: Language) -> str:
    return text if text[-1:] in ".!?。！？:：" else text + ("。" if language == "zh" else ".")
