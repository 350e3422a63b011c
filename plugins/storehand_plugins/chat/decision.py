"""What happens next, decided from what was read and found; no clock, model or file in here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from storehand.contracts.chat import Action, Complaint, Handoff, HandoffReason

Strength = Literal["none", "weak", "strong", "conflict"]
"""How well an answer was found: not, perhaps, well, or twice with different facts."""

OrderState = Literal["not_asked", "known", "number_needed", "not_found"]
Say = Literal[
    "answer",
    "smalltalk",
    "ask_order",
    "ask_which",
    "ask_more",
    "refuse_orders",
    "refuse_review",
    "refuse_other",
    "handoff",
]
Queue = Literal["general", "billing", "delivery", "product", "complaints", "legal"]
Urgency = Literal["low", "normal", "high", "urgent"]

MOST_QUESTIONS = 1
"""So often the assistant asks back; then a person is fetched."""

_NO_QUOTE: frozenset[HandoffReason] = frozenset(
    ("legal_or_safety", "pii_request", "repeated_turns", "language_unsupported", "conflict_in_sources", "low_retrieval",
     "ungrounded", "order_not_found")
)  # fmt: skip


_TO_PERSON: frozenset[HandoffReason] = frozenset(("legal_or_safety", "pii_request", "asked_for_human"))
"""These go to someone at once, though a ticket was asked for."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision rests on. `reasons` come from the customer's words and the shop's own rules; `found` is the
    strength of the best answer; `asked_back` counts earlier questions of the assistant."""

    reasons: tuple[HandoffReason, ...] = ()
    complaint: Complaint | None = None
    is_angry: bool = False
    is_general: bool = False
    is_language_accepted: bool = True
    is_injected: bool = False
    is_empty: bool = False
    is_repeated: bool = False
    is_topical: bool = True
    is_safety: bool = False
    smalltalk: str | None = None
    wants_ticket: bool = False
    wants_fake_review: bool = False
    order: OrderState = "not_asked"
    found: Strength = "none"
    intent: str = "other"
    asked_back: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """`say` chooses the words, `quotes` whether the answer that was found stands in them."""

    action: Action
    say: Say
    reasons: tuple[HandoffReason, ...] = ()
    quotes: bool = False
    queue: Queue = "general"
    priority: Urgency = "normal"


def decide(seen: Situation, allowed: Collection[Action]) -> Decision:
    """People first, then what may be refused, then what can be answered; always one of the allowed actions."""
    decision = _by_person(seen) or _refused(seen) or _answered(seen)
    return _fitted(decision, seen, allowed)


def _by_person(seen: Situation) -> Decision | None:
    if not seen.is_language_accepted:
        return _hand_over(seen, ("language_unsupported",))
    reasons = list(seen.reasons)
    if seen.complaint is not None and not _is_mild(seen):
        reasons.append("complaint")
    if seen.is_angry and (seen.complaint is not None or reasons or not (seen.is_general or seen.found == "strong")):
        reasons.append("negative_sentiment")
    if seen.is_repeated and seen.smalltalk is None:
        reasons.append("repeated_turns")
    return _hand_over(seen, tuple(dict.fromkeys(reasons))) if reasons else None


def _is_mild(seen: Situation) -> bool:
    """A complaint that an answer settles: nothing broke, and the shop's words or the order's state are at hand."""
    if seen.complaint is None or seen.complaint.severity != "low" or seen.is_angry:
        return False
    return seen.order in ("known", "number_needed") or seen.found == "strong"


def _refused(seen: Situation) -> Decision | None:
    if seen.is_injected and seen.is_empty:
        return Decision("refuse", "refuse_orders", ("injection_suspected",))
    if seen.wants_fake_review:
        return Decision("refuse", "refuse_review")
    return None


def _answered(seen: Situation) -> Decision:
    if seen.smalltalk == "vague":
        return _asked_back(seen, "ask_more")
    if seen.smalltalk is not None:
        return Decision("answer", "smalltalk")
    if seen.order == "known":
        return Decision("answer", "answer", quotes=True)
    if seen.order == "not_found":
        return _hand_over(seen, ("order_not_found",))
    if seen.order == "number_needed":
        return _asked_back(seen, "ask_order", otherwise="order_not_found", quotes=seen.found == "strong")
    if seen.found == "conflict":
        return _hand_over(seen, ("conflict_in_sources",))
    if seen.found == "strong":
        return Decision("answer", "answer", quotes=True)
    if seen.found == "weak":
        return _asked_back(seen, "ask_which")
    if not seen.is_topical or seen.is_empty:
        return _asked_back(seen, "ask_more")
    return _hand_over(seen, ("low_retrieval",))


def _asked_back(
    seen: Situation, say: Say, *, otherwise: HandoffReason = "low_retrieval", quotes: bool = False
) -> Decision:
    if seen.asked_back >= MOST_QUESTIONS:
        return _hand_over(seen, (otherwise,))
    return Decision("clarify", say, quotes=quotes)


def _hand_over(seen: Situation, reasons: tuple[HandoffReason, ...]) -> Decision:
    if seen.is_injected:
        reasons = (*reasons, "injection_suspected")
    by_ticket = seen.wants_ticket and not set(reasons) & _TO_PERSON
    return Decision(
        "create_ticket" if by_ticket else "handoff",
        "handoff",
        reasons,
        quotes=(seen.found == "strong" or seen.order == "known") and not _NO_QUOTE & set(reasons),
        queue=_queue(seen, reasons),
        priority=_urgency(seen, reasons),
    )


def _queue(seen: Situation, reasons: tuple[HandoffReason, ...]) -> Queue:
    if "legal_or_safety" in reasons:
        return "legal"
    if "refund_or_money" in reasons:
        return "billing"
    if "complaint" in reasons or reasons[:1] == ("negative_sentiment",):
        return "complaints"
    if "order_not_found" in reasons or seen.intent in ("order_status", "shipping"):
        return "delivery"
    if seen.intent in ("refund", "payment", "invoice", "promotion"):
        return "billing"
    return "product" if seen.intent in ("product", "warranty") else "general"


def _urgency(seen: Situation, reasons: tuple[HandoffReason, ...]) -> Urgency:
    if seen.is_safety or ("legal_or_safety" in reasons and seen.is_angry):
        return "urgent"
    if "legal_or_safety" in reasons or "negative_sentiment" in reasons or "repeated_turns" in reasons:
        return "high"
    if seen.complaint is not None and seen.complaint.severity == "high":
        return "high"
    return "low" if set(reasons) <= {"low_retrieval", "ungrounded", "injection_suspected"} else "normal"


def _fitted(decision: Decision, seen: Situation, allowed: Collection[Action]) -> Decision:
    """The nearest allowed action: who may not answer, ask or refuse hands over; a ticket stands in for a chat."""
    if decision.action in allowed:
        return decision
    if decision.action in ("answer", "clarify", "refuse"):
        why: HandoffReason = "policy" if decision.action == "answer" else "low_retrieval"
        decision = replace(_hand_over(seen, decision.reasons or (why,)), quotes=False)
    if decision.action not in allowed:
        other: Action = "create_ticket" if decision.action == "handoff" else "handoff"
        return replace(decision, action=other)
    return decision


def handoff_of(decision: Decision, *, summary: str, collected: dict[str, str]) -> Handoff | None:
    """The contract's block, for the two actions that carry it."""
    if decision.action not in ("handoff", "create_ticket"):
        return None
    return Handoff(
        reasons=decision.reasons, queue=decision.queue, priority=decision.priority, summary=summary, collected=collected
    )
