"""The memory of a continuous batch: keys and values of every slot, kept so that the rows in use lie side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class CacheShape(NamedTuple):
    layers: int
    heads: int
    tokens: int
    head_size: int


class SlotCache:
    """One tensor [layers, 2, slots, heads, tokens, head size], given to the model's own forward in place of a
    transformers cache. Each forward is announced: one of the `write_` methods says where its rows go.

    The place behind a slot's last token takes the pads of rectangles that reach beyond it; nobody reads it.
    """

    is_compileable = False

    def __init__(self, shape: CacheShape, *, slots: int, dtype: torch.dtype, device: torch.device) -> None:
        layers, heads, tokens, head_size = shape
        self._kv = torch.zeros(layers, 2, slots, heads, tokens + 1, head_size, dtype=dtype, device=device)
        self._row_index = torch.arange(slots, device=device)[:, None]
        self._rows = slice(0, 0)
        self._start = 0
        self._positions: Tensor | None = None
        self._width = 0

    @property
    def size_bytes(self) -> int:
        return self._kv.numel() * self._kv.element_size()

    def write_aligned(self, rows: slice, *, start: int, width: int) -> None:
        """The next forward carries the same positions for every row, from `start` on; `width` tokens are in use then.
        From 0 on nothing in the slots is older, so attention sees the forward's own keys and values only."""
        self._rows, self._start, self._width, self._positions = rows, start, width, None

    def write_at(self, rows: slice, positions: Tensor, *, width: int) -> None:
        """The next forward carries tokens at `positions` [rows, tokens]; `width` tokens are in use then."""
        self._rows, self._width, self._positions = rows, width, positions

    def move(self, source: int, target: int, tokens: int) -> None:
        """Copies a slot's first `tokens` tokens."""
        self._kv[:, :, target, :, :tokens] = self._kv[:, :, source, :, :tokens]

    def clear(self, slot: int) -> None:
        """Forgets a slot that holds broken numbers: even masked, NaN would reach the slot's next row."""
        self._kv[:, :, slot] = 0

    def tokens_of(self, slot: int) -> Tensor:
        """The slot's memory, [layers, 2, heads, tokens, head size]."""
        return self._kv[:, :, slot]

    # What transformers' attention layers and masks ask of a cache.

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        rows = self._rows
        stored_keys, stored_values = self._kv[layer, 0], self._kv[layer, 1]
        if self._positions is not None:
            index = self._row_index[rows]
            stored_keys[index, :, self._positions] = keys.transpose(1, 2)
            stored_values[index, :, self._positions] = values.transpose(1, 2)
        else:
            stored_keys[rows, :, self._start : self._width] = keys
            stored_values[rows, :, self._start : self._width] = values
            if self._start == 0:
                return keys, values
        return stored_keys[rows, :, : self._width], stored_values[rows, :, : self._width]

    def get_seq_length(self, *_: Any) -> int:
        return 0

    def get_query_offset(self, *_: Any) -> int:
        return 0

    def get_mask_sizes(self, query_length: int, *_: Any) -> tuple[int, int]:
        return query_length, 0


class BlockMemory:
    """Keys and values of single blocks of tokens, which many rows' slots have in common: copied in and out."""

    def __init__(self, shape: CacheShape, *, blocks: int, size: int, dtype: torch.dtype, device: torch.device) -> None:
        self._size = size
        self._kv = torch.empty(shape.layers, 2, shape.heads, blocks, size, shape.head_size, dtype=dtype, device=device)

    def save(self, slot: Tensor, copies: Sequence[tuple[int, int]]) -> None:
        """Copies blocks of a slot [layers, 2, heads, tokens, head size]: (number in the slot, place here)."""
        for number, place in copies:
            self._kv[:, :, :, place] = slot[:, :, :, number * self._size : (number + 1) * self._size]

    def load(self, places: Sequence[int], slot: Tensor) -> None:
        """Copies blocks to a slot's beginning, in this order."""
        start, blocks = places[0], len(places)
        is_run = list(places) == list(range(start, start + blocks))  # most are: saved together
        found = self._kv[:, :, :, start : start + blocks] if is_run else self._kv[:, :, :, list(places)]
        slot[:, :, :, : blocks * self._size].view(*found.shape).copy_(found)
