"""The body of each channel as pieces: what is said, in which order, and what gives way when room is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from storehand.contracts.copy import Channel
from storehand_plugins.copy.fitting import NEEDED, Piece
from storehand_plugins.copy.items import Item
from storehand_plugins.copy.wording import Wording

Paragraphs = Mapping[int, Sequence[str]]
"""Sentences with the facts of the product at that place."""

_LONG: tuple[Channel, ...] = ("email", "wechat", "article", "livestream", "xiaohongshu", "social")
_SENTENCES = 6


class Body:
    """One variant's body. `told` are a chat model's own sentences; they stand for everything but the facts of the
    offer and what the law and the mailer ask for."""

    def __init__(self, wording: Wording, paragraphs: Paragraphs, told: Sequence[str] = ()) -> None:
        self._wording = wording
        self._brief = wording.brief
        self._voices = wording.voices
        self._paragraphs = paragraphs
        self._told = told
        self._space = "" if self._brief.is_chinese else " "

    def pieces(self) -> list[Piece]:
        """In the order of the text."""
        build: dict[Channel, Callable[[], Iterator[Piece]]] = {
            "email": self._letter,
            "wechat": self._letter,
            "article": self._article,
            "sms": self._sms,
            "push": self._short,
            "ad_search": self._short,
            "social": self._post,
            "xiaohongshu": self._note,
            "livestream": self._script,
        }
        return [piece for piece in build[self._brief.channel]() if piece.wordings]

    # channels

    def _letter(self) -> Iterator[Piece]:
        is_mail = self._brief.channel == "email"
        yield from self._greeting(has_hello=is_mail)
        yield from self._story(self._opener(), gap="\n\n")
        yield self._offer(gap="\n\n")
        yield self._terms(gap="\n")
        yield from self._extras(gap="\n\n")
        yield from self._links(gap="\n\n")
        yield Piece(self._closing(), 7, "\n\n")
        if self._brief.sender:
            yield Piece(self._wording.said((self._voices.SIGN,), sender=self._brief.sender), 8, "\n\n")
        yield from self._unsubscribes()

    def _article(self) -> Iterator[Piece]:
        yield from self._greeting(has_hello=False)
        yield from self._story(self._opener(), gap="\n\n", has_headings=True)
        yield self._offer(gap="\n\n")
        yield self._terms(gap="\n")
        yield from self._extras(gap="\n\n")
        yield from self._links(gap="\n\n")
        yield Piece(self._closing(), 7, "\n\n")
        yield from self._unsubscribes()

    def _sms(self) -> Iterator[Piece]:
        brief, space = self._brief, self._space
        if brief.sender:
            yield Piece(self._wording.said((self._voices.SENDER,), sender=brief.sender), NEEDED)
        for token in brief.tokens.names:
            yield Piece(self._wording.said(self._voices.GREETINGS_SHORT, token=token), NEEDED, "")
        line = Piece(self._line(), 1, "")
        offer = self._offer(gap="" if brief.is_chinese else " ")
        yield from (offer, Piece(line.wordings, 1, space)) if self._is_offer_first else (line, offer)
        for token in (*brief.tokens.links, *brief.tokens.others, *brief.tokens.unsubscribes):
            yield Piece((token,), NEEDED, " ")
        yield Piece(self._stop(), NEEDED, " " if not brief.is_chinese else "")

    @property
    def _is_offer_first(self) -> bool:
        """Every other variant, so that short texts with the same facts differ."""
        return self._brief.offer is not None and not self._brief.sender and self._wording.number % 2 == 1

    def _stop(self) -> tuple[str, ...]:
        return tuple(self._voices.STOP_SMS) if self._brief.channel == "sms" else ()

    def _short(self) -> Iterator[Piece]:
        for token in self._brief.tokens.names:
            yield Piece(self._wording.said(self._voices.GREETINGS_SHORT, token=token), NEEDED)
        line, offer = self._line(), self._offer(gap=self._space)
        if self._brief.offer and self._wording.number % 2:
            yield offer
            yield Piece(line, 1, self._space)
        else:
            yield Piece(line, 1, "" if self._brief.tokens.names else self._space)
            yield offer
        if self._brief.keywords:
            yield from self._keywords(gap=self._space)
        yield from self._loose(" ")

    def _post(self) -> Iterator[Piece]:
        yield from self._greeting(has_hello=False)
        yield from self._story(self._opener(), gap="\n", sentences=3)
        yield self._offer(gap="\n\n")
        yield self._terms(gap="\n")
        yield from self._extras(gap="\n")
        yield Piece(self._closing(), 7, "\n")
        yield from self._loose("\n")

    def _note(self) -> Iterator[Piece]:
        wording = self._wording
        yield from self._greeting(has_hello=False)
        opener = self._told or wording.said(wording.frames(wording.phrases.NOTES))
        yield from self._told_or(opener)
        if not self._told:
            yield from self._bullets()
        offer = self._offer(gap="\n\n")
        yield Piece(tuple(wording.toned(f"💰 {each}") for each in offer.wordings), NEEDED, "\n\n")
        yield self._terms(gap="\n")
        yield from self._extras(gap="\n")
        yield Piece(self._closing(), 7, "\n\n")
        yield from self._loose("\n")

    def _script(self) -> Iterator[Piece]:
        wording, voices = self._wording, self._voices
        for token in self._brief.tokens.names:
            yield Piece(wording.said(voices.GREETINGS["warm"], token=token), NEEDED, "\n")
        yield from self._told_or(self._told or wording.said(wording.frames(wording.phrases.SPOKEN)))
        if not self._told:
            for place, item in enumerate(self._brief.items):
                yield from self._spoken(place, item)
        offer = self._offer(gap="\n\n")
        lead = wording.by_number(voices.SAY_OFFER)[0]
        yield Piece((*(lead + self._space + each for each in offer.wordings), *offer.wordings), NEEDED, "\n\n")
        if self._brief.offer and self._brief.offer.terms:
            yield Piece(wording.said((voices.SAY_TERMS,), terms=self._brief.offer.terms), 1, "\n")
        yield from self._extras(gap="\n")
        yield Piece(self._closing(), 7, "\n\n")
        yield from self._loose("\n")

    # parts

    def _line(self) -> tuple[str, ...]:
        wording = self._wording
        if self._told:
            return (self._space.join(self._told), self._told[0])
        return (*wording.said(wording.frames(wording.phrases.LINES)), *wording.said(wording.phrases.LINES["simple"]))

    def _opener(self) -> tuple[str, ...]:
        """Openers that list highlights are for texts without a paragraph about them."""
        wording = self._wording
        frames = wording.frames(wording.phrases.OPENERS)
        free = tuple(frame for frame in frames if "{points}" not in frame)
        return wording.said((free or frames) if self._paragraphs else frames)

    def _told_or(self, opener: Sequence[str]) -> Iterator[Piece]:
        if not self._told:
            yield Piece(tuple(opener), 1, "\n")
            return
        for number, sentence in enumerate(self._told):
            yield Piece((sentence,), 1 + number, self._space if number else "\n")

    def _story(
        self, opener: tuple[str, ...], *, gap: str, has_headings: bool = False, sentences: int = _SENTENCES
    ) -> Iterator[Piece]:
        """What the model told, or opening and products."""
        if self._told:
            for number, sentence in enumerate(self._told):
                yield Piece((sentence,), 1 + number, self._space if number else gap)
            return
        yield Piece(opener, 1, gap)
        items = self._brief.items
        if len(items) == 1 or has_headings:
            for place, item in enumerate(items):
                if has_headings and len(items) > 1:
                    yield Piece(item.names, 2 + place, "\n\n")
                    yield Piece(self._scene_of(item), 3 + place, "\n")
                yield from self._paragraph(place, gap="\n" if has_headings and len(items) > 1 else gap, limit=sentences)
            return
        yield Piece(self._wording.by_number(self._voices.LIST_INTRO), 3, gap)
        for item in items:
            yield Piece(tuple(f"· {row}" for row in self._row(item)), 2, "\n")

    def _paragraph(self, place: int, *, gap: str, limit: int) -> Iterator[Piece]:
        for number, sentence in enumerate(self._paragraphs.get(place, ())[:limit]):
            yield Piece((sentence,), 3 + place + number, self._space if number else gap)

    def _scene_of(self, item: Item) -> tuple[str, ...]:
        scene = item.scenes[self._wording.number % len(item.scenes)]
        return (f"适合{scene}。",) if self._brief.is_chinese else (f"For {scene}.",)

    def _row(self, item: Item) -> tuple[str, ...]:
        """Name, highlights and price; ever less of them."""
        words = {"points": self._wording.listed(item), "price": item.price}
        rows = []
        for frame in self._voices.LIST_ROW:
            if any("{" + key + "}" in frame and not value for key, value in words.items()):
                continue
            rows += [frame.format(name=name, **words) for name in item.names]
        return tuple(rows)

    def _bullets(self) -> Iterator[Piece]:
        bullets = self._wording.by_number(self._voices.BULLETS)
        if len(self._brief.items) > 1:
            for number, item in enumerate(self._brief.items):
                mark = bullets[number % len(bullets)]
                yield Piece(
                    tuple(self._wording.toned(f"{mark} {row}") for row in self._row(item)),
                    2,
                    "\n\n" if not number else "\n",
                )
            return
        item = self._brief.items[0]
        for number, point in enumerate(self._wording.points(item)[:5]):
            yield Piece(
                (self._wording.toned(f"{bullets[number]} {point.text}"),), 2 + number, "\n" if number else "\n\n"
            )
        if item.price:
            yield Piece((self._voices.PRICE.format(price=item.price),), 6, "\n")

    def _spoken(self, place: int, item: Item) -> Iterator[Piece]:
        wording, voices = self._wording, self._voices
        leads = voices.SAY_NEXT
        lead = leads[0] if place == 0 else leads[1 + (place + wording.number) % (len(leads) - 1)]
        yield Piece(
            tuple(lead.format(name=wording.the(name)) for name in item.names), 2, "\n\n" if place == 0 else "\n"
        )
        count = 5 if len(self._brief.items) == 1 else 3
        for number, point in enumerate(wording.points(item)[:count]):
            yield Piece((voices.SAY_POINT[number].format(point=point.text),), 4 + number, self._space)
        if item.price:
            yield Piece((wording.by_number(voices.SAY_PRICE)[0].format(price=item.price),), 3, self._space)

    def _greeting(self, *, has_hello: bool) -> Iterator[Piece]:
        voices, tone = self._voices, self._brief.tone
        for token in self._brief.tokens.names:
            yield Piece(
                (
                    *self._wording.said(voices.GREETINGS[tone], token=token),
                    *self._wording.said(voices.GREETINGS_SHORT, token=token),
                ),
                NEEDED,
                "\n",
            )
        if has_hello and not self._brief.tokens.names:
            yield Piece(self._wording.said(self._wording.by_number(voices.HELLOS[tone])), 8)

    def _offer(self, *, gap: str) -> Piece:
        offer = self._brief.offer
        if offer is None or self._states_offer():
            return Piece(())
        return Piece((self._wording.by_number(offer.sentences)[0], *offer.shorts), NEEDED, gap)

    def _states_offer(self) -> bool:
        """Whether the model's own sentences say every fact already."""
        told = " ".join(self._told)
        offer = self._brief.offer
        return (
            bool(told)
            and offer is not None
            and all(
                any(each in told for each in wordings) for name, wordings in offer.wordings.items() if name != "terms"
            )
        )

    def _terms(self, *, gap: str) -> Piece:
        offer = self._brief.offer
        if offer is None or not offer.terms or self._brief.channel not in _LONG:
            return Piece(())
        return Piece((self._voices.TERMS.format(terms=offer.terms),), 1, gap)

    def _extras(self, *, gap: str) -> Iterator[Piece]:
        """The shop's notes and keywords, where the angle has not said them."""
        trends = self._brief.trends[1 if self._wording.angle == "trend" else 0 :]
        for trend in trends[:2]:
            yield Piece(self._wording.said(self._voices.TREND, trend=trend), 6, gap)
        if "hashtags" not in self._brief.components:
            yield from self._keywords(gap=gap)

    def _keywords(self, *, gap: str) -> Iterator[Piece]:
        for number, keyword in enumerate(self._brief.keywords[:3]):
            frames = (self._voices.KEYWORD[number % len(self._voices.KEYWORD)],)
            yield Piece(self._wording.said(frames, keyword=keyword), 5, gap if not number else self._space)

    def _closing(self) -> tuple[str, ...]:
        closings = self._voices.CLOSINGS[self._brief.tone]
        return self._wording.said(self._wording.by_number(closings)) if not self._told else ()

    def _links(self, *, gap: str) -> Iterator[Piece]:
        for token in self._brief.tokens.links:
            yield Piece((self._voices.LINK.format(token=token), token), NEEDED, gap)
        for token in self._brief.tokens.others:
            yield Piece((token,), NEEDED, "\n")

    def _unsubscribes(self) -> Iterator[Piece]:
        for token in self._brief.tokens.unsubscribes:
            yield Piece((self._voices.UNSUBSCRIBE.format(token=token), token), NEEDED, "\n\n")

    def _loose(self, gap: str) -> Iterator[Piece]:
        tokens = self._brief.tokens
        for token in (*tokens.links, *tokens.others, *tokens.unsubscribes):
            yield Piece((token,), NEEDED, gap)
