"""How many tokens a text may have for a model whose tokenizer is not here: by script, rather too many than too few."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storehand.task import Message, Prompt

TURN_TOKENS = 5
"""What a chat template puts around one message."""
_UNITS = re.compile(r"(?P<word>[A-Za-z]+)|(?P<han>[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef])|(?P<other>[^\s])|\n")
_LETTERS_PER_TOKEN = 4
_ASTRAL_TOKENS = 3
"""Emoji and rare characters: byte-level tokenizers take about one token per byte or two."""


def estimate_tokens(text: str) -> int:
    """Latin words: a token per four letters, begun ones counted (about 1.4 a word); Han, kana, hangul, digits and
    punctuation: one each; other letters: one each; emoji: three."""
    tokens = 0
    for found in _UNITS.finditer(text):
        word = found["word"]
        if word:
            tokens += -(-len(word) // _LETTERS_PER_TOKEN)
        else:
            tokens += _ASTRAL_TOKENS if found.group() > "\uffff" else 1
    return tokens


def estimate_prompt(prompt: Prompt) -> int:
    if isinstance(prompt, str):
        return estimate_tokens(prompt)
    return TURN_TOKENS + sum(TURN_TOKENS + estimate_tokens(each.content) for each in prompt)


def surely(tokens: int) -> int:
    """What a text of this estimate has at the very least: a refusal must not rest on a guess."""
    return tokens // 2


def plain(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(message.content for message in prompt)


def turns(prompt: Prompt) -> list[dict[str, str]]:
    """As the API wants messages; plain text is one user's turn."""
    messages: Sequence[Message] = [Message("user", prompt)] if isinstance(prompt, str) else prompt
    return [{"role": each.role, "content": each.content} for each in messages]
