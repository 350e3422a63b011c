"""The encoder engine: texts of all waiting requests in batches of similar length, within a budget of tokens.

Padding in arrival order is slower than no batching at all. So each batch is built around the most urgent text that
waits, from those among the next ones whose length fits best, and answers go back to their place. Where the model
allows it, a batch is not padded at all: see `encoder_model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storehand.engine import EngineSpec, Request, Result, TextsRequest
from storehand.errors import EngineError, ModelNotAvailable
from storehand.task import Classification, ModelInfo
from storehand_worker.engines.base import BaseEngine, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.encoder_model import ROW_KINDS, Encoded, EncoderModel
from storehand_worker.engines.inputs import check_texts
from storehand_worker.engines.lane import now
from storehand_worker.engines.loading import OWN_FILE, load_tokens, read_json
from storehand_worker.engines.reading import Reader, merged, split
from storehand_worker.engines.scheduler import Part
from storehand_worker.engines.step_time import StepTime, padded, unpadded

WINDOW = 128
"""How many of the most urgent texts are looked at for a batch."""
ROOM = 512
"""Most texts of one batch, however short."""


class Answer(NamedTuple):
    """What the model said about one text, or one window of it."""

    encoded: Encoded
    values: list[float]


class TextsCall(Call[Answer]):
    """Its parts are the windows of its texts, `windows` of each; most have one."""

    def __init__(self, request: Request, *, windows: Sequence[int], now: float) -> None:
        super().__init__(request, parts=sum(windows), now=now)
        self.windows = windows


@dataclass(slots=True, eq=False)
class Text:
    """One text of a request, or one window of it."""

    call: TextsCall
    index: int
    encoded: Encoded


class EncoderEngine(BaseEngine[Text]):
    """Kinds `classify`, `encode` and `score`. Options of the binding: `long_texts`, `prompts`, `packed`."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind not in ROW_KINDS:
            raise ModelNotAvailable(
                f"the encoder engine can {', '.join(ROW_KINDS)}; role {spec.role} wants {spec.kind}"
            )
        self._model = EncoderModel(spec)
        self._tokens = load_tokens(spec)
        self._reader = Reader(spec, self._tokens, max_tokens=self._model.max_tokens, vocabulary=self._model.vocabulary)
        super().__init__(spec, _info(spec, self._model), capacity=0, place=self._model.place)
        self._batch: list[Text] = []
        self._times = StepTime()
        self._start()

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    def _running(self) -> int:
        return len(self._batch)

    def _prepare(self, request: Request) -> tuple[Call[Answer], Sequence[Part[Text]]]:
        texts, pairs = check_texts(request, self._spec.kind)
        prompt = request.prompt if isinstance(request, TextsRequest) else ""
        read = [self._reader.read(text, pair, prompt=prompt) for text, pair in zip(texts, pairs, strict=True)]
        windows = [window for text in read for window in text]
        call = TextsCall(request, windows=[len(text) for text in read], now=now())
        return call, [Part(Text(call, index, each), len(each.ids)) for index, each in enumerate(windows)]

    # The engine's thread.

    def _step(self) -> None:
        at = now()
        pick = self._lane.pick(
            lambda line: line.pick(
                at,
                room=ROOM,
                budget=self._budget.tokens,
                window=WINDOW,
                times=self._times,
                packed=self._model.way.is_packed,
            )
        )
        fail_overdue(text.call for text in pick.expired)
        self._batch = [text for text in pick.items if not text.call.is_done]
        for text in self._batch:
            text.call.schedule(at)
        if self._batch:
            self._run(self._batch)
        self._batch = []

    def _run(self, texts: list[Text]) -> None:
        """One forward; one that fails is repeated in halves, until the text that can't be read stands alone."""
        started = now()
        self._predicted_s = self._times.predict(*self._size(texts)) if self._times.ready else 0.0
        for piece in self._in_halves(
            lambda low, high: self._model.run([text.encoded for text in texts[low:high]], pad_id=self._tokens.pad_id),
            0,
            len(texts),
            tokens=lambda low, high: self._size(texts[low:high])[0],
            is_done=lambda low, high: all(text.call.is_done for text in texts[low:high]),
        ):
            answered = texts[piece.low : piece.high]
            if piece.value is not None:
                self._tell(answered, now() - started)
                self._settle(answered, piece.value)
            elif piece.failure is not None:
                answered[0].call.fail(piece.failure)
            started = now()

    def _settle(self, texts: Sequence[Text], answers: Sequence[list[float]]) -> None:
        for text, answer in zip(texts, answers, strict=True):
            if not all(map(math.isfinite, answer)):
                text.call.fail(EngineError("the model computed no usable numbers for a text of this request"))
                continue
            whole = text.call.answer(text.index, Answer(text.encoded, answer))
            if whole is not None:
                text.call.finish(self._result(text.call, whole))

    def _result(self, call: TextsCall, windows: Sequence[Answer]) -> Result:
        timings = call.timings(now())
        tokens = sum(len(answer.encoded.ids) for answer in windows)
        answers = [self._whole(group) for group in split(windows, call.windows)]
        if self._spec.kind == "encode":
            vectors = tuple(tuple(answer.values) for answer in answers)
            return Result(timings=timings, prompt_tokens=tokens, vectors=vectors)
        if self._spec.kind == "score":
            return Result(timings=timings, prompt_tokens=tokens, scores=tuple(answer.values[0] for answer in answers))
        labels = self._model.labels
        classifications = tuple(
            Classification(dict(zip(labels, answer.values, strict=True)), truncated=answer.encoded.is_cut)
            for answer in answers
        )
        return Result(timings=timings, prompt_tokens=tokens, classifications=classifications)

    def _size(self, texts: Sequence[Text]) -> tuple[int, float]:
        """Tokens that the model computes for a batch, and their squares by text."""
        lengths = [len(text.encoded.ids) for text in texts]
        return unpadded(lengths) if self._model.way.is_packed else padded(lengths)

    def _whole(self, windows: Sequence[Answer]) -> Answer:
        """A text's answer: its only window's, or the mean of all; a vector is of unit length again."""
        if len(windows) == 1:
            return windows[0]
        values = merged([(len(each.encoded.ids), each.values) for each in windows])
        if self._spec.kind == "encode":
            length = math.hypot(*values) or 1.0
            values = [value / length for value in values]
        return Answer(windows[0].encoded, values)

    def _abandon(self) -> Iterable[Call[Any]]:
        calls = [text.call for text in self._batch]
        self._batch = []
        return calls

    def _tell(self, texts: Sequence[Text], seconds: float) -> None:
        lengths = [len(text.encoded.ids) for text in texts]
        computed, squares = self._size(texts)
        self._times.observe(computed, squares, seconds)
        tokens = sum(lengths)
        least_s = self._model.limit.encode_s(lengths)
        self._report(
            "encode",
            items=len(texts),
            tokens=tokens,
            padding_tokens=computed - tokens,
            seconds=seconds,
            least_s=least_s,
            capacity=ROOM,
            budget_tokens=self._budget.tokens,
        )


def _info(spec: EngineSpec, model: EncoderModel) -> ModelInfo:
    own = read_json(spec.folder, OWN_FILE)
    return ModelInfo(
        role=spec.role,
        name=spec.name,
        revision=spec.binding.revision,
        kind=spec.kind,
        format=str(own.get("format", "plain")),
        max_tokens=model.max_tokens,
        labels=model.labels,
        folder=spec.folder,
        extra=own,
    )
