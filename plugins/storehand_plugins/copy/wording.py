"""Frames filled with the words of a brief: every wording a frame can take, the fullest first."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from types import ModuleType

from storehand_plugins.copy import phrases_en, phrases_zh, voices_en, voices_zh
from storehand_plugins.copy.angles import Angle
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.items import Item, Point

_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\ufe0f\u200d]+ ?")
POINTS = 3


class Wording:
    """The language of one variant: its angle decides the frames, its number what is said first, `turn` is how often
    the angle was used before."""

    def __init__(self, brief: Brief, angle: Angle, number: int, seed: int, *, turn: int = 0) -> None:
        self.brief = brief
        self.angle = angle
        self.number = number
        self._turn = turn
        self.phrases: ModuleType = phrases_zh if brief.is_chinese else phrases_en
        self.voices: ModuleType = voices_zh if brief.is_chinese else voices_en
        self._random = random.Random(f"{seed}:{angle}")  # noqa: S311  # picks wordings, no secrets
        self._scene = self._random.choice(brief.scenes)
        self.key = brief.goal if angle == "occasion" else angle

    def frames(self, table: dict[str, tuple[str, ...]], *, fixed: int = 0) -> tuple[str, ...]:
        """The angle's frames, a different one in front each time; the last `fixed` keep their place."""
        turned = self.turned(table[self.key], fixed=fixed)
        if self.angle == "occasion":  # which the campaign's name says
            return tuple(sorted(turned, key=lambda frame: "{campaign}" not in frame))
        return turned

    def turned(self, frames: Sequence[str], *, fixed: int = 0) -> tuple[str, ...]:
        free, rest = tuple(frames[: len(frames) - fixed]), tuple(frames[len(frames) - fixed :])
        start = (self._random.randrange(len(free)) + self._turn) % len(free) if free else 0
        return (*free[start:], *free[:start], *rest)

    def by_number(self, frames: Sequence[str]) -> tuple[str, ...]:
        """So that no two variants begin with the same."""
        start = self.number % len(frames) if frames else 0
        return (*frames[start:], *frames[:start])

    def said(self, frames: Iterable[str], **more: str) -> tuple[str, ...]:
        """Every frame whose words are there, with every length of the name."""
        found: dict[str, None] = {}
        for frame in frames:
            for name in self.brief.names:
                try:
                    text = self.toned(frame).format_map({**self._words(name), **more})
                except KeyError:
                    continue
                found[text] = None
        return tuple(found)

    def toned(self, text: str) -> str:
        """Our own emoji only where the tone has room for them; the shop's words keep theirs."""
        if self.brief.tone in ("professional", "minimal"):
            return _EMOJI.sub("", text).strip()
        return text

    def points(self, item: Item) -> tuple[Point, ...]:
        """Another highlight in front for every variant; what the shopper likes first where that is the angle."""
        if self.angle == "taste":
            liked = [point for point in item.points if any(each in point.text for each in self.brief.liked)]
            return (*liked, *(point for point in item.points if point not in liked))
        start = self.number % len(item.points) if item.points else 0
        return item.points[start:] + item.points[:start]

    def listed(self, item: Item, count: int = POINTS) -> str:
        """Some highlights in one breath."""
        texts = [point.text for point in self.points(item)[:count]]
        if self.brief.is_chinese:
            return "、".join(texts)
        return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1] if texts else ""

    def the(self, name: str, *, is_one: bool = False) -> str:
        """With an article, where English wants one. `is_one`: one product, even where the text is about several."""
        is_many = len(self.brief.items) > 1 and not is_one
        if self.brief.is_chinese or is_many or name.lower().startswith(("the ", "a ", "my ", "our ")):
            return name
        return f"the {name}"

    def _words(self, name: str) -> dict[str, str]:
        brief, item = self.brief, self.brief.items[0]
        points = self.points(item)
        single = len(brief.items) == 1
        words = {
            "name": self.the(name),
            "Name": upper(self.the(name)),
            "bare": name,
            "is": "is" if single and not item.plan.is_plural else "are",
            "noun": item.noun,
            "scene": self._scene,
            "Scene": upper(self._scene),
            "point": points[0].text if points and single else "",
            "Point": upper(points[0].text) if points and single else "",
            "points": self.listed(item) if single else "",
            "Points": upper(self.listed(item)) if single else "",
            "thing": next((point.text for point in points if point.is_thing), "") if single else "",
            "deal": brief.offer.label if brief.offer else "",
            "Deal": upper(brief.offer.label) if brief.offer else "",
            "campaign": brief.campaign,
            "taste": brief.tastes[0] if brief.tastes else "",
            "trend": brief.trends[0] if brief.trends else "",
            "you": self.voices.YOU[brief.tone],
        }
        return {key: value for key, value in words.items() if value}


def upper(text: str) -> str:
    """A sentence's beginning; a name such as iPhone keeps its own."""
    first = text.split(" ")[0]
    return text if any(char.isupper() for char in first[1:]) else text[:1].upper() + text[1:]
