"""The texts and figures of an answer that belong in a table, by task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storehand.contracts.copy import CHANNEL_COMPONENTS

Answer = Mapping[str, Any]
_SCALARS = (str, int, float, bool)

FIELDS: Mapping[str, tuple[str, ...]] = {
    "description": ("title", "description", "attribute_coverage", "review"),
    "copy": ("subject", "preheader", "headline", "body", "cta", "hashtags", "review"),
    "sentiment": ("label", "score", "confidence", "stars", "star_mismatch", "flags", "pros", "cons", "review"),
    "recommendation": ("items", "names", "personalised", "fallback", "review"),
    "chat": ("action", "reply", "intent", "confidence", "citations", "handoff", "review"),
}
"""Names of a table's columns. `review` counts findings a person should look at: `block:1 warn:2`."""

GROUPED: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("label", "score", "positive", "neutral", "negative", "mean_rating", "pros", "cons", "review"),
}
"""The same for jobs of several rows, where they differ."""


def columns_of(task: str, settled: Mapping[str, Any], *, is_grouped: bool) -> tuple[str, ...]:
    """A table's texts and figures. `settled` are inputs that all rows share: they may ask for other parts."""
    fields = (GROUPED.get(task) if is_grouped else None) or FIELDS.get(task, ())
    if task == "copy":
        parts = settled.get("components") or CHANNEL_COMPONENTS.get(settled.get("channel", ""))
        return (*parts, "review") if parts else fields
    if task == "description" and isinstance(asked := settled.get("fields"), list | tuple):
        return tuple(dict.fromkeys((*map(str, asked), *fields[2:])))
    return fields


def texts_of(task: str, output: Answer) -> dict[str, Any]:
    """Named texts and figures; empty ones are left out. A plugin's answer gives its plain top-level values."""
    found = _READERS.get(task, _plain)(output)
    found["review"] = _review(output.get("checks", ()))
    return {name: value for name, value in found.items() if value not in (None, "", ())}


def coverage_of(task: str, output: Answer) -> float | None:
    """The chosen variant's attribute coverage, where the task has one."""
    if task != "description":
        return None
    value = _chosen(output).get("attributeCoverage")
    return float(value) if value is not None else None


def tokens_of(output: Answer) -> int:
    usage = output.get("usage") or {}
    return int(usage.get("promptTokens", 0)) + int(usage.get("completionTokens", 0))


def _chosen(output: Answer) -> Answer:
    variants: Sequence[Answer] = output.get("variants") or [{}]
    chosen = int(output.get("chosen", 0))
    return variants[chosen] if 0 <= chosen < len(variants) else {}


def _description(output: Answer) -> dict[str, Any]:
    variant = _chosen(output)
    return {
        "title": variant.get("title"),
        "description": variant.get("description"),
        "bullets": "\n".join(variant.get("bullets") or ()),
        "seo_title": variant.get("seoTitle"),
        "meta_description": variant.get("metaDescription"),
        "alt_text": variant.get("altText"),
        "attribute_coverage": _rounded(variant.get("attributeCoverage")),
    }


def _copy(output: Answer) -> dict[str, Any]:
    return dict(_chosen(output).get("components", {}))


def _sentiment(output: Answer) -> dict[str, Any]:
    overall = output.get("overall", {})
    reviews = output.get("reviews", ())
    only = reviews[0] if len(reviews) == 1 else {}
    found = {"label": overall.get("label"), "score": _rounded(overall.get("score"))}
    found |= {**overall.get("distribution", {}), "mean_rating": _rounded(overall.get("meanRating"))}
    for name, key in (("confidence", "confidence"), ("stars", "stars"), ("star_mismatch", "starMismatch")):
        found[name] = _rounded(only.get(key))
    found["flags"] = " | ".join(only.get("flags", ()))
    for name, key in (("pros", "positiveNotes"), ("cons", "negativeNotes")):
        found[name] = " | ".join(f"{point['point']} ({point['support']})" for point in output.get(key, ()))
    return found


def _recommendation(output: Answer) -> dict[str, Any]:
    return {
        "items": " | ".join(item["sku"] for item in output.get("items", ())),
        "names": " | ".join(item.get("name") or item["sku"] for item in output.get("items", ())),
        "personalised": output.get("personalised"),
        "fallback": output.get("fallback"),
    }


def _chat(output: Answer) -> dict[str, Any]:
    handoff = output.get("handoff") or {}
    return {
        "action": output.get("action"),
        "reply": output.get("reply"),
        "intent": output.get("intent"),
        "confidence": _rounded(output.get("confidence")),
        "citations": " | ".join(dict.fromkeys(each["knowledgeId"] for each in output.get("citations", ()))),
        "handoff": " | ".join(handoff.get("reasons", ())),
    }


def _plain(output: Answer) -> dict[str, Any]:
    return {name: value for name, value in output.items() if isinstance(value, _SCALARS) and name != "schemaVersion"}


def _review(checks: Sequence[Answer]) -> str:
    found = Counter(str(check.get("severity")) for check in checks)
    return " ".join(f"{name}:{found[name]}" for name in ("block", "needs_evidence", "warn") if found[name])


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


_READERS: Mapping[str, Callable[[Answer], dict[str, Any]]] = {
    "description": _description,
    "copy": _copy,
    "sentiment": _sentiment,
    "recommendation": _recommendation,
    "chat": _chat,
}
