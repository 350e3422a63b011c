"""The closed vocabulary that the starter text model is asked in: languages, tones, kinds of facts, slots."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, get_args

Language = Literal["en", "zh"]
Tone = Literal["neutral", "warm", "lively", "professional", "minimal"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
TONES: tuple[Tone, ...] = get_args(Tone)
MAX_FACTS = 16
"""Facts that one model text can hold; the realiser says the rest."""


class FactKind(StrEnum):
    """What role a fact plays in a sentence; a plan lists its facts in this order."""

    FEATURE = "feature"  # a thing without a key: "Night mode", "双摄像头"
    QUALITY = "quality"  # a property without a key: "dishwasher safe", "支持快充"
    MATERIAL = "material"
    COLOR = "color"
    SIZE = "size"
    AMOUNT = "amount"  # key and number: battery 5000 mAh
    WORD = "word"  # key and anything else: neckline round
    NOTE = "note"  # key and no: waterproof, no
    PHRASE = "phrase"  # half a sentence: "Keeps drinks hot for 12 hours"; for the realiser alone


MODEL_KINDS: tuple[FactKind, ...] = tuple(kind for kind in FactKind if kind is not FactKind.PHRASE)
"""Kinds that the starter model has learnt."""

KEYED = (FactKind.AMOUNT, FactKind.WORD, FactKind.NOTE)
"""Kinds whose key is said too, from a slot of its own."""

NAME, BRAND, TITLE, BODY = "<name>", "<brand>", "<title>", "<body>"
ONE, MANY, KEY_ONE, KEY_MANY = "<one>", "<many>", "<key>", "<keys>"


def key_slot(number: int) -> str:
    return f"<k{number}>"


def value_slot(number: int) -> str:
    return f"<v{number}>"


SLOTS: tuple[str, ...] = (
    NAME,
    BRAND,
    *(slot(number) for number in range(1, MAX_FACTS + 1) for slot in (key_slot, value_slot)),
)
"""Every placeholder that is filled after generation."""


def control_tokens(groups: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens that only a prompt holds, and the two that part an answer."""
    words = [*LANGUAGES, *TONES, *MODEL_KINDS, *(f"g:{group}" for group in groups)]
    return (*(f"<{word}>" for word in words), ONE, MANY, KEY_ONE, KEY_MANY, TITLE, BODY)
