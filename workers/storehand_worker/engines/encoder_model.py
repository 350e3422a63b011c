"""An encoder with its head: rows of token ids in, one answer per row out. Knows no requests.

Rows are computed packed (see `packing`) where the model's attention can be exchanged, else as padded rectangles. Which
of the two is right is not believed of a family but tried with the loaded model: a few rows must come out as alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForSequenceClassification

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.loading import load_config, load_model, place_of, read_json
from storehand_worker.engines.packing import NAME, FirstTokens, PackedRow, at_work, current, pack_rows, runs_of
from storehand_worker.engines.pooling import Pooling
from storehand_worker.engines.roofline import limit_of

log = logging.getLogger(__name__)

ROW_KINDS = ("classify", "encode", "score")
_HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text (or pair) as the model reads it."""

    ids: list[int]
    segments: list[int]
    is_cut: bool = False


class Way(NamedTuple):
    """How rows are computed. `is_first_only`: the last layer only for the first token of each text."""

    is_packed: bool = True
    is_varlen: bool = False
    is_first_only: bool = False


RECTANGLES = Way(is_packed=False)


class EncoderModel:
    """Rows of probabilities, unit vectors, or one score each. Only for the engine's thread."""

    def __init__(self, spec: EngineSpec) -> None:
        config = load_config(spec)
        own_limit = read_json(spec.folder, "sentence_bert_config.json").get("max_seq_length") or 1 << 30
        self._offset = _position_offset(config)
        positions = int(getattr(config, "max_position_embeddings", 1 << 30)) - self._offset
        self.max_tokens = min(spec.binding.max_tokens, int(own_limit), positions)
        self._pooling = Pooling(spec) if spec.kind == "encode" else None
        self._model = load_model(spec, AutoModel if self._pooling else AutoModelForSequenceClassification)
        self._attention = str(self._model.config._attn_implementation)
        self.place = place_of(self._model)
        self._has_segments = int(getattr(config, "type_vocab_size", 0)) > 1
        self.vocabulary = int(self._model.get_input_embeddings().weight.shape[0])
        labels = int(getattr(self._model, "num_labels", 1))
        self.labels = tuple(str(config.id2label[index]) for index in range(labels)) if spec.kind == "classify" else ()
        self._head = _head(spec, config, labels)
        self._pools_mean = getattr(config, "classifier_pooling", "cls") == "mean"
        self._bert_layers = _bert_layers(self._model)
        self._last_layer = self._bert_layers[-1] if self._bert_layers else None
        if self._pooling:
            self._pooling.place(self._model.device)
        else:
            _stack(self._model).register_forward_hook(self._pick)
        self.way = self._choose(spec)
        self.limit = limit_of(self._model.base_model, left_out=int(self.way.is_first_only))

    @torch.inference_mode()
    def run(self, rows: Sequence[Encoded], *, pad_id: int) -> list[list[float]]:
        """The head's output for every row, as floats."""
        order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
        answers = self._head(self._raw([rows[index] for index in order], pad_id)).tolist()
        placed: list[list[float]] = [[]] * len(rows)
        for index, answer in zip(order, answers, strict=True):
            placed[index] = answer
        return placed

    def _raw(self, rows: Sequence[Encoded], pad_id: int) -> Tensor:
        """Logits or vectors of rows that are sorted by length."""
        return self._packed(rows) if self.way.is_packed else self._rectangle(rows, pad_id)

    def _packed(self, rows: Sequence[Encoded]) -> Tensor:
        packed = pack_rows(
            [row.ids for row in rows],
            [row.segments for row in rows],
            device=self._model.device,
            offset=self._offset,
            is_varlen=self.way.is_varlen,
        )
        with at_work(packed.pack):
            output = self._model(**self._inputs(packed))
        if self._pooling is None:
            return _tensor(output.logits)
        hidden = _tensor(output.last_hidden_state)[0]
        if self.way.is_first_only:
            return self._pooling.finish(hidden)
        return self._pooling.vectors(hidden, packed.pack.runs)

    def _inputs(self, packed: PackedRow) -> dict[str, Tensor]:
        inputs = {"input_ids": packed.ids, "position_ids": packed.positions}
        return {**inputs, "token_type_ids": packed.segments} if self._has_segments else inputs

    def _pick(self, _: Any, __: Any, output: Any) -> Any:
        """A hook behind the last layer: what the classifier reads of a packed row, as one short row per text."""
        if not self.way.is_packed:
            return output
        hidden, pack = output.last_hidden_state, current()
        if self.way.is_first_only:
            picked = hidden[0]
        elif self._pools_mean:
            picked = torch.cat([run.of(hidden[0]).mean(1) for run in pack.runs])
        else:
            picked = hidden[0, pack.firsts]
        output.last_hidden_state = picked[:, None]
        return output

    def _rectangle(self, rows: Sequence[Encoded], pad_id: int) -> Tensor:
        lengths = [len(row.ids) for row in rows]
        width, device = max(lengths), self._model.device
        ids = [[*row.ids, *[pad_id] * (width - len(row.ids))] for row in rows]
        inputs = {"input_ids": torch.tensor(ids, device=device)}
        mask = torch.arange(width, device=device) < torch.tensor(lengths, device=device)[:, None]
        if min(lengths) < width:  # models make nothing of no mask, and a large one of any
            inputs["attention_mask"] = mask.long()
        if self._has_segments:
            segments = [[*row.segments, *[0] * (width - len(row.ids))] for row in rows]
            inputs["token_type_ids"] = torch.tensor(segments, device=device)
        output = self._model(**inputs)
        if self._pooling is None:
            return _tensor(output.logits)
        return self._pooling.vectors(output.last_hidden_state[mask], runs_of(lengths))

    # How it computes, decided once.

    @torch.inference_mode()
    def _choose(self, spec: EngineSpec) -> Way:
        rows = list(self._trial_rows())
        self._use(RECTANGLES)
        try:
            alone = torch.cat([self._raw([row], 0) for row in rows])
        except Exception:  # a model that can't read tokens at random (BART looks for its end token) is not tried
            return RECTANGLES
        reason = "its attention can't be exchanged"
        for way in self._ways(spec):
            try:
                self._use(way)
                together = self._raw(rows, 0)
            except Exception as error:  # whatever a family may say to a foreign attention
                reason = f"{type(error).__name__}: {error}"[:200]
                continue
            if together.shape == alone.shape and _is_close(together, alone):
                return way
            reason = "its answers differ"
        log.info("%s is computed in padded rectangles, sorted by length, not packed: %s", spec.name, reason)
        self._use(RECTANGLES)
        return RECTANGLES

    def _ways(self, spec: EngineSpec) -> Iterator[Way]:
        can_change = getattr(self._model, "_can_set_attn_implementation", lambda: True)
        if not spec.binding.options.get("packed", True) or not can_change():
            return
        reads_first = self._pooling.reads_first_only if self._pooling else not self._pools_mean
        firsts = (True, False) if reads_first and self._last_layer is not None else (False,)
        is_half_on_cuda = self._model.device.type == "cuda" and self._model.dtype in _HALF
        for is_varlen in (True, False) if is_half_on_cuda else (False,):
            for is_first_only in firsts:
                yield Way(is_varlen=is_varlen, is_first_only=is_first_only)

    def _use(self, way: Way) -> None:
        self.way = way
        if self._bert_layers is not None:
            self._bert_layers[-1] = FirstTokens(self._last_layer) if way.is_first_only else self._last_layer
        wanted = NAME if way.is_packed else self._attention
        if self._model.config._attn_implementation != wanted:
            self._model.set_attn_implementation(wanted)

    def _trial_rows(self) -> Iterator[Encoded]:
        """Texts of several lengths, one over what a sliding layer sees; of tokens from the middle of the vocabulary,
        where nothing special is."""
        config = self._model.config
        sliding = getattr(config, "sliding_window", None) or 0
        lengths = (2, 9, 9, max(24, int(sliding) + 8))
        for number, length in enumerate(lengths):
            length = min(length, self.max_tokens)
            ids = [(self.vocabulary // 2 + 7 * place + 3 * number) % self.vocabulary for place in range(length)]
            yield Encoded(ids, [0] * length)


Head = Callable[[Tensor], Tensor]


def _head(spec: EngineSpec, config: Any, labels: int) -> Head:
    if spec.kind == "encode":
        return lambda vectors: vectors
    if spec.kind == "classify":
        if labels < 2:
            raise ModelNotAvailable(f"{spec.name} has {labels} label; a classifier needs two or more")
        return lambda logits: logits.float().softmax(-1)
    if labels == 2:
        return lambda logits: logits.float().softmax(-1)[:, 1:]
    if labels > 2:
        raise ModelNotAvailable(f"{spec.name} has {labels} labels; a scorer has one, or two (no, yes)")
    activation = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn", "Sigmoid")
    if str(activation).endswith("Identity"):
        return lambda logits: logits.float()
    return lambda logits: logits.float().sigmoid()


def _stack(model: Any) -> Any:
    """The part of a classifier whose output its head reads."""
    base = model.base_model
    return getattr(base, "encoder", None) or getattr(base, "transformer", None) or base


def _bert_layers(model: Any) -> Any:
    """The layers of BERT and its kin (RoBERTa, XLM-R, ELECTRA...), which have the same parts; none of other models."""
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    is_kin = isinstance(layers, torch.nn.ModuleList) and len(layers) and hasattr(layers[-1], "intermediate")
    return layers if is_kin else None


def _is_close(left: Tensor, right: Tensor) -> bool:
    is_half = left.dtype in _HALF or right.dtype in _HALF
    tolerance = 0.05 if is_half else 1e-4
    return torch.allclose(left.float(), right.float(), rtol=tolerance, atol=tolerance)


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def _position_offset(config: Any) -> int:
    """RoBERTa's kin count positions from behind the pad id."""
    is_offset = config.model_type in ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "mpnet")
    return int(config.pad_token_id or 0) + 1 if is_offset else 0
