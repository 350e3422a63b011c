"""The engine `transformers`: its continuous batching, sanitised, supervised and restarted.

Its own manager fails every text in flight when one of them fails. Here the manager is built anew then, and the texts
are tried in halves until the guilty one stands alone; the others go on where they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Literal

from torch import Tensor
from transformers import AutoModelForCausalLM

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.lane import now
from storehand_worker.engines.loading import place_of
from storehand_worker.engines.row import Row
from storehand_worker.engines.rows import RowEngine, is_open
from storehand_worker.engines.text_model import load_text_model
from storehand_worker.engines.transformers_batcher import Batcher, runs_truly


class TransformersEngine(RowEngine):
    """Kind `generate`. What waits stays in our lane: the manager's own list never holds more than a batch."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind != "generate":
            raise ModelNotAvailable(f"the engine transformers generates; role {spec.role} wants to {spec.kind}")
        self._model, text = load_text_model(spec, AutoModelForCausalLM)
        super().__init__(spec, text, place=place_of(self._model), engine="transformers")
        self._names = count()
        self._by_name: dict[str, Row] = {}
        self._started, self._is_told = 0.0, False
        self._batcher = self._built()
        self._start()

    def _built(self) -> Batcher:
        binding, cant = self._spec.binding, f"transformers' continuous batching does not run {self._spec.name}"
        try:
            is_true = runs_truly(self._model)
            batcher = Batcher(
                self._model,
                self._pen,
                slots=binding.slots,
                max_tokens=self._text.max_tokens,
                batch_tokens=binding.batch_tokens,
            )
        except Exception as error:  # whatever a class raises that it can't page
            raise ModelNotAvailable(f"{cant} ({type(error).__name__}: {error})") from error
        if not is_true:
            raise ModelNotAvailable(f"{cant}: its logits are not those of the model's own forward")
        return batcher

    # The engine's thread.

    def _step(self) -> None:
        self._let_go()
        for row in self._admit(budget=self._budget.tokens):
            self._add(row)
        if self._by_name:
            self._write(list(self._by_name.values()))
            self._let_go()

    def _write(self, rows: Sequence[Row]) -> None:
        """One step. After one that fails the manager is built anew, and the rows are tried in halves for a token each;
        those that pass are together again then, and go on where they were."""
        is_whole = True

        def forward(low: int, high: int) -> None:
            nonlocal is_whole
            if is_whole:
                is_whole = False
                self._forward()
            else:
                self._try([row for row in rows[low:high] if is_open(row)])

        def is_done(low: int, high: int) -> bool:
            return not any(map(is_open, rows[low:high]))

        pieces = list(self._in_halves(forward, 0, len(rows), is_done=is_done))
        for piece in pieces:
            if piece.failure is not None:
                rows[piece.low].call.fail(piece.failure)
        if len(pieces) > 1 or pieces[0].failure is not None:
            self._refill([row for row in rows if is_open(row)])

    def _let_go(self) -> None:
        """Takes what has ended out of the batch, before its next step."""
        self._release()
        for name, row in list(self._by_name.items()):
            if not is_open(row):
                del self._by_name[name]
                self._batcher.drop(name)

    def _add(self, row: Row) -> None:
        """A row that was written in part goes on behind its last token, under a new name: the manager dies of one that
        it knows."""
        name = f"{next(self._names)}"
        self._by_name[name] = row
        self._batcher.add(name, [*row.prompt, *row.out], max_new_tokens=row.max_new_tokens - len(row.out))

    def _forward(self) -> None:
        self._last_step = self._started = now()
        self._is_told = False
        self._batcher.step()
        self._pace.observe(now() - self._started)
        if not self._is_told:  # a part of a long prompt: nobody has a token yet
            self._tell()

    def _pen(self, logits: Tensor, names: Sequence[str]) -> list[int]:
        return self._choose(logits, [self._by_name[name] for name in names], self._tell)

    def _tell(self) -> None:
        self._is_told = True
        items, tokens = self._batcher.size
        phase: Literal["prefill", "decode"] = "decode" if tokens == items else "prefill"
        self._report(phase, items=items, tokens=tokens, padding_tokens=0, seconds=now() - self._started)

    def _try(self, rows: Sequence[Row]) -> None:
        """Until each has one more token."""
        self._refill(rows)
        lengths = [len(row.out) for row in rows]
        while any(is_open(row) and len(row.out) == length for row, length in zip(rows, lengths, strict=True)):
            self._forward()

    def _refill(self, rows: Sequence[Row]) -> None:
        self._batcher.restart()
        self._by_name = {}
        for row in rows:
            self._add(row)
