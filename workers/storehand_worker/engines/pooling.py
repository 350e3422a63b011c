"""From the tokens' vectors to one vector per text, as the model's sentence-transformers files say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.loading import read_json
from storehand_worker.engines.packing import Run

_PREFIX = "pooling_mode_"
_DENSE = {"Identity": torch.nn.Identity, "Tanh": torch.nn.Tanh, "ReLU": torch.nn.ReLU, "GELU": torch.nn.GELU}

Pool = Callable[[Tensor], Tensor]
"""[texts, tokens, width], all texts of one length, to [texts, width]."""


def _weighted(block: Tensor) -> Tensor:
    """Later tokens count more: they have read more in models that read from left to right."""
    weights = torch.arange(1, block.shape[1] + 1, device=block.device, dtype=block.dtype)
    return torch.einsum("btw,t->bw", block, weights / weights.sum())


POOLINGS: Mapping[str, Pool] = {
    "cls": lambda block: block[:, 0],
    "max": lambda block: block.amax(1),
    "mean": lambda block: block.mean(1),
    "mean_sqrt_len_tokens": lambda block: block.sum(1) / block.shape[1] ** 0.5,
    "weightedmean": _weighted,
    "lasttoken": lambda block: block[:, -1],
}
"""In the order in which sentence-transformers puts several side by side."""


class Pooling:
    """Pools, then goes through the folder's dense layers, to vectors of unit length."""

    def __init__(self, spec: EngineSpec) -> None:
        self.modes = _modes(spec)
        self._layers = _dense_layers(spec)

    @property
    def reads_first_only(self) -> bool:
        return self.modes == ("cls",)

    def place(self, device: torch.device) -> None:
        """Where the layers compute; in float32, like all that comes after the model."""
        self._layers = [layer.to(device) for layer in self._layers]

    def vectors(self, hidden: Tensor, runs: Sequence[Run]) -> Tensor:
        """[tokens, width] of texts that lie as `runs` say."""
        blocks = [run.of(hidden).float() for run in runs]
        pooled = [torch.cat([POOLINGS[mode](block) for mode in self.modes], -1) for block in blocks]
        return self.finish(torch.cat(pooled))

    def finish(self, pooled: Tensor) -> Tensor:
        vectors = pooled.float()
        for layer in self._layers:
            vectors = layer(vectors)
        return torch.nn.functional.normalize(vectors, dim=-1)


def _modes(spec: EngineSpec) -> tuple[str, ...]:
    """The mean without a word of the folder."""
    config = read_json(spec.folder, f"{_path_of(spec.folder, 'Pooling') or '1_Pooling'}/config.json")
    asked = config.get("pooling_mode") or [key for key, value in config.items() if _is_mode(key, value)]
    names = [_name(each) for each in ([asked] if isinstance(asked, str) else asked)] or ["mean"]
    if unknown := set(names) - set(POOLINGS):
        raise ModelNotAvailable(f"{spec.name} pools by {', '.join(unknown)}; known are {', '.join(POOLINGS)}")
    if config.get("include_prompt") is False:
        raise ModelNotAvailable(f"{spec.name} leaves its prompts out of the pooling, which the encoder engine can't")
    return tuple(mode for mode in POOLINGS if mode in names)


def _is_mode(key: str, value: object) -> bool:
    return key.startswith(_PREFIX) and value is True


def _name(mode: str) -> str:
    short = mode.removeprefix(_PREFIX)
    return short if short in POOLINGS else {"last": "lasttoken"}.get(short, short.rsplit("_token", 1)[0])


def _dense_layers(spec: EngineSpec) -> list[torch.nn.Module]:
    """The layers behind the pooling, as modules.json lists them."""
    layers: list[torch.nn.Module] = []
    for kind, path in read_modules(spec.folder):
        if kind == "Dense":
            layers.append(_dense(spec, path))
        elif kind not in ("Transformer", "Pooling", "Normalize"):
            raise ModelNotAvailable(
                f"{spec.name} has a {kind} module; the encoder engine runs Transformer, Pooling, Dense and Normalize"
            )
    return layers


def _dense(spec: EngineSpec, path: str) -> torch.nn.Module:
    from safetensors.torch import load_file

    config = read_json(spec.folder, f"{path}/config.json")
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rsplit(".", 1)[-1]
    weights = Path(spec.folder, path, "model.safetensors")
    if name not in _DENSE or not weights.is_file():
        raise ModelNotAvailable(
            f"the Dense module of {spec.name} needs a model.safetensors and one of {', '.join(_DENSE)}; it is {name}"
        )
    tensors = {key.rsplit(".", 1)[-1]: value.float() for key, value in load_file(weights).items()}
    size_out, size_in = tensors["weight"].shape
    linear = torch.nn.Linear(size_in, size_out, bias="bias" in tensors)
    linear.load_state_dict(tensors)
    return torch.nn.Sequential(linear, _DENSE[name]()).eval().requires_grad_(False)


def read_modules(folder: str) -> list[tuple[str, str]]:
    """Class name and folder of each step in a sentence-transformers `modules.json`; none without it."""
    path = Path(folder) / "modules.json"
    if not path.is_file():
        return []
    modules: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [(str(module.get("type", "")).rsplit(".", 1)[-1], str(module.get("path", ""))) for module in modules]


def _path_of(folder: str, kind: str) -> str:
    return next((path for each, path in read_modules(folder) if each == kind), "")
