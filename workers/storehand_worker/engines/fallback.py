"""Models that the text engine does not run are served by static batches, and the operator hears of it."""

from __future__ import annotations

import logging

from storehand.engine import Engine, EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.architectures import architecture_of
from storehand_worker.engines.loading import load_config

log = logging.getLogger(__name__)


def instead_of_text(spec: EngineSpec) -> Engine | None:
    """The engine that serves the model in the text engine's place; none where that runs it itself, or was asked for by
    name. ModelNotAvailable, with both reasons, where neither can."""
    if spec.kind != "generate" or spec.binding.engine is not None or not (reason := refusal(spec)):
        return None
    from storehand_worker.engines.static import StaticEngine

    try:
        engine = StaticEngine(spec, reason=reason)
    except ModelNotAvailable as error:
        raise ModelNotAvailable(f"{reason}; the engine static can't serve it either: {error.message}") from error
    log.warning(
        "%s; it is served by the engine static, in batches of similar length: slower, and a new text waits until the "
        "batch at work is put together anew",
        reason,
    )
    return engine


def refusal(spec: EngineSpec) -> str:
    """Why the text engine does not run this model; nothing where it does. Reads config.json only."""
    config = load_config(spec)
    try:
        architecture_of(config, name=spec.name, max_tokens=spec.binding.max_tokens)
    except ModelNotAvailable as error:
        return error.message
    return ""
