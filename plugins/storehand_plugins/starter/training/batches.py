"""Token batches for training: rows of like length side by side, the loss on the answer only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from transformers import PreTrainedTokenizerFast

from storehand_plugins.starter.training import corpus, vocabulary

ROWS_DRAWN = 768
"""Rows sorted by length at a time: enough for batches without much padding."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` (rows, tokens); `is_answer` marks the positions whose *next* token is learnt."""

    ids: torch.Tensor
    is_answer: torch.Tensor


def batches(tokenizer: PreTrainedTokenizerFast, seed: int, *, tokens: int) -> Iterator[Batch]:
    """Endless batches of about `tokens` tokens with padding."""
    source = corpus.pairs(seed)
    order = torch.Generator().manual_seed(seed)
    pad = tokenizer.get_vocab()[vocabulary.PAD]
    while True:
        drawn = list(islice(source, ROWS_DRAWN))
        prompts = tokenizer([prompt for prompt, _ in drawn]).input_ids
        answers = tokenizer([answer + vocabulary.END for _, answer in drawn]).input_ids
        rows = sorted(zip(prompts, answers, strict=True), key=lambda row: len(row[0]) + len(row[1]))
        cut = list(_cut(rows, tokens))
        for index in torch.randperm(len(cut), generator=order).tolist():
            yield _pack(cut[index], pad)


def _cut(rows: list[tuple[list[int], list[int]]], tokens: int) -> Iterator[list[tuple[list[int], list[int]]]]:
    batch: list[tuple[list[int], list[int]]] = []
    for row in rows:
        if batch and (len(batch) + 1) * (len(row[0]) + len(row[1])) > tokens:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _pack(rows: list[tuple[list[int], list[int]]], pad: int) -> Batch:
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.full((len(rows), width), pad)
    is_answer = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, (prompt, answer) in enumerate(rows):
        ids[index, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        is_answer[index, len(prompt) - 1 : len(prompt) + len(answer) - 1] = True
    return Batch(ids, is_answer)
