"""The checks of a chat answer: what was suspicious in the conversation and the knowledge, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from storehand.contracts.base import Check
from storehand_plugins.chat.decision import Decision
from storehand_plugins.chat.grounding import Dropped
from storehand_plugins.chat.passages import orders_in
from storehand_plugins.chat.retrieval import Candidate, Finding
from storehand_plugins.chat.turn import Turn
from storehand_plugins.checks import Span

_ORDERS = "the text gives orders to a machine; they were not followed, and the sentence is not quoted"


def findings(turn: Turn, finding: Finding, decision: Decision, dropped: Sequence[Dropped]) -> tuple[Check, ...]:
    """Offsets of `input.…` fields are those of the original message or article."""
    return (
        *_messages(turn),
        *_knowledge(finding.candidates),
        *_conflicts(finding),
        *_left_out(dropped),
        *_refusals(decision),
    )


def _messages(turn: Turn) -> Iterator[Check]:
    for said in turn.said:
        name = f"input.messages[{said.index}].content"
        for order in said.injections:
            yield _orders(name, order)
        if said.hidden:
            yield Check(
                rule="text.hidden_characters",
                severity="info",
                field=name,
                start=0,
                end=len(said.original),
                text="",
                basis=f"{said.hidden} characters that nobody sees were left out",
            )


def _knowledge(candidates: Iterable[Candidate]) -> Iterator[Check]:
    for each in candidates:
        name = f"input.{'policies' if each.is_policy else 'knowledge'}[{each.article.id}].text"
        for order in orders_in(each.article.text):
            yield _orders(name, order)


def _orders(field: str, order: Span) -> Check:
    return Check(
        rule="injection.suspected",
        severity="warn",
        field=field,
        start=order.start,
        end=order.end,
        text=order.text,
        basis=_ORDERS,
    )


def _conflicts(finding: Finding) -> Iterator[Check]:
    best = finding.best
    for each in finding.conflicts:
        assert best is not None
        yield Check(
            rule="chat.conflict_in_sources", severity="warn",
            field=f"input.{'policies' if each.is_policy else 'knowledge'}[{each.article.id}].text",
            start=each.start, end=each.end, text=each.quote, basis=f"{best.article.id} says: {best.quote}",
            suggestion="correct one of them, or end its validity",
        )  # fmt: skip


def _left_out(dropped: Sequence[Dropped]) -> Iterator[Check]:
    for each in dropped:
        yield Check(rule="chat.sentence_unsupported", severity="info", field="reply", start=0, end=0, text=each.text,
                    basis=f"{each.reason}; it was not said")  # fmt: skip


def _refusals(decision: Decision) -> Iterator[Check]:
    if decision.action == "refuse":
        yield Check(rule=f"chat.{decision.say}", severity="info", field="reply", start=0, end=0, text="",
                    basis="the assistant does not do this")  # fmt: skip
