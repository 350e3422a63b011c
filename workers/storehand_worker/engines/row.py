"""One text while it is written: a sample of a request, in the lane or in a slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from storehand.engine import GenerateRequest
from storehand.task import Completion
from storehand_worker.engines.call import Call
from storehand_worker.engines.delivery import Stream
from storehand_worker.engines.detokenize import TextStream
from storehand_worker.engines.sampling import Noise, Sampling


@dataclass(slots=True, eq=False)
class Row:
    """`length` tokens of it lie in the slot's memory; the last of `out` not yet."""

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


def sampling_of(request: GenerateRequest, index: int, prompt: Sequence[int]) -> Sampling:
    """Sample `index` draws from its own seed, so that company, attempts and devices do not matter."""
    options = request.options
    seed = (request.seed if options.seed is None else options.seed) + index
    return Sampling(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        penalty=options.repetition_penalty,
        noise=Noise(seed) if options.temperature > 0 else None,
        seen=dict.fromkeys(prompt) if options.repetition_penalty != 1.0 else None,
    )
