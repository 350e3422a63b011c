"""How much each kind of evidence counts, learnt from what shoppers bought next: one weight each, ranked over items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from storehand_plugins.recommendation.evidence import DEFAULT_BLEND, NAMES, OWN

ENOUGH = 60
"""Shoppers below which the weights stay at their defaults."""

RIVALS = 4000
"""Items that compete in learning; where a catalogue has more, a sample of so many and all that were bought."""

_PULL = 1.5
"""How strongly the weights are drawn to their defaults."""


def learn(
    rows: Sequence[Any], targets: Sequence[set[int]], allowed: Sequence[Any], *, uses_own: bool
) -> dict[str, float]:
    """Weights that put bought items first: `rows` are evidence matrices, `targets` item numbers, `allowed` masks."""
    if len(rows) < ENOUGH:
        return _without_own(DEFAULT_BLEND, uses_own)
    problems = [_problem(*each) for each in zip(rows, targets, allowed, strict=True)]
    weights = _most_likely(problems)
    return _without_own(dict(zip(NAMES, np.round(weights, 4).tolist(), strict=True)), uses_own)


def _without_own(found: Mapping[str, float], uses_own: bool) -> dict[str, float]:
    return {name: value if uses_own or name not in OWN else 0.0 for name, value in found.items()}


def _most_likely(problems: Sequence[tuple[Any, Any]]) -> Any:
    """Where the next item is likeliest to be one of those bought, whichever: asking for every one of them would spend
    the weights on what nobody could foresee."""
    import torch

    start = torch.tensor([DEFAULT_BLEND[name] for name in NAMES])
    weights = start.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")
    tensors = [(torch.from_numpy(rows), torch.from_numpy(np.flatnonzero(hits))) for rows, hits in problems]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = _PULL / len(tensors) * (weights - start).square().sum()
        for rows, places in tensors:
            scores = weights @ rows
            loss = loss - (scores[places].logsumexp(-1) - scores.logsumexp(-1)) / len(tensors)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch's
    return weights.detach().numpy()


def _problem(rows: Any, targets: set[int], allowed: Any) -> tuple[Any, Any]:
    """Evidence of the items that compete, and which of them were bought."""
    kept, wanted = np.flatnonzero(allowed), sorted(targets)
    if len(kept) > RIVALS:
        drawn = np.random.default_rng(len(targets)).choice(kept, RIVALS, replace=False)
        kept = np.union1d(drawn, wanted)
    return np.ascontiguousarray(rows[:, kept]), np.isin(kept, wanted)


def vector(blend: Mapping[str, float]) -> Any:
    """The weights in the order of NAMES."""
    return np.array([blend.get(name, 0.0) for name in NAMES], np.float32)
