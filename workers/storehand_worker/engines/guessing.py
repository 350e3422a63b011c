"""Guesses in a continuous batch: made for every row that copies, checked together in one step, where that pays."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from storehand_worker.engines.decoder import Decoder
from storehand_worker.engines.lookup import Worth, promise
from storehand_worker.engines.row import Row

log = logging.getLogger(__name__)

GUESS_TOKENS = 3
"""So many tokens are guessed ahead at most (option `guess_tokens`; 0: none)."""
GUESS_ROWS = 8
"""Beside more rows guesses cost about what they bring, also for a model that copies its prompt (DECISIONS.md)."""


class Guesser:
    """Of one engine; only for its thread."""

    def __init__(self, decoder: Decoder, *, most: int) -> None:
        self._decoder = decoder
        self._most = most
        self.worth = Worth()

    def guess(self, rows: Sequence[Row]) -> list[list[int]]:
        """What each row may say next; nothing at all where checking it would cost more than it promises."""
        if not self._most or len(rows) > GUESS_ROWS:
            return []
        guesses = [row.guess(self._most, hope=self.worth.hope) for row in rows]
        promised = sum(
            promise(row.lookup.hope, len(guess)) for row, guess in zip(rows, guesses, strict=True) if row.lookup
        )
        return guesses if promised and self.worth.pays(len(rows), promised) else []

    def check(self, rows: Sequence[Row], guesses: Sequence[Sequence[int]]) -> tuple[Tensor, list[int]] | None:
        """How many guesses of each row (in the slots from 0 on) are right, and the logits after those. None where the
        forward fails: without guesses the step can be taken apart."""
        chunks = [[row.out[-1], *guess] for row, guess in zip(rows, guesses, strict=True)]
        try:
            logits = self._decoder.extend(chunks, [row.length for row in rows], first=0, every=True)
        except Exception:  # the border: anything a model may raise
            log.debug("guesses could not be checked; the step is repeated without", exc_info=True)
            self.worth.fail(len(rows))
            return None
        right = agreement(logits, guesses, suppress=self._decoder.suppress)
        for row, guess, count in zip(rows, guesses, right, strict=True):
            if row.lookup is not None:
                row.lookup.learn(len(guess), count)
                self.worth.learn(len(guess), count)
        return logits[torch.arange(len(rows)), right], right


def agreement(logits: Tensor, guesses: Sequence[Sequence[int]], *, suppress: Tensor | None) -> list[int]:
    """How many guessed tokens of each row are the model's own choice, up to the first that is not. `logits` [rows,
    tokens, vocabulary] are those after each row's last token and after each guess."""
    if suppress is not None:
        logits[:, :, suppress] = -torch.inf
    right = []
    for guess, chosen in zip(guesses, logits.argmax(-1).tolist(), strict=True):
        wrong = [place for place, token in enumerate(guess) if token != chosen[place]]
        right.append(wrong[0] if wrong else len(guess))
    return right
