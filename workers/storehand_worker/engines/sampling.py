"""Which token comes next: the rows' own wishes, then the arg max or a draw, for all rows at once.

A draw inverts the distribution at one uniform number per row and token. The numbers come from the row's own generator
on the CPU, so a request gets the same answer alone as in company, and on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from storehand.errors import StorehandError
from storehand_worker.engines.shaping import Shape, apply

NOISE_BLOCK = 64
CANDIDATES = 256
"""How many of the largest weights are looked at for top_p at first; a trained model seldom needs more."""


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
    """How one row is sampled. `shape` is what it wants changed about its logits; most want nothing."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    noise: Noise | None = None
    shape: Shape | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the arg max of the model's own logits decides: only such rows may be speculated on."""
        return self.temperature == 0 and self.shape is None

    @property
    def is_complete(self) -> bool:
        """Whether the row's grammar is at its end: the text is complete with its last token."""
        return self.shape is not None and self.shape.constraint is not None and self.shape.constraint.is_complete

    @property
    def problem(self) -> StorehandError | None:
        """Why the row has no token, where its own request is to blame."""
        return None if self.shape is None else self.shape.problem


@torch.inference_mode()
def choose(logits: Tensor, rows: Sequence[Sampling], *, suppress: Tensor | None = None) -> tuple[list[int], list[bool]]:
    """The next token of every row, and whether there is one: logits may be unsound (NaN, all forbidden), and a row's
    `problem` says so where its own request is why. Advances the rows' grammars. May write into `logits` [rows,
    vocabulary]."""
    shapes = [(index, row.shape) for index, row in enumerate(rows) if row.shape is not None]
    if shapes:
        apply(logits, shapes, suppress)
    elif suppress is not None:
        logits[:, suppress] = -torch.inf
    ids = _arg_max(logits)
    best = logits.gather(-1, ids[:, None])[:, 0]
    sound = torch.isfinite(best).tolist()
    drawn = [index for index, row in enumerate(rows) if row.temperature > 0 and sound[index]]
    if drawn:
        index = torch.tensor(drawn, device=logits.device)
        chosen = logits if len(drawn) == len(rows) else logits[index]
        ids[index] = draw(chosen.float(), [rows[each] for each in drawn], best=ids[index])
    tokens = ids.tolist()
    for each, shape in shapes:
        if sound[each]:
            sound[each] = shape.take(tokens[each])
        else:
            shape.blame(float(best[each]))
    return tokens, sound


def draw(logits: Tensor, rows: Sequence[Sampling], *, best: Tensor) -> Tensor:
    """One draw per row from float logits, after temperature, top_k, top_p and min_p (in this order). `best` are the
    arg maxes."""
    device = logits.device
    uniform = torch.tensor([[row.noise.next() if row.noise else 0.5] for row in rows], device=device)
    temperature = torch.tensor([[row.temperature] for row in rows], device=device)
    weights = logits - logits.gather(-1, best[:, None])
    weights.div_(temperature).exp_()  # unnormalised: the largest is 1
    if any(row.top_k or row.top_p < 1 or row.min_p for row in rows):
        _cut_below(weights, _threshold(weights, rows))
    sums = weights.cumsum(dim=-1)
    found = torch.searchsorted(sums, uniform * sums[:, -1:], right=True)[:, 0]
    return torch.where(found >= logits.shape[-1], best, found)  # rounding may put the target on the very end


def _threshold(weights: Tensor, rows: Sequence[Sampling]) -> Tensor:
    """Per row the smallest weight that stays, [rows, 1]."""
    vocabulary = weights.shape[-1]
    threshold = torch.zeros(len(rows), 1, device=weights.device)
    left = [index for index, row in enumerate(rows) if row.top_k or row.top_p < 1]
    largest_k = max(row.top_k for row in rows)
    for width in (min(max(CANDIDATES, largest_k), vocabulary), vocabulary) if left else ():
        part = weights if len(left) == len(rows) else weights[left]
        found, is_enough = _last_to_stay(part, [rows[index] for index in left], width=width)
        threshold[left] = found
        left = [index for index, enough in zip(left, is_enough.tolist(), strict=True) if not enough]
        if not left:
            break
    return torch.maximum(threshold, torch.tensor([[row.min_p] for row in rows], device=weights.device))  # the best is 1


def _last_to_stay(weights: Tensor, rows: Sequence[Sampling], *, width: int) -> tuple[Tensor, Tensor]:
    """The threshold found among the `width` largest weights, and whether they were enough to find it."""
    device, vocabulary = weights.device, weights.shape[-1]
    largest = _largest(weights, width)
    limits = torch.tensor([[min(row.top_k or vocabulary, vocabulary)] for row in rows], device=device)
    top_p = torch.tensor([[row.top_p] for row in rows], device=device)
    inside = torch.arange(width, device=device) < limits
    largest = torch.where(inside, largest, 0.0)
    sums = largest.cumsum(dim=-1)
    total = torch.where(limits < vocabulary, sums[:, -1:], weights.sum(dim=-1, keepdim=True))
    stays = inside & (((sums - largest) < top_p * total) | (top_p >= 1))
    last = stays.sum(dim=-1, keepdim=True).clamp(min=1) - 1
    is_enough = (limits <= width) | (sums[:, -1:] >= top_p * total)
    return largest.gather(-1, last), is_enough[:, 0]


# numpy's arg max, partition and sort are vectorised where torch's on the CPU are not: 10 to 20 times at 32 x 6,656.


def _arg_max(logits: Tensor) -> Tensor:
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        return torch.from_numpy(logits.numpy().argmax(axis=-1))
    return logits.argmax(dim=-1)


def _largest(weights: Tensor, width: int) -> Tensor:
    """The `width` largest weights of every row, largest first."""
    if weights.device.type != "cpu":
        return weights.topk(width, dim=-1).values
    array = weights.numpy()
    if width < array.shape[-1]:
        array = np.partition(array, -width, axis=-1)[:, -width:]
    return torch.from_numpy(np.ascontiguousarray(np.sort(array, axis=-1)[:, ::-1]))


def _cut_below(weights: Tensor, threshold: Tensor) -> None:
    """Sets weights under their row's threshold to zero, in place."""
    if weights.device.type == "cpu":
        array = weights.numpy()
        array *= array >= threshold.numpy()
    else:
        weights.mul_(weights >= threshold)
