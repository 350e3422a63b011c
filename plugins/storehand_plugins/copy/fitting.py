"""Puts the pieces of a component together so that the limit holds: shorter wordings, fewer pieces, nothing cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

NEEDED = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to say. `wordings` are complete in themselves, the best first; `gap` stands between it and the text
    before, one space never twice. Weight 0 is needed and comes before all; of the rest the heaviest goes first."""

    wordings: tuple[str, ...]
    weight: int = 1
    gap: str = " "


def compose(pieces: Sequence[Piece], fits: Callable[[str], bool]) -> str:
    """The pieces in their order, each in its best wording that leaves room for the needed ones.

    Needed pieces are placed in their shortest form first, so that one long sentence does not push another out, and
    then grow as far as there is room.
    """
    chosen: dict[int, str] = {}

    def text(index: int, wording: str) -> str:
        return _joined(pieces, {**chosen, index: wording})

    needed = [index for index, piece in enumerate(pieces) if piece.weight == NEEDED]
    for index in needed:
        for wording in sorted(pieces[index].wordings, key=len):
            if fits(text(index, wording)):
                chosen[index] = wording
                break
    others = sorted((i for i, piece in enumerate(pieces) if piece.weight != NEEDED), key=lambda i: pieces[i].weight)
    for index in [*needed, *others]:
        best = next((wording for wording in pieces[index].wordings if fits(text(index, wording))), None)
        if best is not None:
            chosen[index] = best
    return _joined(pieces, chosen)


def _joined(pieces: Sequence[Piece], chosen: dict[int, str]) -> str:
    text = ""
    for index, piece in enumerate(pieces):
        if wording := chosen.get(index):
            text += (piece.gap if text and not (text[-1].isspace() and piece.gap == " ") else "") + wording
    return text
