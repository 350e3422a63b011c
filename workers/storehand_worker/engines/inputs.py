"""What no engine lets in: checked in the caller's thread, so that a bad request never meets its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from storehand.engine import GenerateRequest, Request, TextsRequest
from storehand.errors import InvalidInput
from storehand.task import GenerateOptions, Kind

MAX_SAMPLES = 64
_ANY = 1 << 63
_WHOLE = {"max_new_tokens": (1, _ANY), "min_new_tokens": (0, _ANY), "top_k": (0, _ANY), "n": (1, MAX_SAMPLES)}
_REAL = {"temperature": (0, 100), "top_p": (0, 1), "min_p": (0, 1), "repetition_penalty": (0, 100)}
_POSITIVE = ("top_p", "repetition_penalty")
_NOTHING = GenerateOptions()


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
    """InvalidInput for options no sampler can follow. Types count, too: the step of a whole batch would trip."""
    for name, (least, most) in _WHOLE.items():
        _check_number(name, getattr(options, name), least, most, kind=Integral)
    for name, (least, most) in _REAL.items():
        _check_number(name, getattr(options, name), least, most, kind=Real)
    for name in _POSITIVE:
        if not getattr(options, name):
            raise InvalidInput(f"{name} must be greater than 0")
    if options.min_new_tokens > options.max_new_tokens:
        raise InvalidInput("min_new_tokens must not be greater than max_new_tokens")
    if options.seed is not None:
        _check_number("seed", options.seed, -_ANY, _ANY, kind=Integral)
    if isinstance(options.stop, str) or not all(isinstance(stop, str) and stop for stop in options.stop):
        raise InvalidInput("stop must be a tuple of strings, none of them empty")
    _check_wishes(options)


def _check_wishes(options: GenerateOptions) -> None:
    if options.json_schema is not None and not isinstance(options.json_schema, Mapping):
        raise InvalidInput("json_schema must be a JSON schema as an object: MyModel.model_json_schema()")
    if not isinstance(options.logit_bias, Mapping):
        raise InvalidInput("logit_bias must be a mapping of token ids to numbers")
    for token, bias in options.logit_bias.items():
        _check_number("a token of logit_bias", token, 0, _ANY, kind=Integral)
        _check_number(f"the bias of token {token}", bias, -100, 100, kind=Real)
    if not all(map(callable, options.logits_processors)):
        raise InvalidInput("logits_processors must be callables")


def _check_number(name: str, value: Any, least: float, most: float, *, kind: Any) -> None:
    if isinstance(value, kind) and least <= value <= most:
        return
    limits = f"between {least:g} and {most:g}" if most < _ANY else f"of at least {least:g}"
    raise InvalidInput(f"{name} must be a {'whole ' if kind is Integral else ''}number {limits}, not {value!r:.50}")


def check_bias(options: GenerateOptions, *, vocabulary: int) -> None:
    """InvalidInput for a bias of tokens that the model does not have."""
    unknown = [token for token in options.logit_bias if token >= vocabulary]
    if unknown:
        raise InvalidInput(f"logit_bias names token {unknown[0]}; the model has {vocabulary} tokens, counted from 0")


def refuse(options: GenerateOptions, *names: str, by: str) -> None:
    """InvalidInput if one of these options is asked for: `by` is an engine that can't follow them."""
    for name in names:
        if getattr(options, name) != getattr(_NOTHING, name):
            raise InvalidInput(f"{by} can't follow the option {name}")


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
