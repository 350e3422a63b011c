"""The look at an endpoint before its engine serves: a wrong URL, key or model stops the start, in plain words."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from storehand.engine import EngineSpec, GenerateRequest
from storehand.errors import InvalidInput, ModelNotAvailable, StorehandError
from storehand.task import GenerateOptions, Message
from storehand_worker.engines.openai_endpoint import Endpoint
from storehand_worker.engines.openai_errors import Failed
from storehand_worker.engines.openai_options import EndpointOptions

log = logging.getLogger(__name__)
Persist = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
NAMES_SHOWN = 8


async def context_length(
    endpoint: Endpoint, spec: EngineSpec, options: EndpointOptions, persist: Persist
) -> int | None:
    """The model's context length, where the endpoint tells it. ModelNotAvailable where it will not serve.

    The list of models costs nothing. Only where there is none, or our model is not on it (gateways hide some), the
    model itself is asked, for one token.
    """
    model = spec.binding.model
    listed: dict[str, int | None] | None = None
    try:
        listed = await persist(endpoint.models)
        if listed is not None and model in listed:
            return listed[model]
        await persist(lambda: _ask(endpoint, spec))
    except Failed as failed:
        _judge(failed.error, model, options, _names(listed))
    return None


async def _ask(endpoint: Endpoint, spec: EngineSpec) -> None:
    if spec.kind == "encode":
        await endpoint.embed(["hello"])
        return
    request = GenerateRequest(id="start", prompt=[Message("user", "hello")], options=GenerateOptions(max_new_tokens=1))
    async for _ in endpoint.write(request, seed=0, count=1):
        pass


def _names(listed: dict[str, int | None] | None) -> str:
    if not listed:
        return ""
    names = sorted(listed)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"; it serves {', '.join(names[:NAMES_SHOWN])}{more}"


def _judge(error: StorehandError, model: str, options: EndpointOptions, names: str) -> None:
    if isinstance(error, InvalidInput):  # it knows the model, and only dislikes a question this small
        log.info("%s serves %s, but refused a one-token question: %s", options.where, model, error.message)
        return
    raise ModelNotAvailable(f"{model}: {error.message}{names}", details=error.details) from None
