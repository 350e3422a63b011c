"""What a remote engine does with one place on the wire: writes a text, or turns a batch of texts into vectors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from storehand.engine import EngineSpec, GenerateRequest, Request, Result
from storehand.errors import Expired, InvalidInput, StorehandError
from storehand.task import Completion
from storehand_worker.engines.call import Call
from storehand_worker.engines.delivery import Deliveries, Stream
from storehand_worker.engines.detokenize import TextStream
from storehand_worker.engines.estimate import estimate_prompt, estimate_tokens, surely
from storehand_worker.engines.inputs import check_generate, check_texts
from storehand_worker.engines.lane import now
from storehand_worker.engines.openai_endpoint import Delta, Endpoint
from storehand_worker.engines.openai_errors import BadAnswer, Failed
from storehand_worker.engines.openai_options import EndpointOptions, check_wishes
from storehand_worker.engines.scheduler import Part, Pick, Scheduler

T = TypeVar("T")
WINDOW = 256
BATCH_TOKENS = 8192
"""Of one embedding request, where the binding does not say `batch_tokens`."""


@dataclass(slots=True, eq=False)
class Ask:
    """A part of a call: `count` texts to write from `index` on, or a text to embed. `draft` is of the last attempt."""

    call: Call[Any]
    index: int
    count: int = 1
    text: str = ""
    stream: Stream | None = None
    draft: Draft | None = None


class Place(Protocol):
    """What work needs of its engine."""

    endpoint: Endpoint
    deliveries: Deliveries

    async def persist(self, attempt: Callable[[], Awaitable[T]], has_begun: Callable[[], bool]) -> T: ...

    def note_token(self) -> None: ...

    def note_end(self) -> None: ...

    def note_step(self, items: int, tokens: int, seconds: float) -> None: ...

    def note_failed(self, error: StorehandError) -> None: ...


class Work(Protocol):
    def prepare(self, request: Request, *, max_tokens: int) -> tuple[Call[Any], Sequence[Part[Ask]]]: ...

    def pick(self, line: Scheduler[Ask], at: float, *, room: int, shared_room: int) -> Pick[Ask]: ...

    async def run(self, asks: Sequence[Ask]) -> None: ...


class Written(NamedTuple):
    """The choices of one request, and what the endpoint says of its prompt."""

    completions: tuple[Completion, ...]
    prompt_tokens: int | None


@dataclass(slots=True)
class Choice:
    """One text as it comes."""

    text: TextStream
    pieces: int = 0
    reason: str | None = None

    def completion(self, tokens: int) -> Completion:
        is_cut = self.reason == "length" and not self.text.is_stopped
        reason: Literal["stop", "length"] = "length" if is_cut else "stop"
        return Completion(self.text.text, reason, tokens)

    @property
    def is_complete(self) -> bool:
        return self.text.is_stopped or self.reason is not None


@dataclass(slots=True)
class Draft:
    """What has come of one ask in one attempt."""

    choices: list[Choice]
    usage: Delta = field(default_factory=Delta)


class Asks:
    """Kind `generate`."""

    def __init__(self, place: Place, spec: EngineSpec, options: EndpointOptions) -> None:
        self._place = place
        self._options = options

    def prepare(self, request: Request, *, max_tokens: int) -> tuple[Call[Any], Sequence[Part[Ask]]]:
        request = check_generate(request)
        check_wishes(request.options)
        options, prompt_tokens = request.options, estimate_prompt(request.prompt)
        if not request.prompt or not prompt_tokens:
            raise InvalidInput("the prompt is empty")
        if surely(prompt_tokens) + options.max_new_tokens > max_tokens:
            raise InvalidInput(
                f"the prompt's (about {prompt_tokens}) tokens and max_new_tokens {options.max_new_tokens} are over the "
                f"{max_tokens} tokens of this model",
                details={"prompt_tokens": prompt_tokens, "max_tokens": max_tokens},
            )
        step = options.n if self._options.n_at_once else 1
        starts = range(0, options.n, step)
        call: Call[Written] = Call(request, parts=len(starts), now=now())
        call.stream = None if request.on_text is None else Stream(request.on_text, self._place.deliveries)
        asks = [Ask(call, place, step, stream=None if place else call.stream) for place in range(len(starts))]
        call.so_far = lambda: [choice.text.text for ask in asks if ask.draft for choice in ask.draft.choices]
        return call, [Part(ask, prompt_tokens) for ask in asks]

    def pick(self, line: Scheduler[Ask], at: float, *, room: int, shared_room: int) -> Pick[Ask]:
        return line.pick(at, room=min(room, 1), budget=1 << 60, shared_room=shared_room)

    async def run(self, asks: Sequence[Ask]) -> None:
        [ask] = asks
        has_sent: list[bool] = []
        try:
            draft = await self._place.persist(lambda: self._attempt(ask, has_sent), lambda: bool(has_sent))
        except Failed as failed:
            self._place.note_failed(failed.error)
            ask.call.fail(failed.error)
            return
        self._answer(ask, draft)

    async def _attempt(self, ask: Ask, has_sent: list[bool]) -> Draft:
        request = ask.call.request
        assert isinstance(request, GenerateRequest)
        seed = (request.seed if request.options.seed is None else request.options.seed) + ask.index
        draft = ask.draft = Draft([Choice(TextStream(_join, request.options.stop)) for _ in range(ask.count)])
        deltas = self._place.endpoint.write(request, seed=seed, count=ask.count)
        try:
            async for delta in deltas:
                self._take(ask, draft, delta, has_sent)
                if ask.call.is_done or all(choice.text.is_stopped for choice in draft.choices):
                    break
        finally:
            await deltas.aclose()  # closes the connection where the answer was not read to its end
        missing = sum(not choice.is_complete for choice in draft.choices)
        if missing and not ask.call.is_done:
            raise BadAnswer(f"gave {len(draft.choices) - missing} of {len(draft.choices)} texts")
        return draft

    def _take(self, ask: Ask, draft: Draft, delta: Delta, has_sent: list[bool]) -> None:
        at = now()
        if ask.call.is_overdue(at):
            ask.call.fail(Expired("the deadline passed while the endpoint was answering"))
        if delta.prompt_tokens is not None or delta.choice >= len(draft.choices):
            draft.usage = delta if delta.prompt_tokens is not None else draft.usage
            return
        choice = draft.choices[delta.choice]
        if delta.reason == "content_filter":
            raise InvalidInput("the endpoint's content filter refuses this request or its answer")
        choice.reason = delta.reason or choice.reason
        if not delta.text or choice.text.is_stopped:
            return
        if ask.call.first_token_at is None:
            ask.call.first_token_at = at
        choice.pieces += 1
        piece = choice.text.push([delta.text])
        if ask.stream is not None and delta.choice == 0 and piece:
            has_sent.append(True)
            ask.stream.send(piece)
        self._place.note_token()

    def _answer(self, ask: Ask, draft: Draft) -> None:
        call = ask.call
        self._place.note_end()
        if call.is_done:
            return
        for choice in draft.choices:
            rest = choice.text.finish()
            if ask.stream is not None and choice is draft.choices[0]:
                ask.stream.send(rest)
        if call.first_token_at is None:  # an answer without a word
            call.first_token_at = now()
        told = draft.usage.completion_tokens if len(draft.choices) == 1 else None
        completions = tuple(choice.completion(told or self._tokens(choice)) for choice in draft.choices)
        answers = call.answer(ask.index, Written(completions, draft.usage.prompt_tokens))
        if answers is None:
            return
        result = self._result(call, answers)
        call.finish(result)

    def _tokens(self, choice: Choice) -> int:
        """Servers send a token per piece; one that does not stream sends all in one."""
        return max(choice.pieces, 1) if self._options.stream else max(estimate_tokens(choice.text.text), 1)

    def _result(self, call: Call[Any], answers: Sequence[Written]) -> Result:
        request = call.request
        assert isinstance(request, GenerateRequest)
        guess = estimate_prompt(request.prompt)
        completions = tuple(completion for answer in answers for completion in answer.completions)
        return Result(
            timings=call.timings(now()),
            prompt_tokens=sum(guess if each.prompt_tokens is None else each.prompt_tokens for each in answers),
            completion_tokens=sum(completion.completion_tokens for completion in completions),
            completions=completions,
        )


class Embeds:
    """Kind `encode`."""

    def __init__(self, place: Place, spec: EngineSpec, options: EndpointOptions) -> None:
        self._place = place
        self._room = options.texts_per_request
        is_set = "batch_tokens" in spec.binding.model_fields_set
        self._budget = spec.binding.batch_tokens if is_set else BATCH_TOKENS

    def prepare(self, request: Request, *, max_tokens: int) -> tuple[Call[Any], Sequence[Part[Ask]]]:
        texts, _ = check_texts(request, "encode")
        costs = [estimate_tokens(text) for text in texts]
        if not all(costs):
            raise InvalidInput("a text is empty")
        if surely(max(costs)) > max_tokens:
            raise InvalidInput(f"a text of about {max(costs)} tokens is over the {max_tokens} this model reads")
        call: Call[Any] = Call(request, parts=len(texts), now=now())
        asks = [Ask(call, index, text=text) for index, text in enumerate(texts)]
        return call, [Part(ask, cost) for ask, cost in zip(asks, costs, strict=True)]

    def pick(self, line: Scheduler[Ask], at: float, *, room: int, shared_room: int) -> Pick[Ask]:
        shared = self._room if shared_room else 0  # a place holds many texts
        return line.pick(at, room=self._room if room else 0, budget=self._budget, shared_room=shared, window=WINDOW)

    async def run(self, asks: Sequence[Ask]) -> None:
        failed = await self._embed(asks, repeat=True)
        if failed is not None:
            await self._isolate(asks, failed)

    async def _embed(self, asks: Sequence[Ask], *, repeat: bool) -> Failed | None:
        started = now()
        try:
            vectors, told = await self._place.persist(
                lambda: self._place.endpoint.embed([ask.text for ask in asks]), lambda: not repeat
            )
        except Failed as failed:
            return failed
        guesses = [estimate_tokens(ask.text) for ask in asks]
        used = sum(guesses) if told is None else told
        self._place.note_step(len(asks), max(used, len(asks)), now() - started)
        shares = [used * guess / sum(guesses) for guess in guesses]
        for ask, vector, share in zip(asks, vectors, shares, strict=True):
            answers = None if ask.call.is_done else ask.call.answer(ask.index, (vector, share))
            if answers is not None:
                ask.call.finish(
                    Result(
                        timings=ask.call.timings(now()),
                        prompt_tokens=max(round(sum(share for _, share in answers)), len(answers)),
                        vectors=tuple(vector for vector, _ in answers),
                    )
                )
        return None

    async def _isolate(self, asks: Sequence[Ask], failed: Failed) -> None:
        """Finds the text that fails its batch. Where both halves fail as the whole did, it is not the texts."""
        if len(asks) == 1 or not failed.may_be_one_text:
            self._place.note_failed(failed.error)
            for ask in asks:
                ask.call.fail(failed.error)
            return
        middle = len(asks) // 2
        halves = [half for half in (_alive(asks[:middle]), _alive(asks[middle:])) if half]
        failures = [await self._embed(half, repeat=False) for half in halves]
        is_hopeless = all(failures) and not isinstance(failed.error, InvalidInput) and len(asks) > 2
        for half, each in zip(halves, failures, strict=True):
            if each is not None:
                await self._isolate(half, Failed(each.error) if is_hopeless else each)


def _alive(asks: Sequence[Ask]) -> list[Ask]:
    return [ask for ask in asks if not ask.call.is_done]


def _join(pieces: Sequence[str]) -> str:
    """Some servers cut between the two halves of an emoji, as JSON writes it: half of one is held back as bytes are."""
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
