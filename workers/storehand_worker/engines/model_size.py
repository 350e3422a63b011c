"""How much memory a model in a folder will take, from its files' headers and its config alone: nothing is loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from storehand.engine import EngineSpec
from storehand_worker.engines.memory import LEAST_SLOTS, Need

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2}
_FLOATS = ("F64", "F32", "F16", "BF16")
_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
_REMEMBERED = 8
"""The text engine keeps beginnings of prompts beside its slots: a token in so many of theirs."""
_WIDTHS = 10
"""Copies of a token's hidden state, and of what it widens to, that are alive at once in a layer (rounded up)."""
_LOGIT_BYTES = 16
"""Per word of the vocabulary and row: the logits, their float copy, weights and sums while a token is drawn."""


def need_of(spec: EngineSpec, *, number_bytes: int) -> Need:
    """What an engine over a transformers folder needs when it computes in numbers of so many bytes."""
    binding = spec.binding
    config = _json(Path(spec.folder) / "config.json")
    hidden = _first(config, "hidden_size", "n_embd", "dim", "d_model")
    wide = _first(config, "intermediate_size", "n_inner", "ffn_dim", "hidden_dim", "d_ff") or 4 * hidden
    work = binding.batch_tokens * (_WIDTHS * hidden + 3 * wide) * number_bytes
    need = Need(spec.role, spec.name, weights_bytes(Path(spec.folder), number_bytes), work)
    if spec.kind != "generate":
        return need
    row = _slot_tokens(config, binding.max_tokens) * token_bytes(config, number_bytes)
    slot = row + row // _REMEMBERED + _first(config, "vocab_size") * _LOGIT_BYTES
    least = binding.slots if "slots" in binding.model_fields_set else min(LEAST_SLOTS, binding.slots)
    work += row  # the spare slot, where long prompts are read
    return Need(spec.role, spec.name, need.weights, work, slot, binding.slots, least)


def weights_bytes(folder: Path, number_bytes: int) -> int:
    """All tensors, floats in numbers of so many bytes. Tensors that the engine leaves out are counted too."""
    return sum(_file_bytes(file, number_bytes) for file in _weight_files(folder))


def token_bytes(config: Mapping[str, Any], number_bytes: int) -> int:
    """Keys and values of one token: 2 x layers x heads x head size x bytes."""
    heads = _first(config, "num_attention_heads", "n_head", "n_heads", "num_heads")
    layers = _first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    head_size = _first(config, "head_dim") or _first(config, "hidden_size", "n_embd", "d_model") // max(heads, 1)
    return 2 * layers * (_first(config, "num_key_value_heads") or heads) * head_size * number_bytes


def _slot_tokens(config: Mapping[str, Any], max_tokens: int) -> int:
    return min(max_tokens, _first(config, "max_position_embeddings", "n_positions") or max_tokens)


def _weight_files(folder: Path) -> list[Path]:
    """Those that transformers would read: some folders carry the weights twice."""
    if (folder / _SINGLE).is_file():
        return [folder / _SINGLE]
    shards = _json(folder / _INDEX).get("weight_map", {})
    named = sorted({folder / str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    return [file for file in named if file.is_file()] or sorted(folder.glob("*.safetensors"))


def _file_bytes(file: Path, number_bytes: int) -> int:
    return sum(
        math.prod(tensor["shape"]) * (number_bytes if tensor["dtype"] in _FLOATS else _BYTES.get(tensor["dtype"], 1))
        for tensor in _tensors(file)
    )


def _tensors(file: Path) -> Iterator[Mapping[str, Any]]:
    """The header of a safetensors file: its length in 8 bytes, then JSON. None for a file that is none."""
    with file.open("rb") as opened:
        head = opened.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if not 2 <= length <= file.stat().st_size:
            return
        try:
            header = json.loads(opened.read(length))
        except ValueError:
            return
    yield from (tensor for name, tensor in header.items() if name != "__metadata__")


def _first(config: Mapping[str, Any], *names: str) -> int:
    """The first of these figures that the config has; 0 without any."""
    return next((int(config[name]) for name in names if isinstance(config.get(name), int)), 0)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
