"""Texts of any length side by side in one row: no padding, so the model computes what the texts need and no more.

Everything in a transformer but its attention looks at one token at a time and does not care whose it is. The attention
here keeps the texts apart: those of equal length are one call (on CUDA in half precision all of them are). Models
whose attention goes through transformers' AttentionInterface take it by its name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "storehand_packed"
"""Of our attention among those of transformers."""
_UNKNOWN = ("softcap", "position_bias", "s_aux")
"""What some families add to their attention, and ours does not do."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours of equal length: `count` texts from text `first` and token `start` on."""

    count: int
    length: int
    first: int
    start: int

    @property
    def texts(self) -> slice:
        return slice(self.first, self.first + self.count)

    def of(self, tokens: Tensor) -> Tensor:
        """[tokens of the row, ...] to [count, length, ...], without a copy."""
        own = tokens[self.start : self.start + self.count * self.length]
        return own.view(self.count, self.length, *tokens.shape[1:])


@dataclass(frozen=True, slots=True)
class Pack:
    """How the texts lie in the row; `starts` holds the place of each text's first token, and the end of the row."""

    runs: tuple[Run, ...]
    starts: Tensor
    is_varlen: bool = False

    @property
    def firsts(self) -> Tensor:
        return self.starts[:-1]

    @property
    def longest(self) -> int:
        return max(run.length for run in self.runs)


def runs_of(lengths: Sequence[int]) -> tuple[Run, ...]:
    """Equal neighbours together; fewest runs when the lengths are sorted."""
    counted = [(len(list(group)), length) for length, group in groupby(lengths)]
    firsts = accumulate((count for count, _ in counted), initial=0)
    starts = accumulate((count * length for count, length in counted), initial=0)
    return tuple(
        Run(count, length, first, start) for (count, length), first, start in zip(counted, firsts, starts, strict=False)
    )


@dataclass(frozen=True, slots=True)
class PackedRow:
    """The row as the model takes it, `ids`, `positions` and `segments` of shape [1, tokens]."""

    pack: Pack
    ids: Tensor
    positions: Tensor
    segments: Tensor


def pack_rows(
    ids: Sequence[Sequence[int]],
    segments: Sequence[Sequence[int]],
    *,
    device: torch.device,
    offset: int = 0,
    is_varlen: bool = False,
) -> PackedRow:
    """One upload for everything. `offset` is the first token's position."""
    lengths = [len(each) for each in ids]
    total = sum(lengths)
    positions = chain.from_iterable(range(offset, offset + length) for length in lengths)
    starts = accumulate(lengths, initial=0)
    flat = torch.tensor(
        [*chain.from_iterable(ids), *positions, *chain.from_iterable(segments), *starts],
        pin_memory=device.type == "cuda",
    ).to(device, non_blocking=True)
    rows = flat[: 3 * total].view(3, 1, total)
    pack = Pack(runs_of(lengths), flat[3 * total :].int(), is_varlen)
    return PackedRow(pack, rows[0], rows[1], rows[2])


_HERE = threading.local()


@contextmanager
def at_work(pack: Pack) -> Iterator[None]:
    """While open, our attention on this thread reads rows as this pack says."""
    _HERE.pack = pack
    try:
        yield
    finally:
        del _HERE.pack


def current() -> Pack:
    """The pack at work on this thread."""
    pack: Pack = _HERE.pack
    return pack


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """[1, heads, tokens, size] each to [1, tokens, heads, size]. Masks are not read: nothing is padded.
    `sliding_window` is how near a token must be to be seen, itself counted."""
    if any(more.get(name) is not None for name in _UNKNOWN):
        raise ValueError(f"packed attention knows none of {', '.join(_UNKNOWN)}")
    pack = current()
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    queries, keys, values = query[0].transpose(0, 1), key[0].transpose(0, 1), value[0].transpose(0, 1)
    if pack.is_varlen:
        return _attend_varlen(pack, queries, keys, values, scaling, causal, sliding_window)[None], None
    out = query.new_empty(*queries.shape[:2], values.shape[2])
    for run in pack.runs:
        seen = scaled_dot_product_attention(
            run.of(queries).transpose(1, 2),
            run.of(keys).transpose(1, 2),
            run.of(values).transpose(1, 2),
            attn_mask=_band(run.length, sliding_window, causal, query.device),
            is_causal=causal and (sliding_window is None or run.length <= sliding_window),
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        run.of(out).copy_(seen.transpose(1, 2))
    return out[None], None


def _band(length: int, sliding_window: int | None, causal: bool, device: torch.device) -> Tensor | None:
    """Which keys a query sees, where that is neither all of them nor all before it."""
    if sliding_window is None or length <= sliding_window:
        return None
    place = torch.arange(length, device=device)
    ahead = place[None, :] - place[:, None]
    seen = ahead.abs() < sliding_window
    return seen & (ahead <= 0) if causal else seen


def _attend_varlen(
    pack: Pack, query: Tensor, key: Tensor, value: Tensor, scaling: float | None, causal: bool, window: int | None
) -> Tensor:
    """One call for texts of all lengths, [tokens, heads, size] each. Tried with every model before it is used."""
    from torch.nn.attention.varlen import varlen_attn

    reach = -1 if window is None else window - 1
    out: Any = varlen_attn(
        query,
        key,
        value,
        pack.starts,
        pack.starts,
        pack.longest,
        pack.longest,
        scale=scaling,
        window_size=(reach, 0 if causal else reach),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, Tensor)
    return out


class FirstTokens(nn.Module):
    """A BERT's last layer when only the first token of each text is read afterwards: keys and values of all tokens,
    everything else of the first ones. [1, tokens, width] to [1, texts, width]."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        pack, layer = current(), self._layer
        attention = layer.attention.self
        firsts = hidden_states[:, pack.firsts]

        def by_head(states: Tensor) -> Tensor:
            return states[0].view(states.shape[1], attention.num_attention_heads, -1)

        query, key, value = (
            by_head(attention.query(firsts)),
            by_head(attention.key(hidden_states)),
            by_head(attention.value(hidden_states)),
        )
        out = torch.empty_like(query)
        for run in pack.runs:
            keys, values = run.of(key).transpose(1, 2), run.of(value).transpose(1, 2)
            out[run.texts] = scaled_dot_product_attention(query[run.texts, :, None], keys, values)[:, :, 0]
        attended = layer.attention.output(out.flatten(1)[None], firsts)
        answer: Tensor = layer.output(layer.intermediate(attended), attended)
        return answer


AttentionInterface.register(NAME, attend)
