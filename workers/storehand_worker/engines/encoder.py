"""The encoder engine: texts of all waiting requests in batches of similar length, within a budget of padded tokens.

Padding in arrival order is slower than no batching at all. So each batch is built around the most urgent text that
waits, from those among the next ones whose length fits best, and answers go back to their place.

Texts over `max_tokens`: a classifier reads their beginning and says so (`Classification.truncated`); for vectors and
scores, where nobody would notice, they are InvalidInput.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storehand.engine import EngineSpec, Request, Result
from storehand.errors import EngineError, InvalidInput, ModelNotAvailable
from storehand.task import Classification, ModelInfo
from storehand_worker.engines.base import BaseEngine, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.encoder_model import ROW_KINDS, Encoded, EncoderModel
from storehand_worker.engines.inputs import check_texts
from storehand_worker.engines.lane import now
from storehand_worker.engines.loading import OWN_FILE, load_tokens, read_json
from storehand_worker.engines.scheduler import Part
from storehand_worker.engines.step_time import StepTime, padded, unpadded

WINDOW = 256
"""How many of the most urgent texts are looked at for a batch."""
ROOM = 512
"""Most texts of one batch, however short."""


class Answer(NamedTuple):
    """What the model said about one text."""

    encoded: Encoded
    values: list[float]


@dataclass(slots=True, eq=False)
class Text:
    """One text of a request."""

    call: Call[Answer]
    index: int
    encoded: Encoded


class EncoderEngine(BaseEngine[Text]):
    """Kinds `classify`, `encode` and `score`."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind not in ROW_KINDS:
            raise ModelNotAvailable(
                f"the encoder engine can {', '.join(ROW_KINDS)}; role {spec.role} wants {spec.kind}"
            )
        self._model = EncoderModel(spec)
        self._tokens = load_tokens(spec)
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
        encoded = [self._encode(text, pair) for text, pair in zip(texts, pairs, strict=True)]
        call: Call[Answer] = Call(request, parts=len(encoded), now=now())
        return call, [Part(Text(call, index, each), len(each.ids)) for index, each in enumerate(encoded)]

    def _encode(self, text: str, pair: str | None) -> Encoded:
        limit = self._model.max_tokens
        ids, segments, is_cut = self._tokens.encode_pair(
            text, pair, cut_to=limit if self._spec.kind == "classify" else None
        )
        if not ids:
            raise InvalidInput("a text has no tokens")
        if len(ids) > limit:
            raise InvalidInput(f"a text of {len(ids)} tokens is over the {limit} this model reads")
        if max(ids) >= self._model.vocabulary:
            raise InvalidInput("a text has tokens that the model does not know")
        return Encoded(ids, segments, is_cut)

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

    def _result(self, call: Call[Answer], answers: Sequence[Answer]) -> Result:
        timings = call.timings(now())
        tokens = sum(len(answer.encoded.ids) for answer in answers)
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
