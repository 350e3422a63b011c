"""What stands for `$pool`, `${pool}` and `$__rate_interval` in a dashboard's queries, as Grafana fills it in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storehand.errors import InvalidInput

POINTS = 220
"""Values of a line: about one for every two pixels of a narrow panel."""

_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_LABEL_VALUES = re.compile(r"label_values\((?:(.+),\s*)?(\w+)\)\s*", re.DOTALL)
_NAME = re.compile(r"\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]|\$(\w+)")

ALL = ("$__all", "All")
Values = Callable[[str, str], Sequence[str]]
"""(label, selector) -> its values."""


@dataclass(frozen=True, slots=True)
class Window:
    """What time a picture shows, and how often Prometheus scrapes (seconds)."""

    start: float
    end: float
    scrape_s: float

    @property
    def step_s(self) -> float:
        """A round number, so that every series has its values at the same times; at least a scrape apart."""
        wanted = max((self.end - self.start) / POINTS, min(self.scrape_s, 15.0))
        return float(next((step for step in _STEPS_S if step >= wanted), math.ceil(wanted / 86400) * 86400))

    def builtins(self) -> dict[str, str]:
        """Grafana's own variables. A rate needs four scrapes: one may be late, one may be lost."""
        span, step = round(self.end - self.start), self.step_s
        rate = max(step + self.scrape_s, 4 * self.scrape_s)
        return {
            "__interval": f"{step:g}s",
            "__interval_ms": f"{step * 1000:g}",
            "__rate_interval": f"{math.ceil(rate)}s",
            "__range": f"{span}s",
            "__range_s": str(span),
            "__range_ms": str(span * 1000),
            "__from": str(round(self.start * 1000)),
            "__to": str(round(self.end * 1000)),
        }


def chosen(
    variables: Sequence[Mapping[str, Any]], given: Mapping[str, Sequence[str]], values: Values, known: Mapping[str, str]
) -> dict[str, str]:
    """Name -> what replaces it in a query: what is given, else the dashboard's own choice, else everything.

    Queries of variables may use those before them, as in Grafana. InvalidInput for a name that the dashboard lacks.
    """
    found = dict(known)
    strange = sorted(set(given) - {str(each["name"]) for each in variables})
    if strange:
        names = ", ".join(str(each["name"]) for each in variables)
        raise InvalidInput(f"the dashboard has no variable {', '.join(strange)}; it has {names}")
    for each in variables:
        name, kind = str(each["name"]), each.get("type")
        if name in given:
            found[name] = joined(given[name])
        elif kind == "query":
            found[name] = _of_query(each, values, found)
        elif kind != "datasource":
            found[name] = _current(each) or str(each.get("query", ""))
    return found


def filled(text: str, replacements: Mapping[str, str]) -> str:
    """The text with its variables replaced; those that nobody knows stay."""
    return _NAME.sub(lambda match: replacements.get(match[1] or match[2] or match[3], match[0]), text)


def joined(values: Sequence[str]) -> str:
    """A regular expression that matches any of them."""
    escaped = [re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _of_query(variable: Mapping[str, Any], values: Values, known: Mapping[str, str]) -> str:
    current = _current(variable)
    if current and current not in ALL:
        return current
    if variable.get("includeAll") and variable.get("allValue"):
        return str(variable["allValue"])
    query = variable.get("query", "")
    match = _LABEL_VALUES.fullmatch(filled(str(query["query"] if isinstance(query, Mapping) else query), known))
    found = list(values(match[2], match[1] or "")) if match else []
    if not found:
        return ".*"
    return joined(found if variable.get("includeAll") else found[:1])


def _current(variable: Mapping[str, Any]) -> str:
    value = (variable.get("current") or {}).get("value", "")
    several = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return "" if not several or several == [""] else (several[0] if several[0] in ALL else joined(several))
