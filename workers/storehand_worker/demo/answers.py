"""What the demo shows of an answer, and what it counts about it: one row per task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storehand.contracts import (
    ChatOutput,
    CopyOutput,
    DescriptionOutput,
    RecommendationOutput,
    SentimentInput,
    SentimentOutput,
)
from storehand_worker.demo.shop import Asked

_SIGNS: Sequence[tuple[str, Any]] = (("↑", "positive"), ("→", "neutral"), ("↓", "negative"))


@dataclass(slots=True)
class Quality:
    """What was checked about all answers so far."""

    coverage: list[float] = field(default_factory=list)
    unsupported: int = 0
    by_model: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    offer_facts: int = 0
    offer_facts_right: int = 0
    judged: int = 0
    judged_right: int = 0
    personalised: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    grounded: int = 0

    def count(self, asked: Asked | None, output: Any) -> None:
        """Takes one answer in; `asked` is none for a chat."""
        self.checks.update(check.rule for check in output.checks)
        self.by_model.update([output.provenance.written_by])
        if isinstance(output, DescriptionOutput):
            self.coverage.append(output.best.attribute_coverage)
            self.unsupported += len(output.best.unsupported_claims)
        elif isinstance(output, CopyOutput):
            facts = output.best.offer_facts
            self.offer_facts += len(facts)
            self.offer_facts_right += sum(fact.stated and fact.correct for fact in facts)
            self.unsupported += len(output.best.unsupported_claims)
        elif isinstance(output, SentimentOutput) and asked is not None:
            labels = {review.id: review.label for review in output.reviews}
            self.judged += len(asked.gold)
            self.judged_right += sum(labels.get(id_) == gold for id_, gold in asked.gold.items())
        elif isinstance(output, RecommendationOutput):
            self.personalised += output.personalised
        elif isinstance(output, ChatOutput):
            self.actions.update([output.action])
            self.grounded += output.grounded


def asked_line(asked: Asked) -> str:
    """What the job is about."""
    if isinstance(asked.input, SentimentInput):
        first = asked.input.reviews[0].review_body
        return f"{asked.label} ({len(asked.input.reviews)}): {first}"
    return asked.label


def answer_lines(output: Any) -> list[str]:
    """The answer, short enough to look at."""
    for kind, show in _SHOWN.items():
        if isinstance(output, kind):
            return show(output)
    return [str(output)]


def _description(output: DescriptionOutput) -> list[str]:
    best = output.best
    lines = [best.title, best.description]
    if best.bullets:
        lines.append(" · ".join(best.bullets))
    return lines


def _copy(output: CopyOutput) -> list[str]:
    return [f"{name}: {text}" for name, text in output.best.components.items()]


def _sentiment(output: SentimentOutput) -> list[str]:
    counts = output.overall.distribution
    shares = " ".join(f"{sign}{counts.get(label, 0)}" for sign, label in _SIGNS)
    lines = [f"{output.overall.label} {output.overall.score:+.2f} [{shares}]"]
    for sign, notes in (("+", output.positive_notes[:2]), ("-", output.negative_notes[:2])):
        lines += [f"{sign} {note.point} ({note.support}): “{note.evidence[0].quote}”" for note in notes]
    return lines


def _recommendation(output: RecommendationOutput) -> list[str]:
    return [
        f"{item.rank}. {item.name or item.sku}" + (f" - {item.reason.text}" if item.reason else "")
        for item in output.items
    ]


def _chat(output: ChatOutput) -> list[str]:
    cited = ", ".join(dict.fromkeys(citation.knowledge_id for citation in output.citations))
    reasons = f" ({', '.join(output.handoff.reasons)} → {output.handoff.queue})" if output.handoff else ""
    return [output.reply, f"[{output.action}{reasons}{f'; cites {cited}' if cited else ''}]"]


_SHOWN: Mapping[type, Callable[[Any], list[str]]] = {
    DescriptionOutput: _description,
    CopyOutput: _copy,
    SentimentOutput: _sentiment,
    RecommendationOutput: _recommendation,
    ChatOutput: _chat,
}
