"""What a finished variant is worth: offer facts, claims, tokens, how far variants differ, and which is best."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from storehand.contracts.claim import ClaimKind, UnsupportedClaim
from storehand.contracts.copy import Component, CopyInput, CopyVariant, OfferFact
from storehand_plugins.checks import unsupported_claims, unsupported_numbers
from storehand_plugins.copy import voices_en
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.layout import Draft
from storehand_plugins.copy.offer import OfferWords
from storehand_plugins.copy.sources import product_sources

_DISCOUNT = re.compile(r"(\d+(?:\.\d+)?)\s?%\s?(?:off|discount)|(\d+(?:\.\d+)?)折", re.IGNORECASE)
NGRAM = 3


def variant_of(draft: Draft, brief: Brief, given: CopyInput) -> CopyVariant:
    """The components with everything that was found out about them."""
    components = draft.components
    whole = "\n".join(components.values())
    return CopyVariant(
        components=components,
        char_counts={name: len(text) for name, text in components.items()},
        angle=draft.angle,
        written_by="model" if draft.is_by_model else "realiser",
        tokens_ok=brief.tokens.are_whole(whole),
        offer_facts=(*(_facts(components, brief.offer) if brief.offer else ()), *_untold(brief)),
        unsupported_claims=tuple(_claims(components, sources(brief, given))),
        personalised_on=_personal(brief, whole) if draft.angle == "taste" else (),
    )


def _personal(brief: Brief, whole: str) -> tuple[str, ...]:
    """The taste the text speaks of, and those whose highlights were put in front."""
    points = " ".join(point.text for point in brief.points).casefold()
    return tuple(
        taste
        for number, taste in enumerate(brief.tastes)
        if taste.casefold() in whole.casefold() and (number == 0 or taste.casefold() in points)
    )


def sources(brief: Brief, given: CopyInput) -> list[str]:
    """Every text that a number or claim may rest on."""
    campaign = given.campaign
    found = [*product_sources(given), campaign.name, *given.trend_notes, *brief.keywords, *brief.tastes, *given.tokens]
    found += [*voices_en.STOP_SMS, *voices_en.STOP_SHORT]
    if offer := brief.offer:
        found += [*offer.sentences, *offer.shorts, offer.label, offer.terms]
    return list(dict.fromkeys(found))


def _facts(components: Mapping[Component, str], offer: OfferWords) -> Iterator[OfferFact]:
    for name, wordings in offer.wordings.items():
        place = _place(components, wordings)
        is_right = place is not None and (name != "value" or not _contradicts(components, wordings))
        yield OfferFact(
            field=name,
            value=offer.values[name],
            stated=place is not None,
            correct=is_right,
            component=place[0] if place else None,
            start=place[1] if place else None,
            end=place[2] if place else None,
        )


def _untold(brief: Brief) -> Iterator[OfferFact]:
    for name, value in brief.withheld.items():
        yield OfferFact(field=name, value=value, stated=False, correct=False)


def _place(components: Mapping[Component, str], wordings: Sequence[str]) -> tuple[Component, int, int] | None:
    """Where a wording stands by itself: ¥19 is not in ¥199, nor the code TEA in TEA20."""
    for name, text in components.items():
        for wording in wordings:
            edges = (r"(?<![0-9A-Za-z.])" if wording[0].isascii() and wording[0].isalnum() else "") + re.escape(wording)
            edges += r"(?![0-9A-Za-z]|\.\d)" if wording[-1].isascii() and wording[-1].isalnum() else ""
            if match := re.search(edges, text):
                return name, match.start(), match.end()
    return None


def _contradicts(components: Mapping[Component, str], wordings: Sequence[str]) -> bool:
    right = "".join(wordings)
    found = (match[1] or match[2] for text in components.values() for match in _DISCOUNT.finditer(text))
    return "%" in right and any(number not in re.findall(r"\d+(?:\.\d+)?", right) for number in found)


def _claims(components: Mapping[Component, str], given: Sequence[str]) -> Iterator[UnsupportedClaim]:
    """All components are looked at as one text: preparing the sources is what takes the time."""
    whole = "\n".join(components.values())
    found: list[tuple[int, int, ClaimKind]] = [
        (claim.start, claim.end, claim.kind) for claim in unsupported_claims(whole, given)
    ]
    for number, wrong in unsupported_numbers(whole, given):
        found.append((number.start, number.end, wrong))
    place = 0
    for name, text in components.items():
        for start, end, kind in sorted(found):
            if place <= start and end <= place + len(text):
                yield UnsupportedClaim(
                    text=whole[start:end], field=name, start=start - place, end=end - place, kind=kind
                )
        place += len(text) + 1


def distinctness(variants: Sequence[CopyVariant]) -> float:
    """1 minus the mean Jaccard share of character 3-grams over all pairs; 1.0 with one variant."""
    grams = [_grams("\n".join(each.components.values())) for each in variants]
    shares = [len(one & other) / (len(one | other) or 1) for one, other in combinations(grams, 2)]
    return round(1 - sum(shares) / len(shares), 4) if shares else 1.0


def _grams(text: str) -> set[str]:
    return {text[start : start + NGRAM] for start in range(len(text) - NGRAM + 1)} or {text}


def best(variants: Sequence[CopyVariant]) -> int:
    """Most offer facts right, then whole tokens, most components, fewest claims; of equals the first."""

    def rank(index: int) -> tuple[int, bool, int, int, int]:
        each = variants[index]
        right = sum(fact.stated and fact.correct for fact in each.offer_facts)
        return right, each.tokens_ok, len(each.components), -len(each.unsupported_claims), -index

    return max(range(len(variants)), key=rank)
