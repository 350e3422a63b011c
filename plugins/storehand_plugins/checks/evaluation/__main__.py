"""`python -m storehand_plugins.checks.evaluation`: precision and recall of the checks on the authored products."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from storehand_plugins.checks.evaluation.cases import Case, read_cases
from storehand_plugins.checks.evaluation.scores import Report, Score, evaluate

_TITLES: dict[str, str] = dict.fromkeys(("held-out", "worked", "all"), " (seen while tuning)")
"""Of parts whose texts were read while the rules were written."""


def main() -> None:
    """Prints a report of each part: see `read_cases`."""
    parser = argparse.ArgumentParser(prog="python -m storehand_plugins.checks.evaluation", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--failures", action="store_true", help="list what was flagged wrongly or missed")
    parser.add_argument(
        "--part", choices=("unseen+fresh", "fresh", "unseen", *_TITLES), help="only these cases (default: every part)"
    )
    chosen = parser.parse_args()
    cases = read_cases()
    unseen, fresh = read_cases("unseen"), read_cases("fresh")
    parts = {"unseen+fresh": [*unseen, *fresh], "fresh": fresh, "unseen": unseen}
    parts |= {"held-out": [c for c in cases if c.is_held_out], "worked": [c for c in cases if not c.is_held_out]}
    parts |= {"all": cases}
    reports = {name: evaluate(part) for name, part in parts.items() if chosen.part in (None, name)}
    if chosen.json:
        lines = [json.dumps({name: _as_json(report) for name, report in reports.items()}, indent=2, ensure_ascii=False)]
    else:
        lines = [line for name, report in reports.items() for line in _table(name, report, parts[name])]
    if chosen.failures and not chosen.json:
        lines += [
            f"{part} {failure}"
            for part, report in reports.items()
            if part not in ("all", "unseen+fresh")
            for failure in report.failures
        ]
    sys.stdout.write("\n".join(lines) + "\n")


def _table(name: str, report: Report, cases: list[Case]) -> Iterator[str]:
    errors = sum(len(each.marks) for each in cases)
    yield f"{name}{_TITLES.get(name, '')}: {report.cases} products, {2 * report.cases} texts, {errors} marked errors"
    yield f"  {'':16}{'precision':>10}{'recall':>10}{'found':>8}{'wanted':>8}"
    rows = [("spans", report.spans), ("texts", report.texts), *report.languages.items(), *sorted(report.kinds.items())]
    for label, score in rows:
        yield f"  {label:16}{score.precision:>10.3f}{score.recall:>10.3f}{score.found:>8}{score.wanted:>8}"


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "products": report.cases,
        "spans": _numbers(report.spans),
        "texts": _numbers(report.texts),
        "languages": {name: _numbers(score) for name, score in report.languages.items()},
        "kinds": {name: _numbers(score) for name, score in sorted(report.kinds.items())},
        "failures": report.failures,
    }


def _numbers(score: Score) -> dict[str, float]:
    return {
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "found": score.found,
        "wanted": score.wanted,
    }


if __name__ == "__main__":
    main()
