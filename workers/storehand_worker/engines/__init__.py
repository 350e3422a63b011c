"""Engines: one loaded model each, and its batching."""

from __future__ import annotations

from storehand.engine import Engine, EngineFactory, EngineSpec
from storehand.errors import ModelNotAvailable

__all__ = ["builtin_engines"]


def builtin_engines() -> dict[str, EngineFactory]:
    """The engines of this package by name, for `ModelBinding.engine`. torch is imported when one is built."""
    return {
        "text": _text,
        "encoder": _encoder,
        "static": _static,
        "transformers": _transformers,
        "vllm": _vllm,
        "openai": _openai,
        "fake": _fake,
    }


def _text(spec: EngineSpec) -> Engine:
    """What the text engine does not run goes to `static`, unless the binding asks for `text` in so many words."""
    from storehand_worker.engines.fallback import instead_of_text
    from storehand_worker.engines.text import TextEngine

    return instead_of_text(spec) or TextEngine(spec)


def _static(spec: EngineSpec) -> Engine:
    from storehand_worker.engines.static import StaticEngine

    return StaticEngine(spec)


def _encoder(spec: EngineSpec) -> Engine:
    from storehand_worker.engines.encoder import EncoderEngine

    return EncoderEngine(spec)


def _transformers(spec: EngineSpec) -> Engine:
    from storehand_worker.engines.transformers_cb import TransformersEngine

    return TransformersEngine(spec)


def _vllm(spec: EngineSpec) -> Engine:
    try:
        import vllm  # noqa: F401  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise ModelNotAvailable(
            f"the engine vllm of the role {spec.role!r} needs vLLM: install `storehand[vllm]`"
        ) from error
    from storehand_worker.engines.vllm import VllmEngine

    return VllmEngine(spec)


def _openai(spec: EngineSpec) -> Engine:
    try:
        import openai  # noqa: F401  # so that only its own absence is called so
    except ImportError as error:
        raise ModelNotAvailable(
            f"the engine openai of the role {spec.role!r} needs its client library: install `storehand[openai]`"
        ) from error
    from storehand_worker.engines.remote import RemoteEngine

    return RemoteEngine(spec)


def _fake(spec: EngineSpec) -> Engine:
    from storehand_worker.engines.fake import FakeEngine

    return FakeEngine(spec)
