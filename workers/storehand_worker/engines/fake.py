"""An engine without a model: deterministic answers for all kinds, and every fault on request.

It has the same lane, scheduler and manners as the real ones, so that what is built on engines can be tested without
torch and under load. Options of the binding:

- `step_s`: seconds one step takes (default 0)
- `words`: length of a generated text in words (default 12; a step writes one word per row)
- `fail_on`, `oom_on`: texts with this substring fail with EngineError, OutOfMemory
- `hang_on`: texts with this substring are never answered; cancel and deadline still end them
- `stick_on`: the step with such a text does not end before the engine is closed, as a kernel that hangs
- `break_on`: such a text breaks the device for good, as an assertion inside a CUDA kernel
- `die_on`: a text with this substring kills the process (SIGKILL), as a broken driver would
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from storehand.engine import EngineSpec, GenerateRequest, Request, Result
from storehand.errors import EngineError, Expired, InvalidInput, OutOfMemory
from storehand.job import Priority
from storehand.task import Completion, ModelInfo
from storehand_worker.engines import fake_answers
from storehand_worker.engines.base import BaseEngine, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.delivery import Deliveries, Stream
from storehand_worker.engines.inputs import check_generate, check_ids, check_texts, refuse
from storehand_worker.engines.lane import now
from storehand_worker.engines.scheduler import Part, room_to_share


@dataclass(slots=True, eq=False)
class Piece:
    """One text of `size` tokens being answered: the words it will say (texts only), and how many it has said."""

    call: Call[Any]
    index: int
    text: str
    size: int
    words: list[str] = field(default_factory=list)
    reason: fake_answers.Reason = "stop"
    said: int = 0
    stream: Stream | None = None


class AcceleratorError(RuntimeError):
    """Named like torch's own."""


