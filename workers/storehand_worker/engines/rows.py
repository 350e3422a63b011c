"""What engines share that write token by token: a request's rows, their deadlines, and what a token does.

A subclass runs the model in `_step`. One that lets a library's own loop write admits by `_admit`, and hands the logits
of each step to `_choose`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor

from storehand.engine import EngineSpec, GenerateRequest, Request, Result
from storehand.errors import EngineError, Expired
from storehand.job import Priority
from storehand.task import Completion, FinishReason
from storehand_worker.engines.base import BaseEngine, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.delivery import Deliveries, Stream
from storehand_worker.engines.detokenize import TextStream
from storehand_worker.engines.inputs import check_generate, check_ids
from storehand_worker.engines.lane import now
from storehand_worker.engines.pace import Pace
from storehand_worker.engines.reserve import reserved_slots
from storehand_worker.engines.row import Row, sampling_of
from storehand_worker.engines.sampling import Sampling, choose
from storehand_worker.engines.scheduler import Part, room_to_share
from storehand_worker.engines.text_model import Text, info_of


class RowEngine(BaseEngine[Row]):
    """Kind `generate`. Options of the binding: `reserved_slots`, `chat_template_kwargs`."""

    def __init__(self, spec: EngineSpec, text: Text, *, place: str = "", **more: object) -> None:
        self._text = text
        self._tokens = text.tokens
        super().__init__(spec, info_of(spec, text, **more), capacity=spec.binding.slots, place=place)
        self._reserved = reserved_slots(spec, spec.binding.options.get("reserved_slots"))
        self._deliveries = Deliveries(f"stream-{spec.role}")
        self._rows: list[Row] = []
        self._pace = Pace()

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    def _flush(self, timeout_s: float) -> None:
        self._deliveries.close(timeout_s)

    def _running(self) -> int:
        return len(self._rows)

    def _abandon(self) -> Iterable[Call[Any]]:
        calls = [row.call for row in self._rows]
        self._rows = []
        return calls

    def _prepare(self, request: Request) -> tuple[Call[Completion], Sequence[Part[Row]]]:
        request = check_generate(request)
        prompt = tuple(self._tokens.encode_prompt(request.prompt))
        check_ids(prompt, request.options, max_tokens=self._text.max_tokens, vocabulary=self._text.vocabulary)
        call: Call[Completion] = Call(request, parts=request.options.n, now=now())
        rows = [self._row(call, request, prompt, index) for index in range(request.options.n)]
        call.stream = rows[0].stream
        call.so_far = lambda: [row.so_far() for row in rows]
        whole = len(prompt) + request.options.max_new_tokens
        return call, [Part(row, self._cost(row), whole - self._cost(row)) for row in rows]

    def _cost(self, row: Row) -> int:
        """Tokens that the row takes in a batch."""
        return len(row.prompt)

    def _row(self, call: Call[Completion], request: GenerateRequest, prompt: tuple[int, ...], index: int) -> Row:
        is_streamed = request.on_text is not None and index == 0
        seen = () if self._text.is_encoder_decoder else prompt  # a penalty is for what the decoder has read
        return Row(
            call=call,
            index=index,
            prompt=prompt,
            max_new_tokens=request.options.max_new_tokens,
            sampling=self._sampling(request, index, seen),
            text=TextStream(self._tokens.decode, request.options.stop),
            is_watched=is_streamed or bool(request.options.stop),
            stream=Stream(request.on_text, self._deliveries) if is_streamed and request.on_text else None,
        )

    def _sampling(self, request: GenerateRequest, index: int, seen: tuple[int, ...]) -> Sampling:
        return sampling_of(request, index, seen, self._text.constraints)

    # The engine's thread.

    def _release(self) -> None:
        """Lets go of what is complete, cancelled or overdue."""
        self._end_overdue(self._rows)
        self._rows = [row for row in self._rows if is_open(row)]

    def _end_overdue(self, rows: Sequence[Row]) -> None:
        """Those whose deadline passed fail; texts whose next token would come after it end before."""
        at = now()
        for row in rows:
            if row.call.is_overdue(at):
                row.call.fail(Expired(f"the deadline passed after {len(row.out)} tokens"))
            elif is_open(row) and row.out and row.call.is_overdue(at + self._pace.reserve_s):
                self._complete(row, "deadline")

    def _room(self) -> tuple[int, int]:
        """Free places, and how many of them may be taken by others than interactive rows."""
        shared = sum(row.call.request.priority is not Priority.INTERACTIVE for row in self._rows)
        running = len(self._rows)
        room = room_to_share(capacity=self._capacity, running=running, shared=shared, reserved=self._reserved)
        return self._capacity - running, room

    def _admit(self, *, budget: int, window: int | None = None) -> list[Row]:
        """Rows that may start now, most urgent first; they count as running from here on."""
        room, shared_room = self._room()
        if not room or not self._lane.waiting:
            return []
        at = now()
        pick = self._lane.pick(
            lambda line: line.pick(at, room=room, budget=budget, shared_room=shared_room, window=window)
        )
        fail_overdue(row.call for row in pick.expired)
        new = [row for row in pick.items if not row.call.is_done]
        for row in new:
            row.call.schedule(at)
        self._rows += new
        return new

    def _choose(self, logits: Tensor, rows: Sequence[Row], tell: Callable[[], None]) -> list[int]:
        """The next token of every row, already added to its text; the calls of rows without a sound one fail. `tell`
        reports the step, before the first call ends by it."""
        tokens, sound = choose(logits, [row.sampling for row in rows], suppress=self._text.suppress)
        at = now()
        tell()
        for row, token, is_sound in zip(rows, tokens, sound, strict=True):
            if not is_sound:
                unsound = EngineError("the model computed no usable probabilities for this request")
                row.call.fail(row.sampling.problem or unsound)
            if is_open(row):
                self._append(row, token, at)
        return tokens

    def _append(self, row: Row, token: int, at: float) -> None:
        if row.call.first_token_at is None:
            row.call.first_token_at = at
        reason = None if row.is_complete else row.append(token, self._text.stop_ids)
        if reason is not None:
            self._complete(row, reason)

    def _complete(self, row: Row, reason: FinishReason) -> None:
        answers = row.call.answer(row.index, row.complete(reason, self._text.stop_ids))
        if answers is None:
            return
        result = Result(
            timings=row.call.timings(now()),
            prompt_tokens=len(row.prompt),
            completion_tokens=sum(answer.completion_tokens for answer in answers),
            completions=tuple(answers),
        )
        row.call.finish(result)


def is_open(row: Row) -> bool:
    """Whether somebody waits for more of its text."""
    return not (row.is_complete or row.call.is_done)
