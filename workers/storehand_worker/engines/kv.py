"""The memory of a continuous batch: keys and values of every slot, kept so that the rows in use lie side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class SlotCache:
    """One tensor [layers, 2, slots, heads, tokens, head size], given to the model's own forward in place of a
    transformers cache. Each forward is announced: `write_prompts` or `write_tokens` says where its rows go."""

    is_compileable = False

    def __init__(
        self, shape: tuple[int, int, int, int], *, slots: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        layers, heads, tokens, head_size = shape
        self._kv = torch.zeros(layers, 2, slots, heads, tokens, head_size, dtype=dtype, device=device)
        self._rows = slice(0, 0)
        self._row_index = torch.arange(slots, device=device)
        self._positions: Tensor | None = None
        self._width = 0

    @property
    def size_bytes(self) -> int:
        return self._kv.numel() * self._kv.element_size()

    def write_prompts(self, start: int, count: int) -> None:
        """The next forward carries `count` right-padded prompts for the slots from `start` on."""
        self._rows, self._positions = slice(start, start + count), None

    def write_tokens(self, start: int, positions: Tensor, *, width: int) -> None:
        """The next forward carries one token per slot from `start` on, at `positions`; `width` tokens are in use."""
        self._rows, self._positions, self._width = slice(start, start + len(positions)), positions, width

    def move(self, source: int, target: int, tokens: int) -> None:
        """Copies a slot's first `tokens` tokens."""
        self._kv[:, :, target, :, :tokens] = self._kv[:, :, source, :, :tokens]

    # What transformers' attention layers and masks ask of a cache.

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        stored_keys, stored_values = self._kv[layer, 0], self._kv[layer, 1]
        if self._positions is None:
            stored_keys[self._rows, :, : keys.shape[2]] = keys
            stored_values[self._rows, :, : keys.shape[2]] = values
            return keys, values
        index = self._row_index[self._rows]
        stored_keys[index, :, self._positions] = keys[:, :, 0]
        stored_values[index, :, self._positions] = values[:, :, 0]
        return stored_keys[self._rows, :, : self._width], stored_values[self._rows, :, : self._width]

    def get_seq_length(self, *_: Any) -> int:
        return 0

    def get_query_offset(self, *_: Any) -> int:
        return 0

    def get_mask_sizes(self, query_length: int, *_: Any) -> tuple[int, int]:
        return query_length, 0
