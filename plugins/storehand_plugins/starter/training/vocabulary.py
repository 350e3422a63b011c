"""The tokenizer of the bundled text model: byte-level BPE over the grammar's own text, with slots as whole tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from storehand_plugins.description.groups import GROUPS
from storehand_plugins.description.kinds import SLOTS, control_tokens
from storehand_plugins.starter.training import corpus

VOCABULARY = 2048
PAD, END = "<pad>", "</s>"
_DIGIT = re.compile(r"[0-9]")
_MARK = re.compile(r"<[^>]+>")


def train(seed: int, *, rows: int = 20_000) -> PreTrainedTokenizerFast:
    """A new tokenizer. Slots and prompt tokens are not `special`, so that decoding keeps them."""
    marks = [*SLOTS, *control_tokens(GROUPS)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        _plain(seed, rows),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY - len(marks),
            special_tokens=[PAD, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in marks])
    build: Any = PreTrainedTokenizerFast  # untyped
    made: PreTrainedTokenizerFast = build(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, clean_up_tokenization_spaces=False
    )
    return made


def digit_tokens(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids that would write a digit outside a slot: the model may never choose them.

    Only 0 to 9 are looked for: in the byte-level alphabet ² and ³ are halves of Chinese characters.
    """
    tokens: dict[str, int] = tokenizer.get_vocab()
    return sorted(number for token, number in tokens.items() if _DIGIT.search(token) and not _MARK.match(token))


def _plain(seed: int, rows: int) -> Iterator[str]:
    for _, text in islice(corpus.pairs(seed), rows):
        yield from filter(None, _MARK.split(text))
