"""Products inside a text: as rows, bullets, chapters, or spoken of one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from storehand_plugins.copy.fitting import Piece
from storehand_plugins.copy.items import Item, Point
from storehand_plugins.copy.wording import Wording, upper
from storehand_plugins.description.kinds import FactKind

Paragraphs = Mapping[int, Sequence[str]]
"""Sentences with the facts of the product at that place."""

BULLETS = 3
SPOKEN_POINTS = 5
SPOKEN_POINTS_OF_MANY = 3


class Shelf:
    """The products of one variant."""

    def __init__(self, wording: Wording, paragraphs: Paragraphs) -> None:
        self._wording = wording
        self._brief = wording.brief
        self._voices = wording.voices
        self._paragraphs = paragraphs
        self._space = "" if self._brief.is_chinese else " "

    def chapters(self, sentences: int) -> Iterator[Piece]:
        """One per product; of a single product, what it has and where it fits."""
        items = self._brief.items
        sections = {name: self._wording.by_number(each)[0] for name, each in self._voices.SECTIONS.items()}
        for place, item in enumerate(items):
            if self._paragraphs.get(place):
                yield Piece(item.names if len(items) > 1 else (sections["has"],), 2 + place, "\n\n")
                yield from self.paragraph(place, gap="\n", limit=sentences)
            if len(items) == 1:
                yield Piece((sections["fits"],), 5, "\n\n")
            yield Piece(self._places(item), 4 + place, "\n" if len(items) == 1 else self._space)

    def paragraph(self, place: int, *, gap: str, limit: int) -> Iterator[Piece]:
        for number, sentence in enumerate(self._paragraphs.get(place, ())[:limit]):
            yield Piece((sentence,), 3 + place + number, self._space if number else gap)

    def _places(self, item: Item) -> tuple[str, ...]:
        scenes = self._wording.by_number(item.scenes)
        frame = self._wording.by_number(self._voices.PLACES)[0]
        return (frame.format(one=scenes[0], other=scenes[1], One=upper(scenes[0])),)

    def row(self, item: Item) -> tuple[str, ...]:
        """Name, highlights and price; ever less of them."""
        words = {"points": self._wording.listed(item, 2), "price": item.price}
        rows = []
        for frame in self._voices.LIST_ROW:
            if any("{" + key + "}" in frame and not value for key, value in words.items()):
                continue
            rows += [frame.format(name=name, **words) for name in item.names]
        return tuple(rows)

    def bullets(self) -> Iterator[Piece]:
        bullets: Sequence[str] = self._wording.by_number(self._voices.BULLETS)
        first, *others = self._brief.items
        if others:
            for number, item in enumerate((first, *others)):
                rows = tuple(self._wording.toned(f"{bullets[number % len(bullets)]} ") + row for row in self.row(item))
                yield Piece(rows, 2, "\n" if number else "\n\n")
            return
        for number, point in enumerate(self._wording.points(first)[:BULLETS]):
            bullet = self._wording.toned(f"{bullets[number]} ") + upper(point.text)
            yield Piece((bullet,), 2 + number, "\n" if number else "\n\n")
        if first.price:
            yield Piece((self._wording.by_number(self._voices.PRICE)[0].format(price=first.price),), 6, "\n")

    def spoken(self, place: int, item: Item) -> Iterator[Piece]:
        wording, voices = self._wording, self._voices
        leads = wording.by_number(voices.SAY_NEXT if place else voices.SAY_FIRST)
        lead = leads[max(place - 1, 0) % len(leads)]
        yield Piece(
            tuple(lead.format(name=wording.the(name, is_one=True)) for name in item.names),
            2,
            "\n\n" if place == 0 else "\n",
        )
        count = SPOKEN_POINTS if len(self._brief.items) == 1 else SPOKEN_POINTS_OF_MANY
        for number, point in enumerate(wording.points(item)[:count]):
            yield Piece((self._spoken_point(point, number, is_plural=item.plan.is_plural),), 4 + number, self._space)
        if item.price:
            prices = wording.by_number(voices.SAY_PRICE[1 if item.plan.is_plural else 0 :])
            yield Piece((prices[0].format(price=item.price),), 3, self._space)
        if place == 0:
            yield Piece(wording.by_number(voices.SAY_CHAT), 8, self._space)

    def _spoken_point(self, point: Point, number: int, *, is_plural: bool) -> str:
        voices = self._voices
        if not self._brief.is_chinese and point.kind is FactKind.COLOR:
            return f"{'They come' if is_plural else 'It comes'} {point.text}."
        frames = voices.SAY_THING if point.is_thing else voices.SAY_OTHER
        if point.kind in (FactKind.QUALITY, FactKind.MATERIAL):
            frames = voices.SAY_QUALITY
        frame = str(frames[(number + self._wording.number) % len(frames)])
        if is_plural:
            frame = frame.replace("It's", "They're").replace("it's", "they're")
        return frame.format(point=point.text)
