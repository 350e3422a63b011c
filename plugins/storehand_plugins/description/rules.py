"""The rules of this task's checks: their stable names, how grave each is, and what it rests on."""

from __future__ import annotations

from typing import Literal

from storehand.contracts.base import Check

Severity = Literal["info", "warn", "needs_evidence", "block"]

RULES: dict[str, tuple[Severity, str]] = {
    # what the text says
    "fact.number_unsupported": ("warn", "the input does not say this"),
    "fact.unit_unsupported": ("warn", "the input does not say this"),
    "fact.material_unsupported": ("warn", "the input does not say this"),
    "fact.comparison_unsupported": ("warn", "the input does not say this"),
    "fact.certification_unsupported": ("warn", "the input does not say this"),
    "fact.claim_unsupported": ("warn", "the input does not say this"),
    "fact.contradicted": ("block", "the input says another value"),
    "fact.missing": ("warn", "no field of the answer states this attribute"),
    "fact.other_language": ("warn", "it is in another language than the text, and was left out"),
    "fact.left_out": ("info", "left out to keep the length that was asked for"),
    # what was asked for
    "must_mention.unknown": ("warn", "the product has no attribute of this name"),
    "must_mention.missing": ("warn", "it had to be mentioned and is not in the title or the description"),
    "forbidden.word": ("block", "a forbidden word is part of the product's own name or brand"),
    "forbidden.fact": ("warn", "this fact has a forbidden word and was left out"),
    "keyword.unsupported": ("info", "nothing in the product supports this keyword, so it was not put in"),
    "keyword.missing": ("info", "the product supports this keyword, and the text had no room for it"),
    "length.under": ("warn", "all facts are said and the text is still shorter than asked; nothing was invented"),
    "length.over": ("warn", "not even one whole sentence is as short as asked"),
    "field.cut": ("info", "the product's name alone is longer than this field; it was cut at a word"),
    "bullets.few": ("info", "the product has fewer than three facts for bullets"),
    "variants.alike": ("info", "the facts, or the length asked for, leave room for one wording only"),
    "style.not_applied": ("info", "only an instruction model can follow this, and none wrote the text"),
    # how it came about
    "locale.script": ("warn", "traditional characters were asked for, and the text is in simplified ones"),
    "locale.replaced": ("warn", "the language that was asked for could not be written"),
    "text.realised": ("info", "no model text passed the checks; phrases were put together"),
    "text.mended": ("info", "sentences of the model were removed or facts added after its text"),
    # what came in
    "injection": ("warn", "text that gives orders to a machine is no fact; it was left out"),
    "conflicting_attribute": ("warn", "two of its statements can't both be true; what was not said is named"),
    "hidden_characters": ("info", "invisible characters were left out"),
    "mojibake": ("warn", "this was read in the wrong character set; it was left out unless it is the name"),
    "preference.protected": ("info", "a text is not fitted to who somebody is; this preference was not used"),
}
"""Every rule that a description's checks may name. A rule keeps its name and meaning for good."""


def check(
    rule: str,
    *,
    field: str = "description",
    span: tuple[int, int] = (0, 0),
    text: str = "",
    basis: str | None = None,
    suggestion: str | None = None,
) -> Check:
    """A finding of this rule; `basis` replaces the rule's own sentence."""
    severity, why = RULES[rule]
    return Check(
        rule=rule,
        severity=severity,
        field=field,
        start=span[0],
        end=span[1],
        text=text,
        basis=basis or why,
        suggestion=suggestion,
    )
