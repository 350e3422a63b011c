"""The engine `static`: transformers' own `generate` over batches of similar length, for families that have no slots.

Whoever is in a batch leaves it when its text ends, but places are given away only when the batch is put together
anew: when half of it has ended, or after `REBATCH_STEPS` tokens, if somebody waits. What was written so far is read
again then as part of the prompt, so a long text neither holds up the others nor is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from torch import Tensor

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.lane import now
from storehand_worker.engines.row import Row
from storehand_worker.engines.rows import RowEngine, is_open
from storehand_worker.engines.static_model import Alike, StaticModel

REBATCH_STEPS = 32
WINDOW = 4
"""A batch is chosen among so many times its places: neighbours in length pad each other least."""


class StaticEngine(RowEngine):
    """Kind `generate`, for decoders and encoder-decoders. Options of the binding: `reserved_slots`,
    `chat_template_kwargs`. `reason`: why the text engine does not run this model, where that is why we are here."""

    def __init__(self, spec: EngineSpec, *, reason: str = "") -> None:
        if spec.kind != "generate":
            raise ModelNotAvailable(f"the engine static generates; role {spec.role} wants to {spec.kind}")
        self._model = StaticModel(spec)
        because = {"because": reason} if reason else {}
        super().__init__(spec, self._model.text, place=self._model.place, engine="static", **because)
        self._start()

    def _cost(self, row: Row) -> int:
        """What the longest row of a batch has, all its rows have: prompt and output count alike."""
        return len(row.prompt) + row.max_new_tokens

    # The engine's thread.

    def _step(self) -> None:
        """One batch, until it is done or worth putting together anew."""
        self._admit(budget=1 << 60, window=WINDOW * self._capacity)
        self._release()
        if self._rows:
            self._write(self._alike())
        self._release()

    def _alike(self) -> list[Row]:
        """The most urgent row and those that can share its batch."""
        first = min(self._rows, key=lambda row: (row.call.request.priority.rank, row.call.submitted_at))
        key = self._key(first)
        return [row for row in self._rows if row is first or (key is not None and self._key(row) == key)]

    def _key(self, row: Row) -> int | None:
        match self._model.alike:
            case Alike.ANY:
                return 0
            case Alike.SAME_LENGTH:
                return len(row.prompt) + len(row.out)
            case Alike.SAME_OUTPUT:
                return len(row.out)
            case Alike.NONE:
                return None

    def _write(self, rows: Sequence[Row]) -> None:
        """A batch that fails is tried again in halves for one token each; the rows that pass are together again in the
        next batch, and go on where they were."""
        steps: int | None = None

        def forward(low: int, high: int) -> None:
            nonlocal steps
            limit, steps = steps, 1
            if alive := [row for row in rows[low:high] if is_open(row)]:
                self._generate(alive, steps=limit)

        def is_done(low: int, high: int) -> bool:
            return not any(map(is_open, rows[low:high]))

        for piece in self._in_halves(forward, 0, len(rows), is_done=is_done):
            if piece.failure is not None:
                rows[piece.low].call.fail(piece.failure)

    def _generate(self, rows: Sequence[Row], *, steps: int | None) -> None:
        done, started = 0, now()

        def pen(logits: Tensor) -> tuple[Sequence[int], bool]:
            nonlocal done, started
            alive = [index for index, row in enumerate(rows) if is_open(row)]
            writing = [rows[index] for index in alive]
            tokens = [0] * len(rows)
            if writing:
                chosen = self._choose(
                    logits if len(alive) == len(rows) else logits[alive],
                    writing,
                    partial(self._tell, len(rows), writing, started, is_first=not done),
                )
                for index, token in zip(alive, chosen, strict=True):
                    tokens[index] = token
            self._pace.observe(now() - started)
            self._release()
            self._last_step = started = now()
            done += 1
            return tokens, done != steps and self._goes_on(rows, done)

        self._model.write([(row.prompt, row.out) for row in rows], pen)

    def _goes_on(self, rows: Sequence[Row], done: int) -> bool:
        """Whether the batch is worth another step as it is."""
        alive = sum(map(is_open, rows))
        if not alive or self._lane.is_closed:
            return False
        if not self._model.is_resumable or not self._lane.waiting:
            return True
        room, shared_room = self._room()
        return not (room and done >= REBATCH_STEPS) and not (shared_room and 2 * alive <= len(rows))

    def _tell(self, width: int, writing: Sequence[Row], started: float, *, is_first: bool) -> None:
        """Rows that have ended pad the rest; so do short prompts."""
        lengths = [len(row.prompt) + len(row.out) for row in writing] if is_first else [1] * len(writing)
        tokens = sum(lengths)
        padding = max(lengths) * width - tokens
        phase: Literal["prefill", "decode"] = "prefill" if is_first else "decode"
        self._report(phase, items=len(writing), tokens=tokens, padding_tokens=padding, seconds=now() - started)
