"""An encoder with its head: a rectangle of token ids in, one answer per row out. Knows no requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForSequenceClassification

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.loading import load_config, load_model, place_of, read_json

ROW_KINDS = ("classify", "encode", "score")
_POOLING_PREFIX = "pooling_mode_"
_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text (or pair) as the model reads it."""

    ids: list[int]
    segments: list[int]
    is_cut: bool = False


class EncoderModel:
    """Rows of probabilities, unit vectors, or one score each. Only for the engine's thread."""

    def __init__(self, spec: EngineSpec) -> None:
        config = load_config(spec)
        own_limit = read_json(spec.folder, "sentence_bert_config.json").get("max_seq_length") or 1 << 30
        positions = int(getattr(config, "max_position_embeddings", 1 << 30)) - _position_offset(config)
        self.max_tokens = min(spec.binding.max_tokens, int(own_limit), positions)
        self._model = load_model(spec, AutoModel if spec.kind == "encode" else AutoModelForSequenceClassification)
        self.place = place_of(self._model)
        self._has_segments = int(getattr(config, "type_vocab_size", 0)) > 1
        self.vocabulary = int(self._model.get_input_embeddings().weight.shape[0])
        labels = int(getattr(self._model, "num_labels", 1))
        self.labels = tuple(str(config.id2label[index]) for index in range(labels)) if spec.kind == "classify" else ()
        self._head = _head(spec, config, labels)

    @torch.inference_mode()
    def run(self, rows: Sequence[Encoded], *, pad_id: int) -> list[list[float]]:
        """The head's output for every row, as floats."""
        width = max(len(row.ids) for row in rows)
        device = self._model.device
        ids = torch.tensor([[*row.ids, *[pad_id] * (width - len(row.ids))] for row in rows], device=device)
        lengths = torch.tensor([len(row.ids) for row in rows], device=device)
        mask = (torch.arange(width, device=device) < lengths[:, None]).long()
        inputs: dict[str, Tensor] = {"input_ids": ids, "attention_mask": mask}
        if self._has_segments:
            segments = [[*row.segments, *[0] * (width - len(row.ids))] for row in rows]
            inputs["token_type_ids"] = torch.tensor(segments, device=device)
        answers: list[list[float]] = self._head(self._model(**inputs), mask).tolist()
        return answers


Head = Callable[[Any, Tensor], Tensor]


def _head(spec: EngineSpec, config: Any, labels: int) -> Head:
    if spec.kind == "encode":
        return _pooling(spec)
    if spec.kind == "classify":
        if labels < 2:
            raise ModelNotAvailable(f"{spec.name} has {labels} label; a classifier needs two or more")
        return lambda output, mask: output.logits.float().softmax(-1)
    if labels == 2:
        return lambda output, mask: output.logits.float().softmax(-1)[:, 1:]
    if labels > 2:
        raise ModelNotAvailable(f"{spec.name} has {labels} labels; a scorer has one, or two (no, yes)")
    activation = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn", "Sigmoid")
    if str(activation).endswith("Identity"):
        return lambda output, mask: output.logits.float()
    return lambda output, mask: output.logits.float().sigmoid()


def _pooling(spec: EngineSpec) -> Head:
    """As the folder's sentence-transformers files say, else the mean over the text's tokens; always unit length."""
    for module in read_modules(spec.folder):
        if module not in _MODULES:
            raise ModelNotAvailable(f"{spec.name} has a {module} module; the encoder engine runs {', '.join(_MODULES)}")
    config = read_json(spec.folder, "1_Pooling/config.json")
    modes = [key for key, value in config.items() if key.startswith(_POOLING_PREFIX) and value is True]
    mode = modes[0] if modes else f"{_POOLING_PREFIX}{config.get('pooling_mode', 'mean_tokens')}"
    pool = _POOLINGS.get(mode.removeprefix(_POOLING_PREFIX).removesuffix("_tokens").removesuffix("_token"))
    if pool is None or len(modes) > 1:
        raise ModelNotAvailable(f"{spec.name} pools by {', '.join(modes) or mode}; known are {', '.join(_POOLINGS)}")
    return lambda output, mask: torch.nn.functional.normalize(pool(output.last_hidden_state.float(), mask), dim=-1)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    weights = mask[:, :, None].float()
    return (hidden * weights).sum(1) / weights.sum(1)


def _max(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden.masked_fill(mask[:, :, None] == 0, -torch.inf).amax(1)


def _last(hidden: Tensor, mask: Tensor) -> Tensor:
    """Causal models: only the last token has read all the others. Padding stands on the right."""
    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]


_POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": _mean,
    "max": _max,
    "last": _last,
    "lasttoken": _last,  # as sentence-transformers spells it in 1_Pooling/config.json
    "cls": lambda hidden, mask: hidden[:, 0],
}


def read_modules(folder: str) -> list[str]:
    """Class names in a sentence-transformers `modules.json`; none without it."""
    import json
    from pathlib import Path

    path = Path(folder) / "modules.json"
    if not path.is_file():
        return []
    return [str(module.get("type", "")).rsplit(".", 1)[-1] for module in json.loads(path.read_text(encoding="utf-8"))]


def _position_offset(config: Any) -> int:
    """RoBERTa's kin count positions from behind the pad id."""
    is_offset = config.model_type in ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "mpnet")
    return int(config.pad_token_id or 0) + 1 if is_offset else 0
