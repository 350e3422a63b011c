"""The text engine: continuous batching over the slots of one decoder.

Every step admits what fits (one padded prefill), reads on in one prompt that is too long for that, and then writes one
token for every row in use. Rows leave when they end, and the last row moves into the gap, so the model always sees a
dense batch. A forward that fails is repeated in halves until the row that can't be answered stands alone: only that
one fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Literal

import torch
from torch import Tensor

from storehand.engine import EngineSpec, EngineStats
from storehand.errors import EngineError, ModelNotAvailable
from storehand_worker.engines.admission import Admission
from storehand_worker.engines.call import Call
from storehand_worker.engines.constraint import Constraints
from storehand_worker.engines.decoder import Decoder
from storehand_worker.engines.guessing import GUESS_TOKENS, Guesser
from storehand_worker.engines.lane import now
from storehand_worker.engines.loading import load_tokens
from storehand_worker.engines.long_prompts import LongPrompts
from storehand_worker.engines.prefix import Prefixes
from storehand_worker.engines.row import Row
from storehand_worker.engines.rows import RowEngine, is_open
from storehand_worker.engines.sampling import choose
from storehand_worker.engines.step_time import padded
from storehand_worker.engines.text_model import Text, stop_ids_of

Phase = Literal["prefill", "decode"]
Span = tuple[int, int]
"""Of one row: tokens it had before a forward, tokens after it."""


class TextEngine(RowEngine):
    """Kind `generate`. Options of the binding: `reserved_slots`, `prefix_tokens`, `guess_tokens`,
    `chat_template_kwargs`."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind != "generate":
            raise ModelNotAvailable(f"the text engine generates; role {spec.role} wants to {spec.kind}")
        self._decoder = Decoder(spec)
        super().__init__(spec, _text_of(spec, self._decoder), place=self._decoder.place)  # row i lies in slot i
        self._prefixes = Prefixes(self._decoder.blocks)
        self._admission = Admission(self._lane, self._prefixes, capacity=self._capacity, reserved=self._reserved)
        self._long = LongPrompts(self._decoder, self._prefixes, last=self._capacity - 1)
        self._guesser = Guesser(self._decoder, most=int(spec.binding.options.get("guess_tokens", GUESS_TOKENS)))
        self._start()

    def _running(self) -> int:
        return len(self._rows) + len(self._long.rows)

    def stats(self) -> EngineStats:
        """A row keeps its whole slot, however short it is; one that is still being read will."""
        rows, slot = [*self._rows, *self._long.rows], self._decoder.max_tokens
        return replace(
            super().stats(),
            kv_used=sum(row.length for row in rows),
            kv_reserved=min(len(rows), self._capacity) * slot,
            kv_limit=self._capacity * slot,
        )

    # The engine's thread.

    def _step(self) -> None:
        started = now()
        self._release()
        self._take_in()
        self._read()
        if self._rows:
            self._decode()
        self._pace.observe(now() - started)

    def _release(self) -> None:
        self._end_overdue([*self._rows, *self._long.rows])
        self._remove([index for index, row in enumerate(self._rows) if not is_open(row)])
        self._long.rows = [row for row in self._long.rows if is_open(row)]

    def _take_in(self) -> None:
        budget = self._budget.tokens
        new = self._admission.admit([*self._rows, *self._long.rows], budget)
        self._long.rows += [row for row in new if len(row.prompt) - row.known > budget]
        short = [row for row in new if len(row.prompt) - row.known <= budget]
        for rows in ([row for row in short if row.known], [row for row in short if not row.known]):
            if rows:
                self._prefill(sorted(rows, key=lambda row: row.prompt))

    def _prefill(self, rows: list[Row]) -> None:
        """Rows with the same prompt (samples of one request, retries) share its computation."""
        started = now()
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row.prompt)]
        first, firsts = len(self._rows), [group[0] for group in groups]
        siblings = [(number, row) for number, group in enumerate(groups) for row in group[1:]]
        self._rows += [*firsts, *(row for _, row in siblings)]
        for slot, row in enumerate(firsts, start=first):
            self._decoder.recall(row.places, slot)
            row.length = row.known
        spans = [(row.length, len(row.prompt)) for row in firsts]
        logits = self._extend(firsts, [row.prompt[row.length :] for row in firsts], first=first)
        self._admission.times.observe(*padded([end - start for start, end in spans]), now() - started)
        for slot, (number, row) in enumerate(siblings, start=first + len(firsts)):
            self._decoder.move(first + number, slot, tokens=len(row.prompt))
            row.failure = firsts[number].failure
        for row in rows:
            row.length = len(row.prompt)
        index = [*range(len(firsts)), *(number for number, _ in siblings)]
        self._accept(logits[index] if siblings else logits, first, "prefill", started, spans)

    def _read(self) -> None:
        """The next part of a prompt that is over the budget; with the last part its row joins the others, and so do
        those with the same prompt."""
        if not self._long.rows:
            return
        started, spare = now(), self._decoder.spare
        row = self._long.next()
        span = (row.length, min(row.length + self._budget.tokens, len(row.prompt)))
        logits = self._extend([row], [row.prompt[slice(*span)]], first=spare)
        if row.failure is not None:
            row.call.fail(row.failure)
            return
        row.length = span[1]
        if row.length < len(row.prompt):
            self._tell("prefill", [span], now() - started)
            return
        first, rows = len(self._rows), self._long.take(row)
        for slot, each in enumerate(rows, start=first):
            self._decoder.move(spare, slot, tokens=row.length)
            each.length = row.length
        self._rows += rows
        self._accept(logits.repeat(len(rows), 1), first, "prefill", started, [span])

    def _decode(self) -> None:
        """One more token for every row, and before it those that were guessed rightly."""
        started, rows = now(), self._rows
        count, before = len(rows), [row.length for row in rows]
        guesses = self._guesser.guess(rows)
        checked = self._guesser.check(rows, guesses) if guesses else None
        if checked is None:
            logits = self._extend(rows, [row.out[-1:] for row in rows], first=0, is_budgeted=False)
        else:
            logits, right = checked
            for row, guess, length in zip(rows, guesses, right, strict=True):
                row.length += length
                for token in guess[:length]:
                    self._append(row, token, started)
        for row in rows:
            row.length += 1
        spans = [(length, row.length) for length, row in zip(before, rows, strict=True)]
        self._accept(logits, 0, "decode", started, spans)
        self._guesser.worth.observe(count, now() - started, is_guessed=checked is not None)

    def _extend(
        self, rows: Sequence[Row], chunks: Sequence[Sequence[int]], *, first: int, is_budgeted: bool = True
    ) -> Tensor:
        """Logits after the chunks of rows that lie in the slots from `first` on. Rows whose forward fails even alone
        get NaN, and know the reason."""

        def forward(low: int, high: int) -> Tensor:
            starts = [row.length for row in rows[low:high]]
            return self._decoder.extend(chunks[low:high], starts, first=first + low)

        def tokens(low: int, high: int) -> int:
            return (high - low) * max(map(len, chunks[low:high]))

        found: list[Tensor] = []
        for piece in self._in_halves(forward, 0, len(rows), tokens=tokens if is_budgeted else None):
            if piece.failure is not None:
                rows[piece.low].failure = piece.failure
            size = (piece.high - piece.low, self._decoder.vocabulary)
            found.append(
                torch.full(size, torch.nan, device=self._decoder.device) if piece.value is None else piece.value
            )
        return found[0] if len(found) == 1 else torch.cat(found)

    def _accept(self, logits: Tensor, start: int, phase: Phase, started: float, spans: Sequence[Span]) -> None:
        """Chooses a token for the rows from `start` on, and lets go of those that end with it. `spans` are of the rows
        that were computed, the first ones."""
        rows = self._rows[start:]
        tokens, sound = choose(logits, [row.sampling for row in rows], suppress=self._decoder.suppress)
        at = now()
        read = [span for row, span in zip(rows, spans, strict=False) if row.failure is None]
        if read:
            self._tell(phase, read, at - started)
        ended = []
        for slot, (row, token, is_sound) in enumerate(zip(rows, tokens, sound, strict=True), start=start):
            if not is_sound:
                unusable = EngineError("the model computed no usable probabilities for this request")
                row.call.fail(row.failure or row.sampling.problem or unusable)
                self._decoder.clear(slot)
            elif phase == "prefill" and slot < start + len(spans):
                self._decoder.remember(slot, self._prefixes.learn(row.prompt))
            if is_open(row):
                self._append(row, token, at)
            if not is_open(row):
                ended.append(slot)
        self._remove(ended)

    def _remove(self, indexes: Sequence[int]) -> None:
        """Closes gaps from the back, each with the row that is last by then."""
        for index in reversed(indexes):
            last = self._rows.pop()
            if index < len(self._rows):
                self._decoder.move(len(self._rows), index, tokens=last.length)
                self._rows[index] = last

    def _abandon(self) -> Iterable[Call[Any]]:
        calls = [row.call for row in (*self._rows, *self._long.rows)]
        self._rows, self._long.rows = [], []
        self._prefixes.forget()  # some may be registered whose memory was never written
        return calls

    def _tell(self, phase: Phase, spans: Sequence[Span], seconds: float) -> None:
        lengths = [end - start for start, end in spans]
        tokens, padding = sum(lengths), max(lengths) * len(lengths) - sum(lengths)
        least_s = self._decoder.limit.text_s(spans)
        budget = self._budget.tokens if phase == "prefill" else 0  # a decode step is limited by slots alone
        self._report(
            phase,
            items=len(spans),
            tokens=tokens,
            padding_tokens=padding,
            seconds=seconds,
            least_s=least_s,
            budget_tokens=budget,
        )


def _text_of(spec: EngineSpec, decoder: Decoder) -> Text:
    tokens = load_tokens(spec)
    stop_ids = stop_ids_of(tokens, sorted(decoder.stop_ids))
    constraints = Constraints(
        tokens,
        vocabulary=decoder.vocabulary,
        ends=stop_ids,
        suppress=decoder.suppress,
        threads=spec.binding.threads,
    )
    return Text(tokens, decoder.max_tokens, decoder.vocabulary, stop_ids, constraints, decoder.suppress)
