"""Tokens to text, piece by piece: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

REPLACEMENT = "\ufffd"
"""What a decoder writes for bytes that are no character (yet)."""

LONGEST = 64
"""Tokens that may wait for the end of a character; after more of them there is none, and what they are is shown."""

Decode = Callable[[Sequence[Any]], str]
"""Of token ids; of pieces of text, where a server sends those."""


class TextStream:
    """The text of one growing row. `push` returns what is sure to be part of it; `text` is all that was returned.

    Decoders are not additive (a leading space may depend on the token before), so a window of recent tokens is
    decoded with and without the new one, and the difference is new. A token costs the same wherever it stands.
    """

    def __init__(self, decode: Decode, stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(stop)
        self._ids: list[Any] = []
        self._context = 0  # start of the window
        self._read = 0  # ids before this one are turned into text already
        self._held = ""
        self._sent: list[str] = []
        self.is_stopped = False

    @property
    def text(self) -> str:
        return "".join(self._sent)

    def push(self, ids: Sequence[Any]) -> str:
        """New text that no later token can change; sets `is_stopped` at a stop string and returns what stood before."""
        if self.is_stopped:
            return ""
        is_lost = len(self._ids) - self._read > LONGEST
        self._ids.extend(ids)
        known = self._decode(self._ids[self._context : self._read])
        whole = self._decode(self._ids[self._context :])
        if len(whole) <= len(known):  # nothing to see: special tokens
            if is_lost:
                del self._ids[self._read :]
            return ""
        if whole.endswith(REPLACEMENT) and not is_lost:
            return ""  # in the middle of a character
        self._context, self._read = self._read, len(self._ids)
        return self._release(whole[len(known) :])

    def write(self, ids: Sequence[Any]) -> None:
        """The whole text at once, the same as if its tokens came one by one."""
        whole = self._decode(ids)
        if whole.endswith(REPLACEMENT):  # how much of that is shown depends on where it began
            for token in ids:
                self.push([token])
            return
        self._ids.extend(ids)
        self._context = self._read = len(self._ids)
        self._release(whole)

    def finish(self) -> str:
        """What was held back and is text after all; a character that was never completed is dropped."""
        if self.is_stopped:
            return ""
        known = self._decode(self._ids[self._context : self._read])
        rest = self._decode(self._ids[self._context :])[len(known) :]
        piece = self._release(rest.rstrip(REPLACEMENT))
        if not self.is_stopped:
            piece, self._held = piece + self._held, ""
            self._sent[-1:] = [piece]
        return piece

    def read(self, ids: Sequence[Any]) -> str:
        """The whole characters of ids that were never pushed; leaves no trace here."""
        return self._decode(ids).rstrip(REPLACEMENT)

    def _release(self, new: str) -> str:
        pending = self._held + new
        end, self.is_stopped = self._find_stop(pending)
        piece, self._held = pending[:end], pending[end:]
        self._sent.append(piece)
        return piece

    def _find_stop(self, text: str) -> tuple[int, bool]:
        """Where the first stop string begins, or where one could still begin."""
        found = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:
            return min(found), True
        longest = max((len(stop) for stop in self._stop), default=1)
        for at in range(max(0, len(text) - longest + 1), len(text)):
            if any(stop.startswith(text[at:]) for stop in self._stop):
                return at, False
        return len(text), False