class FakeEngine(BaseEngine[Piece]):
    """All kinds. The same input always gets the same answer."""

    def __init__(self, spec: EngineSpec) -> None:
        labels = fake_answers.LABELS if spec.kind == "classify" else ()
        info = ModelInfo(
            spec.role, spec.name, spec.binding.revision, spec.kind, "plain", spec.binding.max_tokens, labels
        )
        super().__init__(spec, info, capacity=spec.binding.slots)
        self._options = spec.binding.options
        self._step_s = float(self._options.get("step_s", 0.0))
        self._is_healthy = not any(option.endswith("_on") for option in self._options)
        self._pieces: list[Piece] = []
        self._closing = threading.Event()
        self._deliveries = Deliveries(f"stream-{spec.role}")
        self._start()

    def count_tokens(self, text: str) -> int:
        """A token is a word; a Chinese character is one too."""
        return fake_answers.count_words(text)

    def close(self, timeout_s: float = 10.0) -> None:
        self._closing.set()
        super().close(timeout_s)

    def _flush(self, timeout_s: float) -> None:
        self._deliveries.close(timeout_s)

    def _running(self) -> int:
        return len(self._pieces)

    def _prepare(self, request: Request) -> tuple[Call[Any], Sequence[Part[Piece]]]:
        if self._spec.kind == "generate":
            return self._prepare_generate(check_generate(request))
        texts, pairs = check_texts(request, self._spec.kind)
        whole = [text if pair is None else f"{text}\n{pair}" for text, pair in zip(texts, pairs, strict=True)]
        if not all(text.strip() for text in texts):
            raise InvalidInput("a text has no tokens")
        sizes = [self.count_tokens(text) for text in whole]
        if self._spec.kind != "classify" and max(sizes) > self._info.max_tokens:
            raise InvalidInput(f"a text is over the {self._info.max_tokens} tokens this model reads")
        call: Call[Any] = Call(request, parts=len(whole), now=now())
        pieces = [Piece(call, index, text, size) for index, (text, size) in enumerate(zip(whole, sizes, strict=True))]
        return call, [Part(piece, piece.size) for piece in pieces]

    def _prepare_generate(self, request: GenerateRequest) -> tuple[Call[Any], Sequence[Part[Piece]]]:
        refuse(request.options, "json_schema", "logit_bias", "logits_processors", by="the engine fake")
        text = fake_answers.plain(request.prompt)
        size = self.count_tokens(text)
        check_ids(range(size), request.options, max_tokens=self._info.max_tokens, vocabulary=size)
        call: Call[Any] = Call(request, parts=request.options.n, now=now())
        pieces = [self._piece(call, request, text, size, index) for index in range(request.options.n)]
        call.stream = pieces[0].stream
        call.so_far = lambda: ["".join(piece.words[: piece.said]) for piece in pieces]
        return call, [Part(piece, size) for piece in pieces]

    def _piece(self, call: Call[Any], request: GenerateRequest, text: str, size: int, index: int) -> Piece:
        options = request.options
        seed = (request.seed if options.seed is None else options.seed) + index
        words, reason = fake_answers.compose(text, options, seed=seed, words=int(self._options.get("words", 12)))
        stream = Stream(request.on_text, self._deliveries) if request.on_text and index == 0 else None
        return Piece(call, index, text, size, words, reason, stream=stream)

    # The engine's thread.

    def _step(self) -> None:
        at = now()
        for piece in self._pieces:
            if piece.call.is_overdue(at):
                piece.call.fail(Expired("the deadline passed while the model was at work"))
        self._pieces = [piece for piece in self._pieces if not piece.call.is_done]
        self._admit(at)
        if not self._pieces:
            return
        is_stuck = not self._is_healthy and all(self._has(piece, "hang_on") for piece in self._pieces)
        if self._step_s or is_stuck:
            self._closing.wait(max(self._step_s, 0.002 if is_stuck else 0.0))
        left = [piece for piece in self._pieces if not self._advance(piece)]
        self._tell(self._pieces, now() - at)
        self._pieces = left

    def _admit(self, at: float) -> None:
        room = self._capacity - len(self._pieces)
        shared = sum(piece.call.request.priority is not Priority.INTERACTIVE for piece in self._pieces)
        shared_room = room_to_share(
            capacity=self._capacity, running=len(self._pieces), shared=shared, reserved=self._capacity // 8
        )
        budget = self._budget.tokens
        pick = self._lane.pick(lambda line: line.pick(at, room=room, budget=budget, shared_room=shared_room))
        fail_overdue(piece.call for piece in pick.expired)
        for piece in pick.items:
            if not piece.call.is_done:
                piece.call.schedule(at)
                self._pieces.append(piece)

    def _advance(self, piece: Piece) -> bool:
        """One step of one piece; True when it is done with."""
        if piece.call.is_done:
            return True
        if self._is_healthy:
            return self._proceed(piece)
        if self._has(piece, "die_on"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._has(piece, "break_on"):
            raise AcceleratorError("CUDA error: device-side assert triggered")
        if self._has(piece, "stick_on"):
            self._closing.wait()
        if self._has(piece, "hang_on"):
            return False
        if self._has(piece, "oom_on"):
            piece.call.fail(OutOfMemory("this request does not fit into the fake device's memory"))
        elif self._has(piece, "fail_on"):
            piece.call.fail(EngineError("the fake model failed on this request"))
        else:
            return self._proceed(piece)
        return True

    def _proceed(self, piece: Piece) -> bool:
        if self._spec.kind == "generate":
            return self._say(piece)
        self._answer(piece, self._judge(piece))
        return True

    def _has(self, piece: Piece, option: str) -> bool:
        substring = self._options.get(option)
        return bool(substring) and str(substring) in piece.text

    def _say(self, piece: Piece) -> bool:
        """Without a step time nobody watches single words: the whole text is said at once."""
        upto = piece.said + 1 if self._step_s else len(piece.words)
        new = "".join(piece.words[piece.said : upto])
        piece.said = upto
        if piece.call.first_token_at is None:
            piece.call.first_token_at = now()
        if piece.stream is not None:
            piece.stream.send(new)
        if piece.said < len(piece.words):
            return False
        self._answer(piece, Completion("".join(piece.words), piece.reason, max(len(piece.words), 1)))
        return True

    def _judge(self, piece: Piece) -> Any:
        if self._spec.kind == "classify":
            return fake_answers.classify(piece.text, truncated=piece.size > self._info.max_tokens)
        return fake_answers.score(piece.text) if self._spec.kind == "score" else fake_answers.embed(piece.text)

    def _answer(self, piece: Piece, answer: Any) -> None:
        answers = piece.call.answer(piece.index, answer)
        if answers is None:
            return
        result = self._result(piece.call, answers, piece.size)
        piece.call.finish(result)

    def _result(self, call: Call[Any], answers: Sequence[Any], tokens: int) -> Result:
        timings = call.timings(now())
        match self._spec.kind:
            case "generate":
                written = sum(answer.completion_tokens for answer in answers)
                return Result(
                    timings=timings, prompt_tokens=tokens, completion_tokens=written, completions=tuple(answers)
                )
            case "classify":
                return Result(timings=timings, prompt_tokens=tokens, classifications=tuple(answers))
            case "encode":
                return Result(timings=timings, prompt_tokens=tokens, vectors=tuple(answers))
            case "score":
                return Result(timings=timings, prompt_tokens=tokens, scores=tuple(answers))

    def _abandon(self) -> Iterable[Call[Any]]:
        calls = [piece.call for piece in self._pieces]
        self._pieces = []
        return calls

    def _tell(self, pieces: Sequence[Piece], seconds: float) -> None:
        phase: Literal["decode", "encode"] = "decode" if self._spec.kind == "generate" else "encode"
        self._report(phase, items=len(pieces), tokens=len(pieces), padding_tokens=0, seconds=seconds)
