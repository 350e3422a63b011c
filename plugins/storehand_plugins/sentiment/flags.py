"""What is odd about a review, as flags and checks. Every rule is written down here, and each is narrow on purpose: a
flag is shown to people, who should not learn to overlook it.

Rules of the checks (`rule`, severity): `injection` warn, `mojibake` warn, `suspected_fake` info, `star_mismatch` info,
`personal_data` info, `future_date` info, `hidden_characters` info, `truncated` info, `language_unsupported` info.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from storehand.contracts.base import Check
from storehand.contracts.product import Product
from storehand.contracts.sentiment import Flag, Rating, Review
from storehand_plugins.checks import mask_personal
from storehand_plugins.sentiment.aspects import Vocabulary
from storehand_plugins.sentiment.clauses import split_clauses
from storehand_plugins.sentiment.labels import Opinion
from storehand_plugins.sentiment.languages import is_unsupported
from storehand_plugins.sentiment.reading import ADDRESS, Reading, folded
from storehand_plugins.sentiment.statements import Statement

SURE_OF_STARS = 0.85
"""How sure the text must be before it is held against the stars."""

MANY_HIDDEN = 3
"""Fewer hidden characters come from phones and keyboards."""

_DELIVERS = re.compile(r"外卖|快递|物流|配送|跑腿|delivery|courier|takeaway|shipping")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Oddities:
    """What was found in one review. `copied` is the number of the review it repeats."""

    copied: int | None = None
    repeats: bool = False
    mismatch: bool = False
    truncated: bool = False
    off_topic: bool = False


def contradicts(rating: Rating | None, opinion: Opinion, statements: Sequence[Statement]) -> bool:
    """At most 2 of 5 stars on a text that surely praises and blames nothing, or at least 4 on one that surely blames
    and praises nothing. Texts of mixed feelings go with any stars."""
    if rating is None or opinion.confidence < SURE_OF_STARS or opinion.label == "neutral":
        return False
    stars = 5 * rating.rating_value / rating.best_rating
    if any(each.polarity not in ("neutral", opinion.label) for each in statements):
        return False
    return stars <= 2 if opinion.label == "positive" else stars >= 4


def is_off_topic(reading: Reading, opinion: Opinion, vocabulary: Vocabulary, product: Product | None) -> bool:
    """Nothing that can be read; or, where the product is given and is no delivery service, every clause is about the
    delivery."""
    if not _LETTER.search(ADDRESS.sub("", reading.text)):
        return opinion.label == "neutral"
    if product is None or _DELIVERS.search(folded(f"{product.name} {product.category or ''}")):
        return False
    clauses = split_clauses(reading.text)
    names = [name for name in vocabulary.find(reading.folded) if name.aspect == "delivery"]
    others = any(name.aspect != "delivery" for name in vocabulary.find(reading.folded))
    return not others and all(any(clause.start <= name.start < clause.end for name in names) for clause in clauses)


def flags_of(reading: Reading, odd: Oddities) -> tuple[Flag, ...]:
    found: list[tuple[Flag, bool]] = [
        ("pii", bool(reading.personal)),
        ("injection", bool(reading.injections)),
        ("suspected_fake", odd.copied is not None or odd.repeats),
        ("off_topic", odd.off_topic),
        ("truncated", odd.truncated),
    ]
    return tuple(flag for flag, holds in found if holds)


def checks_of(
    number: int, reviews: Sequence[Review], reading: Reading, odd: Oddities, *, now: datetime
) -> Iterator[Check]:
    """All findings of review `number`; personal data is shown masked."""
    review, field = reviews[number], f"input.reviews[{number}]"
    body = f"{field}.reviewBody"

    def whole(rule: str, basis: str, *, at: str = body, text: str = "") -> Check:
        end = len(review.review_body) if at == body else 0
        return Check(rule=rule, severity="info", field=at, start=0, end=end, text=text, basis=basis)

    for span in reading.injections:
        yield Check(
            rule="injection",
            severity="warn",
            field=body,
            start=span.start,
            end=span.end,
            text=span.text,
            basis="the text gives orders to a machine; its sentence was left out, the rest was rated",
        )
    for each in reading.personal:
        basis = f"personal data ({each.kind}); never quoted"
        yield Check(
            rule="personal_data",
            severity="info",
            field=body,
            start=each.start,
            end=each.end,
            text=mask_personal(each.text),
            basis=basis,
        )
    if reading.is_mojibake:
        yield whole("mojibake", "read in the wrong character set; send it again as UTF-8").model_copy(
            update={"severity": "warn"}
        )
    if reading.seen.removed >= MANY_HIDDEN:
        yield whole("hidden_characters", f"{reading.seen.removed} characters that nobody sees were left out")
    if odd.copied is not None:
        yield whole("suspected_fake", f"nearly the same text as review {reviews[odd.copied].id}")
    elif odd.repeats:
        yield whole("suspected_fake", "the text says the same thing again and again")
    if odd.mismatch and review.review_rating:
        given = f"{review.review_rating.rating_value:g}/{review.review_rating.best_rating:g}"
        yield whole("star_mismatch", "the text says the opposite", at=f"{field}.reviewRating", text=given)
    if review.date_published and review.date_published > now:
        given = review.date_published.isoformat()
        yield whole("future_date", "after the time of this job", at=f"{field}.datePublished", text=given)
    if is_unsupported(reading.folded):
        yield whole("language_unsupported", "neither Chinese nor English: the label is the model's alone")
    if odd.truncated:
        yield whole("truncated", "the model read only the beginning")
