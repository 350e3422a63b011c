"""vLLM as this engine uses it: the few classes of its public interface, and nothing sent to anybody."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Set
from typing import Any, Protocol

from storehand.engine import EngineSpec, GenerateRequest
from storehand.errors import ModelNotAvailable, SettingsError
from storehand_worker.engines.loading import load_config, load_tokens, read_json
from storehand_worker.engines.text_model import Text, longest, stop_ids_of

OURS = ("model", "tokenizer", "max_model_len", "max_num_seqs", "trust_remote_code", "dtype", "load_format")
"""Arguments that the binding says by other names, or that are not to be changed."""


class AsyncLLM(Protocol):
    """What we use of vLLM's class of this name."""

    @property
    def errored(self) -> bool: ...

    def generate(self, *, prompt: Any, sampling_params: Any, request_id: str) -> AsyncGenerator[Any, None]: ...

    def shutdown(self) -> None: ...


def text_of(spec: EngineSpec) -> Text:
    """What the folder says of the model. The tokenizer is ours; vLLM gets token ids and gives token ids."""
    config, tokens = load_config(spec), load_tokens(spec)
    told = read_json(spec.folder, "generation_config.json").get("eos_token_id", getattr(config, "eos_token_id", None))
    return Text(
        tokens=tokens,
        max_tokens=longest(spec, config),
        vocabulary=int(config.get_text_config().vocab_size),
        stop_ids=stop_ids_of(tokens, told),
        constraints=None,
    )


async def build(spec: EngineSpec, *, max_tokens: int) -> AsyncLLM:
    """On the event loop that will run it; takes minutes. ModelNotAvailable where vLLM can't serve the model."""
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # it would tell its makers about this machine
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")  # a fork of a process with threads may hang
    from vllm import AsyncEngineArgs  # pyright: ignore[reportMissingImports]  # only GPU workers have it
    from vllm.v1.engine.async_llm import AsyncLLM as Library  # pyright: ignore[reportMissingImports]  # only GPU workers have it

    binding = spec.binding
    more = binding.options.get("engine_args", {})
    if not isinstance(more, dict) or set(more) & set(OURS):
        raise SettingsError(f"models.{spec.role}.options.engine_args must be a table without {', '.join(OURS)}")
    arguments = {
        "model": spec.folder,
        "dtype": binding.dtype,
        "max_model_len": max_tokens,
        "max_num_seqs": binding.slots,
        "load_format": "safetensors",
        "trust_remote_code": False,
        "disable_log_stats": True,
        **more,
    }
    try:
        library: AsyncLLM = Library.from_engine_args(AsyncEngineArgs(**arguments))
    except Exception as error:  # whatever vLLM raises for a model, a device or an argument
        raise ModelNotAvailable(f"vLLM can't serve {spec.name} ({type(error).__name__}: {error})") from error
    return library


def params_of(request: GenerateRequest, index: int, *, stop_ids: Set[int]) -> Any:
    """The options in vLLM's words, which ours are taken from. Stop strings are found by our own reader of tokens."""
    from vllm import SamplingParams  # pyright: ignore[reportMissingImports]  # only GPU workers have it
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams  # pyright: ignore[reportMissingImports]  # only GPU workers have it

    options = request.options
    schema = options.json_schema
    return SamplingParams(
        max_tokens=options.max_new_tokens,
        min_tokens=options.min_new_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        min_p=options.min_p,
        repetition_penalty=options.repetition_penalty,
        seed=(request.seed if options.seed is None else options.seed) + index,
        stop_token_ids=sorted(stop_ids),
        logit_bias=dict(options.logit_bias) or None,
        structured_outputs=None if schema is None else StructuredOutputsParams(json=dict(schema)),
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
    )
