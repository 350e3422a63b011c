"""What transformers' `generate` makes of the same load: one request at a time, or padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from tests.bench.machine import measured
from tests.bench.random_text import Work, tokens_of
from tests.bench.rounds import Run

TIE = 1e-4
"""Two logits nearer than this may change places with the shape of a batch."""


class Generate:
    """One loaded model."""

    def __init__(self, folder: str, *, dtype: str = "float32") -> None:
        from transformers import AutoModelForCausalLM

        disable_progress_bar()
        self._model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=getattr(torch, dtype)
        ).eval()

    def run(self, work: Sequence[Work], *, batch: int = 1) -> Run:
        """`batch` requests at a time, padded on the left; every batch runs to its longest. Useful tokens count."""
        with measured() as used:
            self.texts(work, batch=batch)
        return Run.of(used, tokens_of(work))

    @torch.inference_mode()
    def texts(self, work: Sequence[Work], *, batch: int = 1) -> list[list[int]]:
        """The tokens written for each request."""
        written: list[list[int]] = []
        for start in range(0, len(work), batch):
            written += self._batch(work[start : start + batch])
        return written

    def _batch(self, work: Sequence[Work]) -> list[list[int]]:
        width = max(len(each.prompt) for each in work)
        ids = torch.tensor([[*[0] * (width - len(each.prompt)), *each.prompt] for each in work])
        longest = max(each.tokens for each in work)
        rows = self._model.generate(
            ids, attention_mask=(ids != 0).long(), max_new_tokens=longest, do_sample=False, pad_token_id=0
        )
        return [row[width : width + each.tokens].tolist() for row, each in zip(rows, work, strict=True)]

    @torch.inference_mode()
    def difference(self, work: Work, text: Sequence[int], other: Sequence[int]) -> float | None:
        """None for equal texts, else how far the two highest logits lie apart where they part: under `TIE` both are
        right."""
        if list(text) == list(other):
            return None
        shorter = min(len(text), len(other))
        same = next((number for number in range(shorter) if text[number] != other[number]), shorter)
        logits = self._model(torch.tensor([[*work.prompt, *text[:same]]])).logits[0, -1]
        first, second = logits.topk(2).values.tolist()
        return float(first - second)


def equality(reference: Generate, work: Sequence[Work], texts: Sequence[Sequence[int]]) -> str:
    """One sentence: how the texts compare with those of `generate`, one by one."""
    gaps = [
        reference.difference(each, expected, text)
        for each, expected, text in zip(work, reference.texts(work), texts, strict=True)
    ]
    parted = [gap for gap in gaps if gap is not None]
    wrong = [gap for gap in parted if gap >= TIE]
    ties, equal = len(parted) - len(wrong), len(gaps) - len(parted)
    sentence = f"{equal} of {len(gaps)} texts equal to `generate`, {ties} part at a tie"
    return sentence + (f", {len(wrong)} DIFFER (gaps {', '.join(f'{gap:.1e}' for gap in wrong)})" if wrong else "")
