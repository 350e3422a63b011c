"""The body of each channel as pieces: what is said, in which order, and what gives way when room is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from storehand.contracts.copy import Channel
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.copy.fitting import NEEDED, Piece
from storehand_plugins.copy.shelf import Paragraphs, Shelf
from storehand_plugins.copy.wording import Wording

_LONG: tuple[Channel, ...] = ("email", "wechat", "article", "livestream", "xiaohongshu", "social")
_SENTENCES = 6


class Body:
    """One variant's body. `told` are a chat model's own sentences; they stand for everything but the facts of the
    offer and what the law and the mailer ask for."""

    def __init__(self, wording: Wording, paragraphs: Paragraphs, told: Sequence[str] = ()) -> None:
        self._wording = wording
        self._brief = wording.brief
        self._voices = wording.voices
        self._has_paragraphs = bool(paragraphs)
        self._shelf = Shelf(wording, paragraphs)
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
        yield Piece(self._sign(), 8, "\n\n")
        yield from self._unsubscribes()

    def _article(self) -> Iterator[Piece]:
        yield from self._greeting(has_hello=False)
        yield from self._story(self._opener(), gap="\n\n", has_headings=True)
        offer = self._offer(gap="\n")
        if offer.wordings and not self._told:
            yield Piece(self._wording.by_number(self._voices.SECTIONS["offer"])[:1], 5, "\n\n")
        yield Piece(offer.wordings, NEEDED, "\n\n" if self._told else "\n")
        yield self._terms(gap="\n")
        yield from self._extras(gap="\n\n")
        yield from self._links(gap="\n\n")
        if not self._told:
            yield Piece(self._wording.by_number(self._voices.ADVICE), 7, "\n\n")
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
        return (self._wording.by_number(self._voices.STOP_SMS)[0], *self._voices.STOP_SHORT)

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
            yield from self._shelf.bullets()
        offer = self._offer(gap="\n\n")
        yield Piece(tuple(wording.toned("💰 ") + each for each in offer.wordings), NEEDED, "\n\n")
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
                yield from self._shelf.spoken(place, item)
        offer = self._offer(gap="\n\n")
        lead = wording.by_number(voices.SAY_OFFER)[0]
        if self._brief.offer and offer.wordings:  # the last two sentences have a lead of their own
            offer = Piece((wording.by_number(self._brief.offer.sentences[:3])[0], *self._brief.offer.shorts), NEEDED)
        yield Piece((*(lead + self._space + each for each in offer.wordings), *offer.wordings), NEEDED, "\n\n")
        if self._brief.offer and self._brief.offer.terms:
            yield Piece(wording.said((voices.SAY_TERMS,), terms=self._brief.offer.terms), 1, "\n")
        yield from self._extras(gap="\n")
        yield from self._loose("\n")

    # parts

    def _line(self) -> tuple[str, ...]:
        wording = self._wording
        if self._told:
            return (self._space.join(self._told), self._told[0])
        lines = (
            *wording.said(wording.frames(wording.phrases.LINES, fixed=1)),
            *wording.said(wording.by_number(wording.phrases.LINES["simple"])),
        )
        lines = tuple(sorted(lines, key=lambda line: not any(name in line for name in self._brief.names)))
        return tuple(dict.fromkeys(map(self._without_sender, lines))) if self._brief.channel == "sms" else lines

    def _without_sender(self, line: str) -> str:
        """An SMS names its sender in front: "Hillside: Hillside Coffee" would say it twice."""
        sender = self._brief.sender
        start = line.find(f"{sender}{self._space}") if sender else -1
        if start < 0 or not (rest := line[start + len(sender) :].lstrip())[:1].isalnum():
            return line
        return line[:start] + rest

    def _opener(self) -> tuple[str, ...]:
        """Openers that list highlights are for texts without a paragraph about them."""
        wording = self._wording
        frames = wording.frames(wording.phrases.OPENERS)
        free = tuple(frame for frame in frames if "{points}" not in frame)
        return wording.said((free or frames) if self._has_paragraphs else frames)

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
        if has_headings:
            yield from self._shelf.chapters(sentences)
        elif len(self._brief.items) == 1:
            yield from self._shelf.paragraph(0, gap=gap, limit=sentences)
            if self._brief.channel != "social" and self._wording.angle not in ("scene", "question"):
                lines = self._wording.by_number(self._voices.SCENE_LINES)
                yield Piece(self._wording.said(lines), 6, self._space)
        else:
            yield Piece(self._wording.by_number(self._voices.LIST_INTRO), 3, gap)
            for item in self._brief.items:
                yield Piece(tuple(f"· {row}" for row in self._shelf.row(item)), 2, "\n")

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
        frames = self._wording.by_number(self._voices.TREND)
        for number, trend in enumerate(trends[:2]):
            yield Piece(self._wording.said((*frames[number:], *frames[:number]), trend=trend), 6, gap)
        if "hashtags" not in self._brief.components:
            yield from self._keywords(gap=gap)

    def _keywords(self, *, gap: str) -> Iterator[Piece]:
        said = " ".join(name for item in self._brief.items for name in (item.name, *(p.text for p in item.points)))
        wanted = [keyword for keyword in self._brief.keywords if not find_words(said, [keyword])]
        for number, keyword in enumerate(wanted[:3]):
            frames = self._wording.by_number(self._voices.KEYWORD)
            yield Piece(
                self._wording.said((frames[number % len(frames)],), keyword=keyword),
                5,
                gap if not number else self._space,
            )

    def _closing(self) -> tuple[str, ...]:
        voices, tone = self._voices, self._brief.tone
        if self._told:
            return ()
        is_note = self._brief.channel in ("social", "xiaohongshu") and tone not in ("professional", "minimal")
        return self._wording.said(self._wording.by_number(voices.NOTE_CLOSINGS if is_note else voices.CLOSINGS[tone]))

    def _sign(self) -> tuple[str, ...]:
        """The sender's, or nobody's in particular."""
        voices, sender = self._voices, self._brief.sender
        if not sender:
            return tuple(self._wording.by_number(voices.SIGN_NOBODY))
        return self._wording.said(self._wording.by_number(voices.SIGN), sender=sender)

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
