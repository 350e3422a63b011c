"""What a person needs who takes over: a summary without personal data, and what the customer has already given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storehand.contracts.chat import ChatInput
from storehand_plugins.chat.decision import Decision
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.order import is_order_number
from storehand_plugins.chat.phrases import phrase
from storehand_plugins.chat.retrieval import Candidate
from storehand_plugins.chat.signals import Signals
from storehand_plugins.chat.turn import Turn
from storehand_plugins.checks import find_personal, mask_personal

_SAID_CHARS = 300
_WISH_CHARS = 120


def summary_of(
    input: ChatInput,
    turn: Turn,
    signals: Signals,
    decision: Decision,
    *,
    near: Sequence[Candidate],
    conflicts: Sequence[Candidate],
) -> str:
    """One fact per line, in the customer's language."""
    language, number = turn.language, order_number(input, signals)
    lines = [
        _line(
            language,
            "why",
            reasons=_joined(language, [phrase(language, f"reasons.{each}") for each in decision.reasons]),
        )
    ]
    lines.append(_line(language, "said", text=_cut(masked(turn.whole, number), _SAID_CHARS)))
    if turn.earlier:
        wish = _cut(masked(turn.earlier[0], number), _WISH_CHARS)
        lines.append(_line(language, "wish", wish=wish))
    if input.order is not None:
        status = (
            f"{input.order.id} ({input.order.status})"
            if language == "en"
            else f"{input.order.id}（{input.order.status}）"
        )
        lines.append(_line(language, "order", order=status))
    elif number:
        lines.append(_line(language, "order", order=number))
    if input.product is not None:
        lines.append(_line(language, "product", product=input.product.name))
    if signals.complaint is not None:
        lines.append(
            _line(language, "complaint", category=signals.complaint.category, severity=signals.complaint.severity)
        )
    lines.append(_line(language, "turns", count=len(turn.earlier) + len(turn.said)))
    if conflicts and near:
        lines.append(
            _line(
                language,
                "conflict",
                ids=_joined(language, [near[0].article.id, *(each.article.id for each in conflicts)]),
            )
        )
    elif near:
        name = "quoted" if decision.quotes else "near"
        shown = near[:1] if decision.quotes else near[:3]
        lines.append(_line(language, name, titles=_joined(language, [title_of(each) for each in shown])))
    return "\n".join(lines)


def collect(input: ChatInput, turn: Turn, signals: Signals) -> dict[str, str]:
    """`order_number`, `product`, `wish`, `contact` (masked), as far as they are known."""
    number = order_number(input, signals)
    found = {
        "order_number": number,
        "product": input.product.name if input.product else _items(input),
        "wish": signals.intent if signals.intent not in ("other", "greeting", "human") else None,
    }
    contacts = [
        each for text in (turn.whole, *turn.earlier) for each in find_personal(text) if each.kind in ("email", "phone")
    ]
    if contacts:
        found["contact"] = mask_personal(contacts[0].text)
    return {name: value for name, value in found.items() if value}


def order_number(input: ChatInput, signals: Signals) -> str | None:
    """What the customer names goes before the order that came with the request."""
    if input.order is None:
        return signals.order_number
    other = (each for each in signals.order_numbers if not is_order_number(input.order, each))
    return next(other, input.order.id)


def masked(text: str, keep: str | None) -> str:
    """Without personal data; the order's number stays, though it may look like a phone's."""
    plain = " ".join(text.split())
    if not keep:
        return mask_personal(plain)
    pieces = re.split(f"({re.escape(keep)})", plain, flags=re.IGNORECASE)
    return "".join(piece if place % 2 else mask_personal(piece) for place, piece in enumerate(pieces))


def title_of(candidate: Candidate) -> str:
    return candidate.article.title or _cut(candidate.quote, 60)


def _items(input: ChatInput) -> str | None:
    names = [item.name for item in input.order.items[:3]] if input.order else []
    return ", ".join(names) or None


def _line(language: Language, name: str, **values: object) -> str:
    return phrase(language, f"summary.{name}", **values)


def _joined(language: Language, words: Sequence[str]) -> str:
    return ("、" if language == "zh" else ", ").join(words)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
