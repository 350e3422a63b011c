"""Random text models and the load that is put on them: lengths vary as real ones do."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storehand.engine import GenerateRequest
from storehand.task import GenerateOptions
from tests.tiny_models import save_text_model, word_tokenizer

VOCABULARY = 6656
MAX_TOKENS = 384
"""Room for the longest prompt with the longest text."""


@dataclass(frozen=True)
class Size:
    """`name` says the parameters, tables of embeddings included once."""

    name: str
    layers: int
    hidden: int


SMALL, MIDDLE, LARGE = Size("5M", 4, 256), Size("30M", 8, 512), Size("130M", 14, 768)


@dataclass(frozen=True)
class Work:
    """One request: prompt tokens, and how many to write."""

    prompt: tuple[int, ...]
    tokens: int

    @property
    def text(self) -> str:
        return " ".join(f"w{token}" for token in self.prompt)


def make_work(requests: int, *, seed: int = 0) -> list[Work]:
    """Prompts of 30 to 200 tokens, texts of 20 to 120."""
    dice = random.Random(seed)  # a load, no secret
    return [
        Work(
            tuple(dice.randrange(2, VOCABULARY) for _ in range(dice.randint(30, 200))),
            dice.randint(20, 120),
        )
        for _ in range(requests)
    ]


def tokens_of(work: Sequence[Work]) -> int:
    return sum(each.tokens for each in work)


def make_model(folder: Path, *, layers: int = 4, hidden: int = 256) -> Path:
    """About 5M parameters by default: the size of the bundled model. It never ends a text by itself."""
    return save_text_model(
        folder,
        tokenizer=word_tokenizer(VOCABULARY),
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 64,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.02,
    )


def requests_of(work: Sequence[Work], options: GenerateOptions | None = None) -> list[GenerateRequest]:
    options = options or GenerateOptions()
    return [
        GenerateRequest(
            id=f"{number}", prompt=each.text, options=replace(options, max_new_tokens=each.tokens), seed=number
        )
        for number, each in enumerate(work)
    ]


def ids_of(text: str) -> list[int]:
    """A written text's tokens."""
    return [int(word[1:]) for word in text.split()]
