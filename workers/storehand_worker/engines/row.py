"""One text while it is written: a sample of a request, in the lane or in a slot."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from storehand.engine import GenerateRequest
from storehand.errors import StorehandError
from storehand.task import Completion, FinishReason
from storehand_worker.engines.call import Call
from storehand_worker.engines.constraint import Constraints
from storehand_worker.engines.delivery import Stream
from storehand_worker.engines.detokenize import TextStream
from storehand_worker.engines.lookup import Lookup
from storehand_worker.engines.prefix import BLOCK
from storehand_worker.engines.sampling import Noise, Sampling
from storehand_worker.engines.shaping import shape_of


@dataclass(slots=True, eq=False)
class Row:
    """`length` tokens of it lie in the slot's memory; the last of `out` not yet. `places` are the prompt's first blocks
    where they are known already."""

    call: Call[Completion]
    index: int
    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    text: TextStream
    is_watched: bool  # somebody needs its text token by token: a stop string or a reader
    stream: Stream | None = None
    length: int = 0
    out: list[int] = field(default_factory=list)
    places: Sequence[int] = ()
    is_complete: bool = False
    lookup: Lookup | None = None
    failure: StorehandError | None = None
    """Why the model could not read it, even alone."""

    @property
    def known(self) -> int:
        """Tokens of the prompt that need not be computed."""
        return BLOCK * len(self.places)

    def guess(self, most: int, *, hope: float) -> list[int]:
        """What it may say next; only a text that takes the likeliest token can be checked against it."""
        if not self.sampling.is_plain:
            return []
        if self.lookup is None:
            self.lookup = Lookup(self.prompt, hope=hope)
        self.lookup.extend(self.out[len(self.lookup) - len(self.prompt) :])
        return self.lookup.guess(min(most, self.max_new_tokens - len(self.out) - 1))

    def append(self, token: int, stop_ids: Set[int]) -> FinishReason | None:
        """Adds a token; why the text is complete with it, or none."""
        self.out.append(token)
        is_end = token in stop_ids
        if self.is_watched and not is_end:
            self._send(self.text.push([token]))
        if is_end or self.text.is_stopped or self.sampling.is_complete:
            return "stop"
        return "length" if len(self.out) >= self.max_new_tokens else None

    def complete(self, reason: FinishReason, stop_ids: Set[int]) -> Completion:
        """The text, with what was held back."""
        self.is_complete = True
        if not self.is_watched:
            self.text.write([token for token in self.out if token not in stop_ids])
        self._send(self.text.finish())
        return Completion(self.text.text, "stop" if self.text.is_stopped else reason, len(self.out))

    def so_far(self) -> str:
        """What is written, from any thread, while others may write on."""
        return self.text.text if self.is_watched else self.text.text or self.text.read(list(self.out))

    def _send(self, piece: str) -> None:
        if self.stream is not None:
            self.stream.send(piece)


def sampling_of(
    request: GenerateRequest, index: int, prompt: Sequence[int], constraints: Constraints | None = None
) -> Sampling:
    """Sample `index` draws from its own seed, so that company, attempts and devices do not matter. In the caller's
    thread: a JSON schema is compiled here. InvalidInput for what this model can't follow."""
    options = request.options
    seed = (request.seed if options.seed is None else options.seed) + index
    return Sampling(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        min_p=options.min_p,
        noise=Noise(seed) if options.temperature > 0 else None,
        shape=shape_of(options, prompt, constraints),
    )
