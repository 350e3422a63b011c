"""Precision and recall of `findings`, by span and by text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from storehand_plugins.checks.evaluation.cases import LANGUAGES, Case, Mark
from storehand_plugins.checks.findings import Finding, findings


@dataclass(slots=True)
class Score:
    """`hits` of what was found are right, of `wanted` things `caught` were found."""

    found: int = 0
    hits: int = 0
    wanted: int = 0
    caught: int = 0

    @property
    def precision(self) -> float:
        return self.hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.caught / self.wanted if self.wanted else 1.0


@dataclass(slots=True)
class Report:
    """Scores by name, and what went wrong, for a person to read."""

    cases: int = 0
    spans: Score = field(default_factory=Score)
    texts: Score = field(default_factory=Score)
    languages: dict[str, Score] = field(default_factory=dict)
    kinds: dict[str, Score] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def evaluate(cases: Sequence[Case]) -> Report:
    """Right texts must have no finding, wrong texts one on each mark.

    By span, a finding is right when it overlaps a mark, and a mark is caught when a finding overlaps it. By text, a
    text counts as found with one finding and more. A kind's precision counts the findings of that kind, whatever the
    kind of the mark; its recall the marks of that kind, whatever the kind of the finding.
    """
    report = Report(cases=len(cases), languages={language: Score() for language in LANGUAGES})
    for case in cases:
        for text, marks, name in ((case.right, (), "right"), (case.wrong, case.marks, "wrong")):
            found = findings(text, case.product)
            _count_text(report.texts, is_wrong=bool(marks), is_found=bool(found))
            for score in (report.spans, report.languages[case.language]):
                _count(score, found, marks)
            for kind in {*map(_kind, found), *(mark.kind for mark in marks)}:
                of_kind = [each for each in found if _kind(each) == kind]
                score = report.kinds.setdefault(kind, Score())
                score.found += len(of_kind)
                score.hits += sum(_touches(each, marks) for each in of_kind)
                score.wanted += sum(mark.kind == kind for mark in marks)
                score.caught += sum(mark.kind == kind and _touches(mark, found) for mark in marks)
            report.failures += _failures(f"{case.name} {name}", found, marks)
    return report


def _kind(finding: Finding) -> str:
    return "contradiction" if finding.is_contradiction else finding.kind


def _count(score: Score, found: Sequence[Finding], marks: Sequence[Mark]) -> None:
    score.found += len(found)
    score.hits += sum(_touches(each, marks) for each in found)
    score.wanted += len(marks)
    score.caught += sum(_touches(mark, found) for mark in marks)


def _count_text(score: Score, *, is_wrong: bool, is_found: bool) -> None:
    score.found += is_found
    score.hits += is_found and is_wrong
    score.wanted += is_wrong
    score.caught += is_found and is_wrong


def _touches(one: Finding | Mark, others: Iterable[Finding | Mark]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _failures(name: str, found: Sequence[Finding], marks: Sequence[Mark]) -> list[str]:
    false = [f"{name}: flagged {each.text!r} ({_kind(each)})" for each in found if not _touches(each, marks)]
    return false + [f"{name}: missed {mark.text!r} ({mark.kind})" for mark in marks if not _touches(mark, found)]
