"""The roofline: the least seconds that a step's useful tokens need on this machine, so that a ratio to the physical
limit can be told live.

A step computes at most `flops` and reads at most `bytes_per_s`; whichever takes longer is the limit. Counted are the
weights that useful tokens pass through and the keys and values they look at: padding, activations, sampling and the
loop's own work are not, they are what keeps a step from its limit.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)

PATIENCE_S = 0.02
"""How long one measurement repeats itself; its best time counts."""
LONG_ENOUGH_S = 0.002
LARGEST_MATRIX = 8192
SMALLEST_BYTES = 2**20
"""Reading less than this measures the start of the reading."""
READ_BYTES = 512 * 2**20
"""More of a model's weights than this is not read: no cache holds it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a device can do at most with the threads an engine has: floating point operations per second in the
    engine's dtype, bytes per second read. Infinite where it could not be measured: then nothing takes time."""

    flops: float = math.inf
    bytes_per_s: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The model's side of the roofline. `body` weights are passed by every token (of experts those that are asked),
    `head` weights once per written token; `width` is heads x head size, `kv_bytes` what one token leaves in the cache
    of all layers. `window` limits what a `sliding` share of the layers looks back."""

    machine: Machine
    body: float
    head: float = 0.0
    weight_bytes: int = 4
    layers: int = 0
    width: int = 0
    kv_bytes: float = 0.0
    window: int = 0
    sliding: float = 0.0

    def text_s(self, spans: Sequence[tuple[int, int]], written: int | None = None) -> float:
        """One step of a decoder: rows that held `start` tokens and then hold `end`, for each (start, end): prompts,
        parts of them, next tokens. It tells the next one of every row, or `written` in all."""
        pairs = sum(self._pairs(end) - self._pairs(start) for start, end in spans)
        seen = sum(self._seen(start) for start, _ in spans)
        tokens = sum(end - start for start, end in spans)
        return self._seconds(tokens, len(spans) if written is None else written, pairs=pairs, seen=seen)

    def encode_s(self, lengths: Sequence[int]) -> float:
        """One batch of texts, every token of which looks at the whole text."""
        return self._seconds(sum(lengths), 0, pairs=sum(length * length for length in lengths))

    def _seconds(self, tokens: int, written: int, *, pairs: float, seen: float = 0.0) -> float:
        """Two operations per weight and token, four per pair of tokens and channel: a product with the keys and one
        with the values. The weights are read once."""
        flops = 2 * (self.body * tokens + self.head * written) + 4 * self.layers * self.width * pairs
        read = (self.body + self.head) * self.weight_bytes + self.kv_bytes * seen
        return max(flops / self.machine.flops, read / self.machine.bytes_per_s)

    def _pairs(self, tokens: int) -> float:
        """Who looks at whom in a causal text of so many tokens, as a mean over the layers."""
        short = min(tokens, self.window)
        return (1 - self.sliding) * tokens**2 / 2 + self.sliding * (short * tokens - short**2 / 2)

    def _seen(self, tokens: int) -> float:
        return (1 - self.sliding) * tokens + self.sliding * min(tokens, self.window)


def limit_of(body: nn.Module, head: nn.Module | None = None, *, left_out: int = 0) -> Limit:
    """The limit of a loaded transformers model: `body` without its head, `head` the one that writes tokens; so many of
    the layers are `left_out`, since they are not computed for every token. Measures the machine on the first call for
    a device, dtype and size: under 0.2 s."""
    config: Any = body.config
    weights = _weights(body) + ([] if head is None else [(1.0, each) for each in head.parameters()])
    first = weights[0][1]
    heads = _number(config, "num_attention_heads", 1)
    size = _number(config, "head_dim", _number(config, "hidden_size", 0) // heads)
    kv_heads = _number(config, "num_key_value_heads", heads)
    all_layers = _number(config, "num_hidden_layers", 1)
    layers = all_layers - left_out
    window, kinds = _number(config, "sliding_window", 0), list(getattr(config, "layer_types", None) or [])
    return Limit(
        machine=machine_of([each for _, each in weights]),
        body=sum(share * each.numel() for share, each in _weights(body)) * layers / all_layers,
        head=0.0 if head is None else sum(each.numel() for each in head.parameters()),
        weight_bytes=first.element_size(),
        layers=layers,
        width=heads * size,
        kv_bytes=2 * layers * kv_heads * size * first.element_size(),
        window=window,
        sliding=kinds.count("sliding_attention") / len(kinds) if kinds and window else 0.0,
    )


def _weights(body: nn.Module) -> list[tuple[float, Tensor]]:
    """Everything but tables of embeddings and what runs once per text (poolers), with the share of it that a token
    passes. A layer that a model uses several times (ALBERT) counts once: such a model is nearer to its limit than
    its ratio says."""
    config: Any = body.config
    tables = {id(each) for part in body.modules() if isinstance(part, nn.Embedding) for each in part.parameters()}
    experts = _number(config, "num_experts", _number(config, "num_local_experts", 1))
    asked = _number(config, "num_experts_per_tok", experts)
    return [
        (asked / experts if ".experts." in name else 1.0, each)
        for name, each in body.named_parameters()
        if id(each) not in tables and "pooler" not in name
    ]


def _number(config: Any, name: str, default: int) -> int:
    """Of a config that may not say it, or say it by layer: no model stays unloaded for its ratio."""
    value = getattr(config, name, None)
    return value if isinstance(value, int) and value > 0 else default


def machine_of(weights: Sequence[Tensor]) -> Machine:
    """Measured on the device of these weights, with torch's present number of threads; remembered.

    Memory is measured by reading the weights themselves: a small model sits in a cache, whose speed is then its limit.
    """
    device, dtype, threads = weights[0].device, weights[0].dtype, torch.get_num_threads()
    try:
        return Machine(_flops(device, dtype, threads), _bytes_per_s(weights, device, threads))
    except RuntimeError as error:  # a device without room for a measurement serves all the same
        log.warning("the machine can't be measured (%s); the engine goes on without a roofline ratio", error)
        return Machine()


@cache
def _flops(device: torch.device, dtype: torch.dtype, threads: int) -> float:
    """Of square matrix products, larger until one takes long enough to be measured."""
    best = 0.0
    size = 512
    while size <= LARGEST_MATRIX:
        left, right = (torch.rand(size, size, dtype=torch.float32).to(device, dtype) for _ in range(2))
        seconds = _least_s(device, lambda left=left, right=right: left @ right.T)  # type: ignore[misc]  # bound by its defaults
        best = max(best, 2 * size**3 / seconds)
        if seconds >= LONG_ENOUGH_S:
            break
        size *= 2
    return best


_BANDWIDTHS: dict[tuple[torch.device, int, int], float] = {}


def _bytes_per_s(weights: Sequence[Tensor], device: torch.device, threads: int) -> float:
    size_class = min(READ_BYTES, sum(each.nbytes for each in weights)).bit_length()
    key = (device, threads, size_class)
    if key not in _BANDWIDTHS:
        _BANDWIDTHS[key] = _copied(device) if device.type == "cuda" else _read(list(_rows(weights)))
    return _BANDWIDTHS[key]


def _rows(weights: Sequence[Tensor]) -> Iterator[Tensor]:
    """The weights' bytes as float32 rows, whose product with a vector is the fastest reader that torch has."""
    left = READ_BYTES
    for each in weights:
        flat = each.detach().reshape(-1).view(torch.uint8)
        rows = flat[: flat.numel() // 4096 * 4096].view(torch.float32).view(-1, 1024)
        if left <= 0:
            return
        if len(rows):
            left -= rows.nbytes
            yield rows


def _read(pieces: Sequence[Tensor]) -> float:
    if sum(piece.nbytes for piece in pieces) < SMALLEST_BYTES:
        pieces = [torch.zeros(SMALLEST_BYTES // 4096, 1024)]
    ones = torch.ones(1024)
    seconds = _least_s(torch.device("cpu"), lambda: [piece @ ones for piece in pieces])
    return sum(piece.nbytes for piece in pieces) / seconds


def _copied(device: torch.device) -> float:
    """Reading and writing 128 MiB each; weights would be read piece by piece and their kernels' starts measured."""
    source = torch.empty(128 * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _least_s(device, lambda: target.copy_(source))


@torch.inference_mode()
def _least_s(device: torch.device, run: Callable[[], object]) -> float:
    """The best time of several runs after one that does not count."""
    run()
    best, end = math.inf, time.perf_counter() + PATIENCE_S
    while math.isinf(best) or time.perf_counter() < end:
        best = min(best, _on_gpu(device, run) if device.type == "cuda" else _on_cpu(run))
    return max(best, 1e-9)


def _on_cpu(run: Callable[[], object]) -> float:
    """With one thread its own CPU time: neighbours on the machine do not lower what it can do."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    run()
    return clock() - started


def _on_gpu(device: torch.device, run: Callable[[], object]) -> float:
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
        begin.record()
        run()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1000
