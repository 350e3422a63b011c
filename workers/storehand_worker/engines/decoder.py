"""A text model with its slots: tokens in, logits out. Knows no requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from storehand.engine import EngineSpec
from storehand.errors import OutOfMemory
from storehand_worker.engines.architectures import Architecture, architecture_of
from storehand_worker.engines.kv import BlockMemory, CacheShape, SlotCache
from storehand_worker.engines.loading import load_config, load_model, place_of
from storehand_worker.engines.prefix import BLOCK
from storehand_worker.engines.roofline import limit_of

PREFIX_SHARE = 8
"""Beginnings of prompts are remembered in so many times less memory than the slots have (option `prefix_tokens`)."""


class Decoder:
    """Rows 0..n-1 are in use; the caller keeps them dense with `move`. Only for the engine's thread."""

    def __init__(self, spec: EngineSpec) -> None:
        config = load_config(spec)
        self.max_tokens = min(spec.binding.max_tokens, int(getattr(config, "max_position_embeddings", 1 << 30)))
        self._kind: Architecture = architecture_of(config, name=spec.name, max_tokens=self.max_tokens)
        model = load_model(spec, AutoModelForCausalLM)
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self.limit = limit_of(self._body, self._head)
        self.device = model.device
        self.place = place_of(model)
        self._dtype = model.dtype
        self._adds_masks = model.config._attn_implementation == "eager"  # torch's own attention takes booleans
        self.vocabulary = int(self._head.weight.shape[0])
        generation = model.generation_config  # transformers fills it from generation_config.json, else config.json
        self.stop_ids = frozenset(_ids(generation.eos_token_id))
        suppress = sorted({token for token in _ids(generation.suppress_tokens) if 0 <= token < self.vocabulary})
        self.suppress = torch.tensor(suppress, device=self.device) if suppress else None
        self.spare = slots = spec.binding.slots  # the slot where long prompts are read
        tokens = int(spec.binding.options.get("prefix_tokens", slots * self.max_tokens // PREFIX_SHARE))
        self.blocks = tokens // BLOCK
        shape, place = _cache_shape(config, self.max_tokens), {"dtype": model.dtype, "device": self.device}
        try:
            self._cache = SlotCache(shape, slots=slots + 1, **place)
            self._blocks = BlockMemory(shape, blocks=self.blocks, size=BLOCK, **place)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            raise OutOfMemory(f"{slots} slots of {self.max_tokens} tokens do not fit: {error}") from error
        self._numbers = torch.arange(self.max_tokens, device=self.device)

    @torch.inference_mode()
    def extend(
        self, chunks: Sequence[Sequence[int]], starts: Sequence[int], *, first: int, every: bool = False
    ) -> Tensor:
        """Reads a chunk of tokens per row, into the slots from `first` on, which hold `starts` tokens already; the
        logits after each chunk, [rows, vocabulary], or after `every` token, [rows, tokens, vocabulary]. A whole prompt,
        the next part of one, one more token of every row and guesses that are checked are all this. Repeatable: the
        same call writes to the same places.

        Pads stand on the right, where causal attention alone keeps them out of sight; what they leave behind in a slot
        is written over before anything looks at it.
        """
        width = max(map(len, chunks))
        numbers = self._upload(
            [
                [start, len(chunk) - 1, *chunk, *[0] * (width - len(chunk))]
                for chunk, start in zip(chunks, starts, strict=True)
            ]
        )
        rows = slice(first, first + len(chunks))
        end = max(start + len(chunk) for chunk, start in zip(chunks, starts, strict=True))
        positions = self._place(rows, starts, numbers[:, :1], width=width, end=end)
        # from 0 on the model's own causal mask is right, and faster
        mask = self._mask(positions, end) if any(starts) else None
        hidden = self._forward(numbers[:, 2:], positions.expand(len(chunks), -1), mask)
        if every:
            return self._logits(hidden)
        last = hidden[:, 0] if width == 1 else hidden[self._numbers[: len(chunks)], numbers[:, 1]]
        return self._logits(last)

    def move(self, source: int, target: int, *, tokens: int) -> None:
        """Copies a row's memory, to close a gap or to start a sibling from the same prompt."""
        self._cache.move(source, target, tokens)

    def recall(self, places: Sequence[int], slot: int) -> None:
        """Copies remembered blocks to the beginning of a slot."""
        if places:
            self._blocks.load(places, self._cache.tokens_of(slot))

    def remember(self, slot: int, copies: Sequence[tuple[int, int]]) -> None:
        """Copies blocks of a slot to places: (number of the block, place)."""
        self._blocks.save(self._cache.tokens_of(slot), copies)

    def clear(self, slot: int) -> None:
        """After a row whose numbers broke."""
        self._cache.clear(slot)

    def _upload(self, numbers: list[list[int]]) -> Tensor:
        """All that a step tells the device, at once; on CUDA without waiting for it."""
        if self.device.type == "cpu":
            return torch.tensor(numbers)
        return torch.tensor(numbers, pin_memory=self.device.type == "cuda").to(self.device, non_blocking=True)

    def _place(self, rows: slice, starts: Sequence[int], offsets: Tensor, *, width: int, end: int) -> Tensor:
        """Announces the forward to the cache; the positions of its tokens, [rows, width] or [1, width]."""
        start = starts[0]
        if len(set(starts)) == 1:
            self._cache.write_aligned(rows, start=start, width=end)
            return self._numbers[None, start:end]
        positions = offsets + self._numbers[:width]
        if max(starts) + width > self.max_tokens:  # only pads are
            self._cache.write_at(rows, positions.clamp(max=self.max_tokens), width=end)
            return positions.clamp(max=self.max_tokens - 1)
        self._cache.write_at(rows, positions, width=end)
        return positions

    def _mask(self, positions: Tensor, end: int) -> Tensor | dict[str, Tensor]:
        """What each token may look at, [rows, 1, tokens, end]; by kind of layer where some slide."""
        numbers, positions = self._numbers[:end], positions[:, :, None]
        seen = numbers <= positions
        full = self._as_mask(seen)
        if self._kind.window is None:
            return full
        sliding = self._as_mask(seen & (numbers > positions - self._kind.window))
        return {"full_attention": full, "sliding_attention": sliding} if self._kind.slides_by_layer else sliding

    def _as_mask(self, seen: Tensor) -> Tensor:
        seen = seen[:, None]
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


def _cache_shape(config: Any, tokens: int) -> CacheShape:
    heads = int(config.num_attention_heads)
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    groups = int(getattr(config, "num_key_value_heads", None) or heads)
    return CacheShape(int(config.num_hidden_layers), groups, tokens, head_size)


def _ids(value: int | Sequence[int] | None) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else [int(each) for each in value]
