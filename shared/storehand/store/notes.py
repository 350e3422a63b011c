"""A job's history as text: one line of JSON per note. The stores that keep it so share this."""

from __future__ import annotations

import json
from collections.abc import Iterable

from storehand.job import NewNote, Note
from storehand.store import HISTORY_NOTES

_encode = json.JSONEncoder(separators=(",", ":")).encode


def claimed(owner: str, attempt: int) -> NewNote:
    return NewNote("claimed", {"owner": owner, "attempt": attempt})


def crashed(owner: str | None) -> NewNote:
    """`owner` is the dead one."""
    return NewNote("crashed", {"owner": owner})


CANCEL_REQUESTED = NewNote("cancel_requested")


def encode_notes(notes: Iterable[NewNote], now: float) -> str | None:
    """Lines to add to a history; none for no notes."""
    return "\n".join([_encode([now, note.what, dict(note.data)]) for note in notes]) or None


def add_lines(history: str | None, added: str | None) -> str | None:
    """The history with the lines; a long one loses its middle, because how a job began and how it ends tell most."""
    if not history or not added:
        return history or added
    joined = f"{history}\n{added}"
    if joined.count("\n") < HISTORY_NOTES:
        return joined
    lines, half = joined.split("\n"), HISTORY_NOTES // 2
    return "\n".join([*lines[:half], *lines[-half:]])


def decode_notes(history: str | None) -> list[Note]:
    return [Note(*json.loads(line)) for line in history.split("\n")] if history else []
