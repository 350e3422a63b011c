"""Which token comes next: penalties, then the arg max or a draw, for all rows at once.

A draw inverts the distribution at one uniform number per row and token. The numbers come from the row's own generator
on the CPU, so a request gets the same answer alone as in company, and on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NOISE_BLOCK = 64
FIRST_CANDIDATES = 64
"""Enough for top_p on a trained model nearly always; rows that need more are sorted whole."""


class Noise:
    """The uniform numbers of one row, made in blocks: a generator call per token and row would cost a tenth of a
    step."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed & 0x7FFF_FFFF_FFFF_FFFF)
        self._block: list[float] = []

    def next(self) -> float:
        if not self._block:
            self._block = torch.rand(NOISE_BLOCK, generator=self._generator).tolist()[::-1]
        return self._block.pop()


@dataclass(slots=True, eq=False)
class Sampling:
    """How one row is sampled. `seen` marks the tokens a repetition penalty applies to; none without penalty."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    penalty: float = 1.0
    noise: Noise | None = None
    seen: Tensor | None = None


@torch.inference_mode()  # the logits are inference tensors, and suppressing writes into them
def choose(logits: Tensor, rows: Sequence[Sampling], *, suppress: Tensor | None = None) -> tuple[list[int], list[bool]]:
    """The next token of every row, and whether its logits were sound (no NaN, not all forbidden). May write into
    `logits` [rows, vocabulary]."""
    penalised = [index for index, row in enumerate(rows) if row.seen is not None]
    if penalised:
        _penalise(logits, penalised, rows)
    if suppress is not None:
        logits[:, suppress] = -torch.inf
    best, ids = logits.max(dim=-1)
    sound = torch.isfinite(best).tolist()
    drawn = [index for index, row in enumerate(rows) if row.temperature > 0 and sound[index]]
    if drawn:
        index = torch.tensor(drawn, device=logits.device)
        chosen = logits if len(drawn) == len(rows) else logits[index]
        ids[index] = draw(chosen.float(), [rows[each] for each in drawn])
    tokens = ids.tolist()
    for each in penalised:
        seen = rows[each].seen
        assert seen is not None
        seen[tokens[each]] = True
    return tokens, sound


def _penalise(logits: Tensor, indexes: list[int], rows: Sequence[Sampling]) -> None:
    """Divides positive and multiplies negative logits of seen tokens by the penalty (Keskar et al. 2019)."""
    index = torch.tensor(indexes, device=logits.device)
    seen = torch.stack([mask for each in indexes if (mask := rows[each].seen) is not None])
    penalty = torch.tensor([[rows[each].penalty] for each in indexes], device=logits.device, dtype=logits.dtype)
    part = logits[index]
    logits[index] = torch.where(seen, torch.where(part < 0, part * penalty, part / penalty), part)


def draw(logits: Tensor, rows: Sequence[Sampling]) -> Tensor:
    """One draw per row from float logits, after temperature, top_k and top_p (in this order)."""
    device = logits.device
    uniform = torch.tensor([[row.noise.next() if row.noise else 0.5] for row in rows], device=device)
    temperature = torch.tensor([[row.temperature] for row in rows], device=device)
    top = logits.amax(dim=-1, keepdim=True)
    weights = ((logits - top) / temperature).exp_()  # unnormalised: the largest is 1
    if any(row.top_k or row.top_p < 1 for row in rows):
        weights = torch.where(weights >= _threshold(weights, rows), weights, 0.0)
    sums = weights.cumsum(dim=-1)
    found = torch.searchsorted(sums, uniform * sums[:, -1:], right=True)
    # rounding may put the target on the very end
    return torch.where(found >= logits.shape[-1], weights.argmax(dim=-1, keepdim=True), found)[:, 0]


def _threshold(weights: Tensor, rows: Sequence[Sampling]) -> Tensor:
    """Per row the smallest weight that stays, [rows, 1]."""
    vocabulary = weights.shape[-1]
    width = min(vocabulary, max(FIRST_CANDIDATES, *(row.top_k for row in rows)))
    threshold, is_enough = _cut(weights, rows, width=width)
    if width < vocabulary and not is_enough.all():
        few = (~is_enough).nonzero()[:, 0]
        threshold[few] = _cut(weights[few], [rows[each] for each in few.tolist()], width=vocabulary)[0]
    return threshold


def _cut(weights: Tensor, rows: Sequence[Sampling], *, width: int) -> tuple[Tensor, Tensor]:
    """The threshold found among the `width` largest weights, and whether they were enough to find it."""
    device, vocabulary = weights.device, weights.shape[-1]
    largest = weights.topk(width, dim=-1).values
    limits = torch.tensor([[min(row.top_k or vocabulary, vocabulary)] for row in rows], device=device)
    top_p = torch.tensor([[row.top_p] for row in rows], device=device)
    inside = torch.arange(width, device=device) < limits
    largest = torch.where(inside, largest, 0.0)
    sums = largest.cumsum(dim=-1)
    total = torch.where(limits < vocabulary, sums[:, -1:], weights.sum(dim=-1, keepdim=True))
    stays = inside & (((sums - largest) < top_p * total) | (top_p >= 1))
    last = stays.sum(dim=-1, keepdim=True).clamp(min=1) - 1
    has_all = (limits <= width) | (sums[:, -1:] >= top_p * total)
    no_cut = (limits >= vocabulary) & (top_p >= 1)
    threshold = torch.where(no_cut, 0.0, largest.gather(-1, last))
    return threshold, (has_all | no_cut)[:, 0]
