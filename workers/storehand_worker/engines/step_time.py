"""How long the next step will take, learned from the steps so far; pure arithmetic, no clock.

    seconds = a + b * tokens + c * sum(length ** 2)        a, b, c >= 0

`tokens` and `squares` are what the device computes, padding included: count x longest and count x longest ** 2 for a
padded batch, the plain sums for a packed one. Least squares with forgetting, kept as sums of products and solved by
coordinate descent, which keeps the three from going below zero: so a prediction is never negative, and more work never
takes less time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MEMORY = 0.98
"""Weight of the past when a step comes in: about the last 50 count."""
SHORT_MEMORY = 0.4
"""The same when a step took less than half of what was expected: first steps are slow (caches, compilation), and what
they taught must go at once. And when several steps in a row took much longer: then the machine has changed."""
READY_AFTER = 12
"""Steps before a prediction is worth acting on."""
OUTLIER = 3.0
"""A step this many usual errors above its prediction counts no more than one at this distance would..."""
PATIENCE = 4
"""... unless as many in a row took half as long again as expected."""
SWEEPS = 4
_SCALES = (1.0, 1e-3, 1e-6)
"""Brings the three terms to one size."""


class StepTime:
    """Learns from `observe`, tells by `predict`; not safe across threads."""

    def __init__(self) -> None:
        self._products = [[0.0] * 3 for _ in _SCALES]
        self._moments = [0.0] * 3
        self._factors = [0.0] * 3
        self._usual_error = 0.0
        self._slow = 0
        self._seen = 0

    @property
    def ready(self) -> bool:
        return self._seen >= READY_AFTER

    def predict(self, tokens: int, squares: float) -> float:
        """Seconds of a step; 0 before the first was seen."""
        return sum(map(float.__mul__, self._factors, _terms(tokens, squares)))

    def observe(self, tokens: int, squares: float, seconds: float) -> None:
        """A step has ended."""
        if not math.isfinite(seconds) or seconds < 0:
            return
        terms = _terms(tokens, squares)
        expected = self.predict(tokens, squares)
        limit = OUTLIER * self._usual_error if self._seen else math.inf
        error = seconds - expected
        self._slow = self._slow + 1 if error > expected / 2 else 0
        has_changed = self._slow >= PATIENCE or (self._seen > 0 and seconds < expected / 2)
        memory = SHORT_MEMORY if has_changed else MEMORY
        weight = 1.0 if has_changed or error <= limit else limit / error
        self._usual_error += 0.2 * (max(min(abs(error), limit), seconds / 100) - self._usual_error)
        self._seen += 1
        for row, (products, term) in enumerate(zip(self._products, terms, strict=True)):
            for column, other in enumerate(terms):
                products[column] = memory * products[column] + weight * term * other
            self._moments[row] = memory * self._moments[row] + weight * term * seconds
        self._solve()

    def _solve(self) -> None:
        """The tokens' share first: what one batch size alone can't tell apart is taken to grow with the tokens."""
        factors = self._factors
        for _ in range(SWEEPS):
            for index in (1, 2, 0):
                products = self._products[index]
                if products[index] > 0:
                    others = sum(map(float.__mul__, products, factors)) - products[index] * factors[index]
                    factors[index] = max(0.0, (self._moments[index] - others) / products[index])


def padded(lengths: Sequence[int]) -> tuple[int, float]:
    """Tokens and squares of a batch in which every row is as long as the longest."""
    longest = max(lengths, default=0)
    return len(lengths) * longest, float(len(lengths)) * longest * longest


def unpadded(lengths: Sequence[int]) -> tuple[int, float]:
    """Tokens and squares of a packed batch."""
    return sum(lengths), float(sum(length * length for length in lengths))


def _terms(tokens: int, squares: float) -> tuple[float, float, float]:
    return _SCALES[0], tokens * _SCALES[1], squares * _SCALES[2]
