"""What the fake engine says: plausible in shape, made of hashes, the same for the same input."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Literal

from storehand.task import Classification, GenerateOptions, Prompt

LABELS = ("negative", "neutral", "positive")
VECTOR_SIZE = 8
_VOCABULARY = ("light ", "warm ", "sturdy ", "neat ", "quiet ", "bright ", "轻便", "舒适", "耐用", "好看")
_END = "。"
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")

Reason = Literal["stop", "length"]


def count_words(text: str) -> int:
    """Words, with every Chinese character as one."""
    return sum(1 for _ in _WORD.finditer(text))


def plain(prompt: Prompt) -> str:
    """A prompt as one text."""
    return prompt if isinstance(prompt, str) else "\n".join(f"{turn.role}: {turn.content}" for turn in prompt)


def compose(text: str, options: GenerateOptions, *, seed: int, words: int) -> tuple[list[str], Reason]:
    """The words of an answer, as sampling with these options would end it."""
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
    weights = [math.exp(3 * number) for number in _numbers(text)[: len(LABELS)]]
    shares = [weight / sum(weights) for weight in weights]
    return Classification(dict(zip(LABELS, shares, strict=True)), truncated=truncated)


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
    return [(int.from_bytes(digest[at : at + 2], "big") + 0.5) / 65536 for at in range(0, len(digest), 2)]
