"""What a text model's files say about writing with it, whichever loop drives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from storehand.engine import EngineSpec
from storehand.task import ModelInfo
from storehand_worker.engines.constraint import Constraints
from storehand_worker.engines.loading import OWN_FILE, load_config, load_model, load_tokens, read_json
from storehand_worker.engines.tokens import Tokens

SHORT, PEER, LONG = (3, 1, 2), (1, 3, 1), (2, 3, 1, 1, 3, 2, 2, 1, 3, 1, 2)
GIVEN = 2
PROBE_STEPS = 4
"""What a loop is tried with at the start: a few prompts, and the token that follows each of so many times."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a model's files say. `max_tokens` is prompt and output of one text."""

    tokens: Tokens
    max_tokens: int
    vocabulary: int
    stop_ids: frozenset[int]
    constraints: Constraints | None
    suppress: Tensor | None = None
    start_ids: tuple[int, ...] = ()
    """What an encoder-decoder's answer begins with, before its first own token; none for decoders."""

    @property
    def is_encoder_decoder(self) -> bool:
        return bool(self.start_ids)


def load_text_model(spec: EngineSpec, auto_class: Any) -> tuple[Any, Text]:
    """The model ready to infer. What its folder says of sampling is the task's business, and forgotten here."""
    config, tokens = load_config(spec), load_tokens(spec)
    model = load_model(spec, auto_class)
    said, head = model.generation_config, model.get_output_embeddings()
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    width = vocabulary if head is None else int(head.weight.shape[0])
    suppressed = sorted({token for token in ids_of(said.suppress_tokens) if 0 <= token < width})
    suppress = torch.tensor(suppressed, device=model.device) if suppressed else None
    stop_ids = stop_ids_of(tokens, said.eos_token_id, is_always_told=config.is_encoder_decoder)
    text = Text(
        tokens=tokens,
        max_tokens=longest(spec, config),
        vocabulary=vocabulary,
        stop_ids=stop_ids,
        constraints=Constraints(
            tokens, vocabulary=width, ends=stop_ids, suppress=suppress, threads=spec.binding.threads
        ),
        suppress=suppress,
        start_ids=_start_ids(config, said) if config.is_encoder_decoder else (),
    )
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers'
        do_sample=False,
        num_beams=1,
        pad_token_id=tokens.pad_id,
        decoder_start_token_id=text.start_ids[0] if text.start_ids else None,
    )
    return model, text


def longest(spec: EngineSpec, config: Any) -> int:
    """Tokens of a text, by the binding and by the model's positions."""
    return min(
        spec.binding.max_tokens, int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)
    )


def stop_ids_of(tokens: Tokens, told: int | Sequence[int] | None, *, is_always_told: bool = False) -> frozenset[int]:
    """The ends that the model's files tell. Fine-tunes forget the tokenizer's own in generation_config.json."""
    end = tokens.end_id if tokens.has_chat_template or is_always_told else None
    return frozenset(ids_of(told)) | ({end} if end is not None else set())


def info_of(spec: EngineSpec, text: Text, **more: object) -> ModelInfo:
    """As the host shows it; `more` goes into `extra`."""
    own = read_json(spec.folder, OWN_FILE)
    return ModelInfo(
        role=spec.role,
        name=spec.name,
        revision=spec.binding.revision,
        kind=spec.kind,
        format=str(own.get("format", "chat" if text.tokens.has_chat_template else "plain")),
        max_tokens=text.max_tokens,
        folder=spec.folder,
        extra={**own, **more},
    )


def ids_of(value: int | Sequence[int] | None) -> list[int]:
    """Configs say one id, several or none."""
    if value is None:
        return []
    return [value] if isinstance(value, int) else [int(each) for each in value]


def _start_ids(config: Any, said: Any) -> tuple[int, ...]:
    """The decoder's start, and the token that some families (mBART) force after it."""
    for holder, name in ((said, "decoder_start_token_id"), (config, "decoder_start_token_id"), (said, "bos_token_id")):
        start = getattr(holder, name, None)
        if start is not None:
            return (int(start), *ids_of(said.forced_bos_token_id))
    return (int(getattr(config, "pad_token_id", None) or 0), *ids_of(said.forced_bos_token_id))


def only(tokens: Sequence[int], like: Tensor) -> Tensor:
    """Logits [rows, vocabulary] under which an arg max takes these tokens."""
    forced = torch.full_like(like, -torch.inf)
    forced[torch.arange(len(tokens), device=like.device), torch.tensor(tokens, device=like.device)] = 0.0
    return forced


def are_close(left: Tensor, right: Tensor) -> bool:
    """Whether logits differ by rounding only: wrong padding or masks change them by their own size."""
    tolerance = 1e-3 if left.dtype == torch.float32 else 5e-2
    return bool((left - right).abs().max() <= tolerance * left.abs().max())
