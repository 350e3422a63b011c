"""A variant from its parts: every component composed within its limit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from storehand.contracts.copy import Component
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.copy.angles import Angle
from storehand_plugins.copy.bodies import Body
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.channels import Limit, fits
from storehand_plugins.copy.fitting import NEEDED, Piece, compose
from storehand_plugins.copy.items import NO_NOUN
from storehand_plugins.copy.shelf import Paragraphs
from storehand_plugins.copy.wording import Wording, upper

Told = Mapping[Component, Sequence[str]]
"""A chat model's checked sentences by component."""

_NO_TAG = re.compile(r"[^\w\u4e00-\u9fff]+")
_TAG_MAX = 24


@dataclass(frozen=True, slots=True)
class Story:
    """What a model contributed to one variant: paragraphs about products, or sentences for whole components."""

    paragraphs: Paragraphs = field(default_factory=dict)
    told: Told = field(default_factory=dict)
    is_by_model: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """The components of one variant, and whether a model's sentence is among them."""

    angle: Angle
    components: dict[Component, str]
    is_by_model: bool


def lay_out(
    brief: Brief,
    angle: Angle,
    number: int,
    seed: int,
    *,
    turn: int = 0,
    story: Story,
    limits: Mapping[Component, Limit],
) -> Draft:
    """All components that were asked for; one for which no wording is short enough is left out."""
    wording = Wording(brief, angle, number, seed, turn=turn)
    components: dict[Component, str] = {}
    for component in brief.components:
        keeps = partial(fits, limit=limits[component])
        text = compose(_allowed(_pieces(component, wording, story), brief.forbidden), keeps)
        text = text or compose([Piece(wording.voices.LAST[component], NEEDED)], keeps)
        if text:
            components[component] = text
    return Draft(angle, components, story.is_by_model and _is_used(story, components))


def _allowed(pieces: Sequence[Piece], forbidden: Sequence[str]) -> list[Piece]:
    """Without wordings that hold a forbidden word; a fact that has to be said stays, and is flagged."""
    if not forbidden:
        return list(pieces)
    kept = []
    for piece in pieces:
        clean = tuple(wording for wording in piece.wordings if not find_words(wording, forbidden))
        kept.append(replace(piece, wordings=clean or (piece.wordings if piece.weight == NEEDED else ())))
    return [piece for piece in kept if piece.wordings]


def _is_used(story: Story, components: Mapping[Component, str]) -> bool:
    whole = "\n".join(components.values())
    sentences = [
        *(s for each in story.paragraphs.values() for s in each),
        *(s for each in story.told.values() for s in each),
    ]
    return any(sentence in whole for sentence in sentences)


def _pieces(component: Component, wording: Wording, story: Story) -> list[Piece]:
    brief, told = wording.brief, story.told.get(component, ())
    if component == "body":
        return Body(wording, story.paragraphs, told).pieces()
    if component == "hashtags":
        return list(_tags(wording))
    own = _one_line(component, wording)
    if told:
        own = (("" if brief.is_chinese else " ").join(told), told[0], *own)
    pieces = [Piece(own, NEEDED)]
    if "body" not in brief.components and component == brief.components[0]:
        tokens = brief.tokens
        names = [Piece(wording.said(wording.voices.GREETINGS_SHORT, token=token), NEEDED) for token in tokens.names]
        others = (*tokens.links, *tokens.others, *tokens.unsubscribes)
        pieces = [*names, Piece(own, NEEDED, ""), *(Piece((token,), NEEDED) for token in others)]
    return pieces


def _one_line(component: Component, wording: Wording) -> tuple[str, ...]:
    brief, voices = wording.brief, wording.voices
    if component == "cta":
        if brief.channel == "livestream":
            return wording.by_number(voices.CTA_SPOKEN.get(brief.goal) or voices.CTA_SPOKEN["other"]) + voices.CTA_LAST
        goal = brief.goal if brief.goal != "sale" or brief.offer else "awareness"
        return wording.said(wording.by_number(voices.CTAS[goal])) + voices.CTA_LAST
    if component == "preheader":
        return wording.said((*_preheaders(wording), *voices.PREHEADERS[-1:]))
    phrases = wording.phrases
    if brief.channel == "xiaohongshu" and component == "headline":
        sticker = wording.toned(wording.by_number(voices.STICKERS)[0])
        titles = wording.said(wording.frames(phrases.HEADLINES, fixed=2))
        titles = tuple(sorted(titles, key=lambda title: not any(name in title for name in brief.names)))
        return (*(f"{title}{sticker}" for title in titles), *titles)
    titles = (*wording.said(wording.frames(phrases.HEADLINES, fixed=2)), *wording.said(phrases.HEADLINES["simple"]))
    titles = tuple(_begun(title) for title in titles)
    return tuple(sorted(titles, key=lambda title: not any(name.lower() in title.lower() for name in brief.names)))


def _begun(title: str) -> str:
    """Our own words for many begin a title with a capital; a product's name keeps its own."""
    return upper(title) if title.startswith("our ") else title


def _preheaders(wording: Wording) -> tuple[str, ...]:
    """An inbox shows them behind the subject; of an article they are the abstract."""
    voices = wording.voices
    return wording.by_number(voices.PREHEADERS if wording.brief.channel == "email" else voices.ABSTRACTS)


def _tags(wording: Wording) -> Iterator[Piece]:
    brief, voices = wording.brief, wording.voices
    items = brief.items[:5]
    shop = [
        brief.campaign,
        *(item.product.brand or "" for item in items),
        *(item.noun for item in items if item.noun != NO_NOUN),
    ]
    words = [
        *brief.keywords,
        *(item.names[-1] for item in items),
        *wording.by_number(shop),
        *voices.TAG_WORDS[brief.goal],
    ]
    tags = dict.fromkeys(tag for word in words if (tag := _tag(word)))
    for number, tag in enumerate(list(tags)[:8]):
        yield Piece((tag,), 1 + number)


def _tag(word: str) -> str:
    parts = [part for part in _NO_TAG.split(word) if part]
    text = "".join(part if part.isupper() or not part.isascii() else part[0].upper() + part[1:] for part in parts)
    if len(parts) == 1:
        text = parts[0]
    return f"#{text}" if text and len(text) <= _TAG_MAX and not text.isdigit() else ""


__all__ = ["Brief", "Draft", "Story", "lay_out"]
