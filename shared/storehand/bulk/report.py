"""What a bulk command says: the mapping it uses, what a dry run found, how a run ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.cells import cell_len

from storehand.bulk.plan import Plan
from storehand.bulk.rejects import described, rejected_path
from storehand.bulk.setup import Setup
from storehand.bulk.tally import Tally
from storehand.bulk.unit import Kept, Rejected
from storehand.cli.output import print_json, print_table, say, span

_REASONS = 5


def say_mapping(plan: Plan, columns: dict[str, str]) -> None:
    """One line per column, on stderr."""
    mapping = plan.mapping
    seen: set[str] = set()
    for each in mapping.bound:
        if each.column:
            else_ = "else → " if each.target.path in seen and each.target.kind == "text" else "→ "
            seen.add(each.target.path)
            say(
                f"  {_padded(each.column)} {else_}{each.target.path}" + (f" ({each.currency})" if each.currency else "")
            )
    for name in mapping.attributes:
        say(f"  {_padded(name)} → attribute {name.strip()!r}")
    for pair in mapping.pairs:
        say(f"  {_padded(pair.name + ' + ' + pair.value)} → attribute")
    for constant in mapping.constants:
        value = constant.value
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        say(f"  {_padded('(all rows)')} → {constant.target.path} = {shown[:60]}{'…' if len(shown) > 60 else ''}")
    for text, column in columns.items():
        say(f"  {_padded(column)} ← {text}")
    if mapping.group_column:
        say(f"  one job per {mapping.group_column}")
    if mapping.takes_other_columns:
        say(f"  {_padded('(every other column)')} → attribute")
    elif mapping.unmapped:
        hint = "; --attributes '*' sends them as attributes" if mapping.shape.attributes else ""
        shown = ", ".join(mapping.unmapped[:12]) + (" …" if len(mapping.unmapped) > 12 else "")
        say(f"  not used: {shown}{hint}", style="dim")
    if not plan.contract.is_checked_in_full:
        say("  this task comes from a plugin: rows are checked in full by the worker", style="dim")


def _padded(name: str) -> str:
    """To one width on the screen, where a Chinese character takes two places."""
    return name + " " * max(0, 24 - cell_len(name))


@dataclass(slots=True)
class DryRun:
    """Counts a whole file; keeps the first bad rows."""

    good: int = 0
    bad: int = 0
    first: list[Rejected] = field(default_factory=list)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def walk(self, plan: Plan, *, show: int) -> Iterator[None]:
        for each in plan.units():
            if isinstance(each, Rejected):
                self.bad += 1
                if len(self.first) < show:
                    self.first.append(each)
                for problem in each.problems:
                    self.reasons[problem.column or problem.path, problem.reason, problem.advice] += 1
            elif not isinstance(each, Kept):
                self.good += 1
            yield


def print_dry_run(found: DryRun, plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "good": found.good,
                "bad": found.bad,
                "filled_before": plan.filled,
                "rows": [described(each) for each in found.first],
                "reasons": [
                    {"where": where, "reason": reason, "advice": advice, "rows": count}
                    for (where, reason, advice), count in found.reasons.most_common()
                ],
                "notes": dict(plan.notes),
            }
        )
        return
    if found.first:
        rows = [
            (
                str(each.row),
                str(each.line or ""),
                each.id or "",
                problem.column,
                problem.path,
                problem.reason,
                problem.advice,
            )
            for each in found.first
            for problem in each.problems
        ]
        print_table(("row", "line", "id", "column", "field", "what is wrong", "what to do"), rows)
    if found.bad > len(found.first):
        counted = [
            (f"{count:,}", where, reason, advice) for (where, reason, advice), count in found.reasons.most_common(20)
        ]
        print_table(("rows", "column or field", "what is wrong", "what to do"), counted, title="all bad rows by reason")
    _say_notes(plan.notes)
    skipped = f", {plan.filled:,} filled already" if plan.filled else ""
    say(f"dry run: {found.good:,} jobs would be sent, {found.bad:,} rows are bad{skipped}; nothing was sent")


def print_summary(tally: Tally, setup: Setup, *, output: Path, as_json: bool) -> None:
    if as_json:
        print_json(tally.as_dict())
        return
    failed = ", ".join(f"{count} {code}" for code, count in tally.failed.most_common())
    parts = [
        f"{tally.done - tally.failures:,} answered",
        f"{tally.failures:,} failed" + (f" ({failed})" if failed else ""),
    ]
    if tally.rejected:
        parts.append(f"{tally.rejected:,} rejected (see {rejected_path(output)})")
    if tally.found:
        some = f", {tally.found_failed:,} of them failed: --retry-failed asks again" if tally.found_failed else ""
        parts.append(f"{tally.found:,} were there already{some}")
    if tally.filled:
        parts.append(f"{tally.filled:,} were filled already" + (" and are kept" if setup.plan.keeps_filled else ""))
    if tally.superseded:
        parts.append(f"{tally.superseded:,} old answers moved to {output}.superseded.jsonl")
    say("; ".join(parts))
    for reason, count in tally.reasons.most_common(_REASONS):
        say(f"  {count:,} × {reason[:300]}")
    figures = [f"{span(tally.seconds)}", f"{tally.rate:.1f} rows/s", f"{tally.tokens:,} tokens"]
    if tally.coverage is not None:
        figures.append(f"attribute coverage {tally.coverage:.3f}")
    say(" · ".join(figures), style="dim")
    _say_notes(tally.notes)
    if tally.failures:
        say("run the same command with --retry-failed to ask for the failed rows again")
    say(f"→ {output} ({setup.format})")


def _say_notes(notes: Counter[str]) -> None:
    for note, count in notes.most_common(10):
        say(f"  {count:,} × {note}", style="dim")
