"""Keeps a text within its bounds by choosing whole sentences; none is ever cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from storehand.contracts.description import Length
from storehand_plugins.description.plan import Fact
from storehand_plugins.description.written import Sentence

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(
    r"[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff](?:[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]*[^\W_])?"
)


def words(text: str) -> int:
    """Words, where each Chinese character is one."""
    return len(_HAN.findall(text)) + len(_WORD.findall(text))


def measured(text: str, length: Length) -> int:
    """The text's length in the unit that was asked for."""
    return words(text) if length.unit == "words" else len(text)


class Fitting:
    """Chooses sentences up to `room`; `size` measures one sentence, `between` is what parts two."""

    def __init__(self, room: int, *, size: Callable[[str], int], between: int) -> None:
        self._room = room
        self._size = size
        self._between = between

    def total(self, sentences: Sequence[Sentence]) -> int:
        return sum(self._size(each.text) for each in sentences) + self._between * max(0, len(sentences) - 1)

    def chosen(
        self,
        sentences: Sequence[Sentence],
        wanted: Iterable[Fact],
        *,
        openers: Sequence[Sentence],
        alone: Callable[[Fact], Sequence[Sentence]],
        is_must: Callable[[Fact], bool],
    ) -> list[Sentence]:
        """The opener, then for each fact in the order of `wanted` the sentence that says it, or one of its own, in few
        words, where that is too long. The first of `openers` that leaves the must-mention facts their room is taken;
        where not even one sentence fits, the shortest comes back."""
        wanted = list(wanted)
        tried = [self._with(opener, sentences, wanted, alone) for opener in (*openers, None)]
        tried = [each for each in tried if each]
        if not tried:
            return [min((*sentences, *openers), key=lambda each: self._size(each.text))]
        musts = [sum(is_must(fact) for each in text for fact in each.facts) for text in tried]
        return tried[musts.index(max(musts))]

    def _with(
        self,
        opener: Sentence | None,
        sentences: Sequence[Sentence],
        wanted: Sequence[Fact],
        alone: Callable[[Fact], Sequence[Sentence]],
    ) -> list[Sentence]:
        """In the text's own order; sentences of single facts stand behind the others."""
        body = [each for each in sentences if each.role == "facts"]
        kept: list[Sentence] = [opener] if opener is not None else []
        if self.total(kept) > self._room:
            return []
        said = {fact for each in kept for fact in each.facts}
        for fact in wanted:
            if fact in said:
                continue
            whole = next((each for each in body if fact in each.facts and not said & set(each.facts)), None)
            for each in (whole, *alone(fact)):
                if each is not None and self.total([*kept, each]) <= self._room:
                    kept.append(each)
                    said |= set(each.facts)
                    break
        closer = next((each for each in sentences if each.role == "closer"), None)
        place = {each: number for number, each in enumerate(sentences)}
        start = 1 if opener is not None else 0
        kept[start:] = sorted(kept[start:], key=lambda each: place.get(each, len(place)))
        if closer is not None and self.total([*kept, closer]) <= self._room and len(said) >= len(wanted):
            kept.append(closer)
        return kept
