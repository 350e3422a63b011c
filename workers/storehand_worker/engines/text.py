"""The text engine: continuous batching over the slots of one decoder.

Every step admits what fits (one padded prefill) and then writes one token for every row in use. Rows leave when they
end, and the last row moves into the gap, so the model always sees a dense batch. A forward that fails is repeated in
halves until the row that can't be answered stands alone: only that one fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Literal

import torch
from torch import Tensor

from storehand.engine import EngineSpec, GenerateRequest, Request, Result
from storehand.errors import EngineError, Expired, ModelNotAvailable
from storehand.job import Priority
from storehand.task import Completion, ModelInfo
from storehand_worker.engines.base import BaseEngine, as_engine_error, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.decoder import Decoder
from storehand_worker.engines.delivery import Deliveries, Stream
from storehand_worker.engines.detokenize import TextStream
from storehand_worker.engines.inputs import check_generate, check_ids
from storehand_worker.engines.lane import now
from storehand_worker.engines.loading import OWN_FILE, load_tokens, read_json
from storehand_worker.engines.row import Row, sampling_of
from storehand_worker.engines.sampling import choose
from storehand_worker.engines.scheduler import Part, room_to_share

RESERVED_SHARE = 8
"""One slot in so many is kept free for the next interactive request (option `reserved_slots` overrides the number)."""


class TextEngine(BaseEngine[Row]):
    """Kind `generate`. Options of the binding: `reserved_slots`, `chat_template_kwargs`."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind != "generate":
            raise ModelNotAvailable(f"the text engine generates; role {spec.role} wants to {spec.kind}")
        self._decoder = Decoder(spec)
        self._tokens = load_tokens(spec)
        ends = {self._tokens.end_id} if self._tokens.has_chat_template else set()
        self._stop_ids = self._decoder.stop_ids | (ends - {None})  # fine-tunes forget it in generation_config.json
        super().__init__(spec, _info(spec, self._decoder, self._tokens.has_chat_template), capacity=spec.binding.slots)
        self._reserved = int(spec.binding.options.get("reserved_slots", spec.binding.slots // RESERVED_SHARE))
        self._deliveries = Deliveries(f"stream-{spec.role}")
        self._rows: list[Row] = []
        self._start()

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    def _flush(self, timeout_s: float) -> None:
        self._deliveries.close(timeout_s)

    def _running(self) -> int:
        return len(self._rows)

    def _prepare(self, request: Request) -> tuple[Call[Completion], Sequence[Part[Row]]]:
        request = check_generate(request)
        options = request.options
        prompt = tuple(self._tokens.encode_prompt(request.prompt))
        check_ids(prompt, options, max_tokens=self._decoder.max_tokens, vocabulary=self._decoder.vocabulary)
        call: Call[Completion] = Call(request, parts=options.n, now=now())
        return call, [Part(self._row(call, request, prompt, index), len(prompt)) for index in range(options.n)]

    def _row(self, call: Call[Completion], request: GenerateRequest, prompt: tuple[int, ...], index: int) -> Row:
        options = request.options
        is_streamed = request.on_text is not None and index == 0
        return Row(
            call=call,
            index=index,
            prompt=prompt,
            max_new_tokens=options.max_new_tokens,
            sampling=sampling_of(request, index, prompt),
            text=TextStream(self._tokens.decode, options.stop),
            is_watched=is_streamed or bool(options.stop),
            stream=Stream(request.on_text, self._deliveries) if is_streamed and request.on_text else None,
        )

    # The engine's thread.

    def _step(self) -> None:
        self._release_stopped()
        self._admit()
        if self._rows:
            self._decode()

    def _release_stopped(self) -> None:
        """Frees the slots of requests that were cancelled or whose deadline passed."""
        at = now()
        for row in self._rows:
            if row.call.is_overdue(at):
                row.call.fail(Expired(f"the deadline passed after {len(row.out)} tokens"))
        self._remove([index for index, row in enumerate(self._rows) if row.call.is_done])

    def _admit(self) -> None:
        room = self._capacity - len(self._rows)
        if not room or not self._lane.waiting:
            return
        shared = sum(row.call.request.priority is not Priority.INTERACTIVE for row in self._rows)
        shared_room = room_to_share(
            capacity=self._capacity, running=len(self._rows), shared=shared, reserved=self._reserved
        )
        at = now()
        budget = self._spec.binding.batch_tokens
        pick = self._lane.pick(lambda line: line.pick(at, room=room, budget=budget, shared_room=shared_room))
        fail_overdue(row.call for row in pick.expired)
        new = [row for row in pick.items if not row.call.is_done]
        for row in new:
            row.call.schedule(at)
        if new:
            self._prefill(sorted(new, key=lambda row: row.prompt))

    def _prefill(self, rows: list[Row]) -> None:
        """Rows with the same prompt (samples of one request, retries) share its computation."""
        started = now()
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row.prompt)]
        first, firsts = len(self._rows), [group[0] for group in groups]
        siblings = [(number, row) for number, group in enumerate(groups) for row in group[1:]]
        self._rows += [*firsts, *(row for _, row in siblings)]
        logits = self._bisect(
            lambda low, high: self._decoder.extend(
                [row.prompt for row in self._rows[low:high]], [0] * (high - low), first=low
            ),
            first,
            first + len(firsts),
        )
        for slot, (number, row) in enumerate(siblings, start=first + len(firsts)):
            self._decoder.move(first + number, slot, tokens=len(row.prompt))
        for row in rows:
            row.length = len(row.prompt)
        index = [*range(len(firsts)), *(number for number, _ in siblings)]
        self._accept(logits[index] if siblings else logits, first, "prefill", started, firsts)

    def _decode(self) -> None:
        started = now()
        logits = self._bisect(
            lambda low, high: self._decoder.extend(
                [row.out[-1:] for row in self._rows[low:high]],
                [row.length for row in self._rows[low:high]],
                first=low,
            ),
            0,
            len(self._rows),
        )
        for row in self._rows:
            row.length += 1
        self._accept(logits, 0, "decode", started, self._rows)

    def _bisect(self, forward: Callable[[int, int], Tensor], low: int, high: int) -> Tensor:
        """Logits of the rows low..high-1. Rows whose forward fails even alone get NaN, which `_accept` takes for a
        failure; their calls know the reason by then."""
        failure: Exception
        try:
            return forward(low, high)
        except Exception as error:  # the border: anything a model may raise
            self._note_failure(error)
            failure = error
        if self._fatal:
            raise failure
        if high - low > 1:
            middle = (low + high) // 2
            return torch.cat([self._bisect(forward, low, middle), self._bisect(forward, middle, high)])
        self._rows[low].call.fail(as_engine_error(failure))
        return torch.full((1, self._decoder.vocabulary), torch.nan, device=self._decoder.device)

    def _accept(
        self,
        logits: Tensor,
        start: int,
        phase: Literal["prefill", "decode"],
        started: float,
        computed: Sequence[Row],
    ) -> None:
        """Chooses a token for the rows from `start` on, and lets go of those that end with it."""
        rows = self._rows[start:]
        tokens, sound = choose(logits, [row.sampling for row in rows], suppress=self._decoder.suppress)
        at = now()
        self._tell(phase, computed, at - started)
        ended = []
        for index, (row, token, is_sound) in enumerate(zip(rows, tokens, sound, strict=True), start=start):
            if not is_sound:
                row.call.fail(EngineError("the model computed no usable probabilities for this request"))
            if row.call.is_done or self._append(row, token, at):
                ended.append(index)
        self._remove(ended)

    def _append(self, row: Row, token: int, at: float) -> bool:
        """Adds a token to its text; True when the text is complete."""
        row.out.append(token)
        if row.call.first_token_at is None:
            row.call.first_token_at = at
        is_end = token in self._stop_ids
        if row.is_watched and not is_end:
            self._send(row, row.text.push([token]))
        if is_end or row.text.is_stopped:
            self._complete(row, "stop")
        elif len(row.out) >= row.max_new_tokens:
            self._complete(row, "length")
        else:
            return False
        return True

    def _complete(self, row: Row, reason: Literal["stop", "length"]) -> None:
        if not row.is_watched:
            row.text.push([token for token in row.out if token not in self._stop_ids])
        self._send(row, row.text.finish())
        stopped: Literal["stop", "length"] = "stop" if row.text.is_stopped else reason
        completion = Completion(row.text.text, stopped, len(row.out))
        answers = row.call.answer(row.index, completion)
        if answers is None:
            return
        result = Result(
            timings=row.call.timings(now()),
            prompt_tokens=len(row.prompt),
            completion_tokens=sum(answer.completion_tokens for answer in answers),
            completions=tuple(answers),
        )
        request = row.call.request
        if isinstance(request, GenerateRequest) and request.on_text is not None:
            self._deliveries.put(partial(row.call.finish, result))
        else:
            row.call.finish(result)

    def _send(self, row: Row, piece: str) -> None:
        if row.stream is not None:
            row.stream.send(piece)

    def _remove(self, indexes: Sequence[int]) -> None:
        """Closes gaps from the back, each with the row that is last by then."""
        for index in reversed(indexes):
            last = self._rows.pop()
            if index < len(self._rows):
                self._decoder.move(len(self._rows), index, tokens=last.length)
                self._rows[index] = last

    def _abandon(self) -> Iterable[Call[Any]]:
        calls = [row.call for row in self._rows]
        self._rows = []
        return calls

    def _tell(self, phase: Literal["prefill", "decode"], rows: Sequence[Row], seconds: float) -> None:
        if phase == "prefill":
            tokens = sum(row.length for row in rows)
            padding = max(row.length for row in rows) * len(rows) - tokens
        else:
            tokens, padding = len(rows), 0
        self._report(phase, items=len(rows), tokens=tokens, padding_tokens=padding, seconds=seconds)


def _info(spec: EngineSpec, decoder: Decoder, has_chat_template: bool) -> ModelInfo:
    own = read_json(spec.folder, OWN_FILE)
    return ModelInfo(
        role=spec.role,
        name=spec.name,
        revision=spec.binding.revision,
        kind=spec.kind,
        format=str(own.get("format", "chat" if has_chat_template else "plain")),
        max_tokens=decoder.max_tokens,
        folder=spec.folder,
        extra=own,
    )
