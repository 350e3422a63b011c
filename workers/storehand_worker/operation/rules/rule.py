"""What a rule is: a recorded series, an alert, a group of them; as Prometheus reads it from YAML. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

RUNBOOKS = "docs/runbooks/"
"""What a `runbook_url` begins with; the chart puts a base of its own in its place."""

IN_RELEASE = "Storehand{{ with $labels.release }} {{ . }}{{ end }}"
IN_POOL = IN_RELEASE + "{{ with $labels.pool }} {{ . }}{{ end }}"
AT_WORKER = IN_POOL + " {{ or $labels.pod $labels.instance }}"
"""Where it is, as a summary begins; outside of Kubernetes there is no release."""

Severity = Literal["page", "ticket"]


@dataclass(frozen=True, slots=True)
class Record:
    """`name` is level:metric:operations."""

    name: str
    expression: str

    def as_yaml(self) -> Mapping[str, Any]:
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires when its expression has had a result for `for_`.

    why: what makes a page worth waking somebody, or why a ticket is enough; for docs/alerts.md.
    keep: goes on firing for so long after the last result, where the expression flaps.
    """

    name: str
    severity: Severity
    expression: str
    for_: str
    summary: str
    summary_zh: str
    description: str
    why: str
    keep: str | None = None

    def as_yaml(self) -> Mapping[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.for_,
            **({"keep_firing_for": self.keep} if self.keep else {}),
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "summary_zh": self.summary_zh,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, each seeing what those before it have recorded."""

    name: str
    rules: tuple[Record | Alert, ...]
    interval: str | None = None
    """None: Prometheus' own."""

    def as_yaml(self) -> Mapping[str, Any]:
        return {
            "name": self.name,
            **({"interval": self.interval} if self.interval else {}),
            "rules": [rule.as_yaml() for rule in self.rules],
        }
