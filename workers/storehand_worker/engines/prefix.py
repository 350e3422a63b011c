"""Which beginnings of prompts are remembered: those that two prompts had in common, block by block.

A block is `BLOCK` tokens; it is known by its tokens and the block before it, compared token by token. The first prompt
with a block leaves a trace, the second one makes it worth a place, later ones need not compute it. The places of the
longest unused blocks are given away first, a chain's end before its beginning.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

BLOCK = 16
TRACES = 8
"""Traces for every place, and at least 4,096."""

Key = tuple[int, tuple[int, ...]]
"""The number of the block before it (0: none), and its tokens."""


class Kept(NamedTuple):
    number: int
    place: int


class Prefixes:
    """Pure: places are numbers; who has the memory copies what belongs there."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = list(reversed(range(places)))
        self._numbers = count(1)
        self._kept: OrderedDict[Key, Kept] = OrderedDict()  # the longest unused first
        self._traces: OrderedDict[Key, int] = OrderedDict()
        self._max_traces = max(TRACES * places, 4096) if places else 0

    def forget(self) -> None:
        """All of it: nobody knows any more what the memory holds."""
        self._free = list(reversed(range(self._places)))
        self._kept.clear()
        self._traces.clear()

    def find(self, prompt: Sequence[int]) -> list[int]:
        """The places of the prompt's first blocks, as far as they are kept; its last token is never among them."""
        chain: list[Key] = []
        before = 0
        for tokens in _blocks(prompt):
            kept = self._kept.get((before, tokens))
            if kept is None:
                break
            chain.append((before, tokens))
            before = kept.number
        self._touch(chain)
        return [self._kept[key].place for key in chain]

    def learn(self, prompt: Sequence[int]) -> list[tuple[int, int]]:
        """Blocks of a computed prompt that are to be copied: (number in the prompt, place)."""
        if not self._max_traces:
            return []
        chain: list[Key] = []
        new: list[tuple[int, int]] = []
        before = 0
        for index, tokens in enumerate(_blocks(prompt)):
            key = (before, tokens)
            kept = self._kept.get(key)
            if kept is None and key in self._traces:
                place = self._take(chain)
                if place is None:
                    break
                kept = self._kept[key] = Kept(self._traces.pop(key), place)
                new.append((index, place))
            if kept is None:
                before = self._trace(key)
            else:
                chain.append(key)
                before = kept.number
        self._touch(chain)
        return new

    def _trace(self, key: Key) -> int:
        number = self._traces[key] = next(self._numbers)
        if len(self._traces) > self._max_traces:
            self._traces.popitem(last=False)
        return number

    def _take(self, chain: Sequence[Key]) -> int | None:
        """A free place, or that of the longest unused block; none when that is of the same prompt."""
        if self._free:
            return self._free.pop()
        if next(iter(self._kept)) in chain:
            return None
        return self._kept.popitem(last=False)[1].place

    def _touch(self, chain: Sequence[Key]) -> None:
        for key in reversed(chain):  # so that a block outlives those that follow it
            self._kept.move_to_end(key)


def _blocks(prompt: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Whole blocks that leave at least one token to compute: it gives the first logits."""
    for end in range(BLOCK, len(prompt), BLOCK):
        yield tuple(prompt[end - BLOCK : end])
