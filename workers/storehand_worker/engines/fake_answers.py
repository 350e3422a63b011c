"""What the fake engine says: plausible in shape, made of hashes, the same for the same input.

What it said of a text it remembers: under load the lane is what should be seen, not the making of answers.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from functools import lru_cache
from typing import Literal

from storehand.smallest_json import smallest_json
from storehand.task import Classification, GenerateOptions, Prompt

LABELS = ("negative", "neutral", "positive")
VECTOR_SIZE = 8
_VOCABULARY = ("light ", "warm ", "sturdy ", "neat ", "quiet ", "bright ", "轻便", "舒适", "耐用", "好看")
_END = "。"
_DIGEST = struct.Struct(f">{VECTOR_SIZE}H")
_PIECE = re.compile(r"\w+|\W")
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")

_remembered = lru_cache(4096)

Reason = Literal["stop", "length"]


@_remembered
def count_words(text: str) -> int:
    """Words, with every Chinese character as one."""
    return len(_WORD.findall(text))


def plain(prompt: Prompt) -> str:
    """A prompt as one text."""
    return prompt if isinstance(prompt, str) else "\n".join(f"{turn.role}: {turn.content}" for turn in prompt)


def compose(text: str, options: GenerateOptions, *, seed: int, words: int) -> tuple[list[str], Reason]:
    """The words of an answer, as sampling with these options would end it; the smallest JSON of a schema."""
    if options.json_schema is not None:
        said = _PIECE.findall(smallest_json(options.json_schema))
    else:
        source = f"{seed if options.temperature > 0 else 0}|{text}".encode()
        said = [_VOCABULARY[byte % len(_VOCABULARY)] for byte in hashlib.shake_128(source).digest(words - 1)]
        said.append(_END)
    reason: Reason = "stop" if len(said) <= options.max_new_tokens else "length"
    said = said[: options.max_new_tokens]
    whole = "".join(said)
    stops = [at for stop in options.stop if (at := whole.find(stop)) >= 0]
    if not stops:
        return said, reason
    cut: list[str] = []
    left = min(stops)
    for word in said:
        cut.append(word[:left])
        left -= len(cut[-1])
        if left <= 0:
            break
    return cut, "stop"


def classify(text: str, *, truncated: bool) -> Classification:
    """Label probabilities that sum to 1."""
    return Classification(dict(_probabilities(text)), truncated=truncated)


@_remembered
def _probabilities(text: str) -> dict[str, float]:
    weights = [math.exp(3 * number) for number in _numbers(text)[: len(LABELS)]]
    total = sum(weights)
    return {label: weight / total for label, weight in zip(LABELS, weights, strict=True)}


@_remembered
def embed(text: str) -> tuple[float, ...]:
    """A vector of length 1."""
    vector = [2 * number - 1 for number in _numbers(text)]
    length = math.hypot(*vector)
    return tuple(number / length for number in vector)


def score(text: str) -> float:
    """Between 0 and 1."""
    return _numbers(text)[0]


def _numbers(text: str) -> list[float]:
    digest = hashlib.blake2b(text.encode(), digest_size=2 * VECTOR_SIZE).digest()
    return [(number + 0.5) / 65536 for number in _DIGEST.unpack(digest)]
