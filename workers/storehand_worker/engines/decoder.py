"""A text model with its slots: prompts in, one token per row, logits out. Knows no requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from storehand.engine import EngineSpec
from storehand.errors import OutOfMemory
from storehand_worker.engines.architectures import Architecture, architecture_of
from storehand_worker.engines.kv import SlotCache
from storehand_worker.engines.loading import load_config, load_model


class Decoder:
    """Rows 0..n-1 are in use; the caller keeps them dense with `move`. Only for the engine's thread."""

    def __init__(self, spec: EngineSpec) -> None:
        config = load_config(spec)
        self.max_tokens = min(spec.binding.max_tokens, int(getattr(config, "max_position_embeddings", 1 << 30)))
        self._kind: Architecture = architecture_of(config, name=spec.name, max_tokens=self.max_tokens)
        model = load_model(spec, AutoModelForCausalLM)
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self.device = model.device
        self._dtype = model.dtype
        self._adds_masks = model.config._attn_implementation == "eager"  # torch's own attention takes booleans
        self.vocabulary = int(self._head.weight.shape[0])
        generation = model.generation_config  # transformers fills it from generation_config.json, else config.json
        self.stop_ids = frozenset(_ids(generation.eos_token_id))
        suppress = sorted({token for token in _ids(generation.suppress_tokens) if 0 <= token < self.vocabulary})
        self.suppress = torch.tensor(suppress, device=self.device) if suppress else None
        shape = _cache_shape(config, self.max_tokens)
        try:
            self._cache = SlotCache(shape, slots=spec.binding.slots, dtype=model.dtype, device=self.device)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            raise OutOfMemory(f"{spec.binding.slots} slots of {self.max_tokens} tokens do not fit: {error}") from error
        self._numbers = torch.arange(self.max_tokens, device=self.device)

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], *, start: int) -> Tensor:
        """Writes the prompts into the slots from `start` on; the logits after each, [prompts, vocabulary].

        Pads stand on the right, where causal attention alone keeps them out of sight.
        """
        width = max(map(len, prompts))
        ids = torch.tensor([[*prompt, *[0] * (width - len(prompt))] for prompt in prompts], device=self.device)
        self._cache.write_prompts(start, len(prompts))
        hidden = self._forward(ids, self._numbers[:width].expand(len(prompts), -1), None)
        last = torch.tensor([len(prompt) - 1 for prompt in prompts], device=self.device)
        return self._logits(hidden[self._numbers[: len(prompts)], last])

    @torch.inference_mode()
    def decode(self, tokens: Sequence[int], lengths: Sequence[int], *, start: int) -> Tensor:
        """One more token for the rows from `start` on, which hold `lengths` tokens; [rows, vocabulary]. Repeatable:
        until the caller counts the token, the same call writes to the same place."""
        positions = torch.tensor(lengths, device=self.device)[:, None]
        width = max(lengths) + 1
        self._cache.write_tokens(start, positions[:, 0], width=width)
        ids = torch.tensor(tokens, device=self.device)[:, None]
        return self._logits(self._forward(ids, positions, self._mask(positions, width))[:, 0])

    def move(self, source: int, target: int, *, tokens: int) -> None:
        """Copies a row's memory, to close a gap or to start a sibling from the same prompt."""
        self._cache.move(source, target, tokens)

    def _mask(self, positions: Tensor, width: int) -> Tensor | dict[str, Tensor]:
        """What each row's new token may look at, [rows, 1, 1, width]; by kind of layer where some slide."""
        numbers = self._numbers[:width]
        seen = numbers <= positions
        full = self._as_mask(seen)
        if self._kind.window is None:
            return full
        sliding = self._as_mask(seen & (numbers > positions - self._kind.window))
        return {"full_attention": full, "sliding_attention": sliding} if self._kind.slides_by_layer else sliding

    def _as_mask(self, seen: Tensor) -> Tensor:
        seen = seen[:, None, None, :]
        if not self._adds_masks:
            return seen
        least = torch.finfo(self._dtype).min
        return torch.zeros(seen.shape, dtype=self._dtype, device=self.device).masked_fill(~seen, least)

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor | dict[str, Tensor] | None) -> Tensor:
        output = self._body(
            input_ids=ids, position_ids=positions, attention_mask=mask, past_key_values=self._cache, use_cache=True
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self._head(hidden)
        return self._kind.finish(logits)


def _cache_shape(config: Any, tokens: int) -> tuple[int, int, int, int]:
    heads = int(config.num_attention_heads)
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(config.num_hidden_layers), int(getattr(config, "num_key_value_heads", None) or heads), tokens, head_size


def _ids(value: int | Sequence[int] | None) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else [int(each) for each in value]
