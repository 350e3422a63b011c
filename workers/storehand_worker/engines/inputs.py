"""What no engine lets in: checked in the caller's thread, so that a bad request never meets its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from storehand.engine import GenerateRequest, Request, TextsRequest
from storehand.errors import InvalidInput
from storehand.task import GenerateOptions, Kind

MAX_SAMPLES = 64


def check_generate(request: Request) -> GenerateRequest:
    """The request, if it asks for text with options that a sampler can follow."""
    if not isinstance(request, GenerateRequest):
        raise InvalidInput("this model generates text; it takes a GenerateRequest")
    _check_options(request.options)
    return request


def check_texts(request: Request, kind: Kind) -> tuple[Sequence[str], Sequence[str | None]]:
    """The request's texts and their pairs (none each, unless the kind is `score`)."""
    if not isinstance(request, TextsRequest):
        raise InvalidInput(f"this model can {kind}; it takes a TextsRequest")
    if not request.texts:
        raise InvalidInput("the request has no texts")
    if kind != "score":
        if request.pairs is not None:
            raise InvalidInput(f"pairs are for scores; this model can {kind}")
        return request.texts, [None] * len(request.texts)
    if request.pairs is None or len(request.pairs) != len(request.texts):
        raise InvalidInput("a score needs one pair for every text")
    return request.texts, request.pairs


def _check_options(options: GenerateOptions) -> None:
    """InvalidInput for options no sampler can follow."""
    problems = [
        ("max_new_tokens must be at least 1", options.max_new_tokens < 1),
        ("temperature must not be negative", not 0 <= options.temperature < float("inf")),
        ("top_p must be in (0, 1]", not 0 < options.top_p <= 1),
        ("top_k must not be negative", options.top_k < 0),
        ("repetition_penalty must be positive", not 0 < options.repetition_penalty < float("inf")),
        (f"n must be between 1 and {MAX_SAMPLES}", not 1 <= options.n <= MAX_SAMPLES),
        ("stop strings must not be empty", not all(options.stop)),
    ]
    for problem, is_there in problems:
        if is_there:
            raise InvalidInput(problem)


def check_ids(ids: Sequence[int], options: GenerateOptions, *, max_tokens: int, vocabulary: int) -> None:
    """InvalidInput for a prompt that would take the whole batch down, or that does not fit its slot."""
    if not ids:
        raise InvalidInput("the prompt is empty")
    if min(ids) < 0 or max(ids) >= vocabulary:
        raise InvalidInput("the prompt has tokens that the model does not know")
    if len(ids) + options.max_new_tokens > max_tokens:
        raise InvalidInput(
            f"the prompt's {len(ids)} tokens and max_new_tokens {options.max_new_tokens} are over the {max_tokens} "
            f"tokens of a slot",
            details={"prompt_tokens": len(ids), "max_tokens": max_tokens},
        )
