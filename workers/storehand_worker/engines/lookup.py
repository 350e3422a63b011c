"""Guesses of what a text says next, looked up in its own prompt and in what it said: shop texts repeat much of their
input. A step can check a few guessed tokens at once, for little more than one token costs while a batch is small.
"""

from __future__ import annotations

from collections.abc import Sequence

NGRAM = 3
"""So many equal tokens before a place make what follows there a guess."""
HOPE = 0.5
"""Share of guessed tokens that turn out right, before any was checked."""
MEMORY = 0.8
MARGIN = 1.25
"""Guesses must promise this many times what they cost: at less, what they were measured to cost is too uncertain."""
DOUBT = 0.998
"""What guesses took counts less with every step without them: one slow step must not end them for good."""
FAILED = 100.0
"""Where they could not be checked, they count as so many steps: a try again after some thousand steps."""


class Lookup:
    """The guesses of one text."""

    def __init__(self, prompt: Sequence[int], *, hope: float) -> None:
        self._tokens: list[int] = []
        self._next: dict[tuple[int, ...], int] = {}
        self.hope = hope
        self.extend(prompt)

    def extend(self, tokens: Sequence[int]) -> None:
        """The text goes on like this."""
        for token in tokens:
            if len(self._tokens) >= NGRAM:
                self._next[tuple(self._tokens[-NGRAM:])] = len(self._tokens)
            self._tokens.append(token)

    def __len__(self) -> int:
        return len(self._tokens)

    def guess(self, most: int) -> list[int]:
        """What followed where the last tokens stood before; empty where they did not."""
        place = self._next.get(tuple(self._tokens[-NGRAM:]))
        return [] if place is None else self._tokens[place : place + max(most, 0)]

    def learn(self, guessed: int, right: int) -> None:
        """So many of the guessed tokens were right, up to the first wrong one."""
        checked = min(right + 1, guessed)
        self.hope += (1 - MEMORY) * (right / checked - self.hope) if checked else 0.0


class Worth:
    """Whether guesses pay: what steps with and without them take, by the number of rows. Pure."""

    def __init__(self) -> None:
        self.hope = HOPE
        self._seconds: dict[tuple[int, bool], float] = {}

    def observe(self, rows: int, seconds: float, *, is_guessed: bool) -> None:
        key = (rows.bit_length(), is_guessed)
        before = self._seconds.get(key, seconds)
        self._seconds[key] = before + (1 - MEMORY) * (seconds - before)
        if not is_guessed and (rows.bit_length(), True) in self._seconds:
            self._seconds[rows.bit_length(), True] *= DOUBT

    def fail(self, rows: int) -> None:
        """Guesses for so many rows could not be checked."""
        without = self._seconds.get((rows.bit_length(), False), 1.0)
        self._seconds[rows.bit_length(), True] = FAILED * without

    def learn(self, guessed: int, right: int) -> None:
        checked = min(right + 1, guessed)
        if checked:
            self.hope += 0.02 * (right / checked - self.hope)

    def pays(self, rows: int, promised: float) -> bool:
        """`promised`: guessed tokens that will be right, as far as one can tell. What such a step takes is not known
        before the first one: guesses for half of the rows are worth finding out."""
        with_guesses = self._seconds.get((rows.bit_length(), True))
        without = self._seconds.get((rows.bit_length(), False))
        if without is None:
            return False
        if with_guesses is None:
            return promised * 2 >= rows
        return (1 + promised / rows) * without > MARGIN * with_guesses


def promise(hope: float, guessed: int) -> float:
    """Right tokens to expect: each one only counts if those before it are right."""
    return sum(hope**place for place in range(1, guessed + 1))
