"""What requests want changed about their logits before a token is chosen: penalties, biases, end tokens held back,
plugin authors' processors, and the grammar of a JSON schema, in this order. Rows that want nothing are not touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from storehand.errors import InvalidInput, PluginError, StorehandError
from storehand.task import GenerateOptions, LogitsProcessor
from storehand_worker.engines.constraint import Bits, Constraint, Constraints
from storehand_worker.engines.inputs import check_bias, refuse

FORBIDS = -100.0
"""A bias that is no matter of degree."""


class Bias:
    """Of one request, token by token."""

    def __init__(self, bias: Mapping[int, float]) -> None:
        self.tokens = np.fromiter(bias, dtype=np.int64)
        values = np.fromiter(bias.values(), dtype=np.float32)
        self.values: NDArray[np.float32] = np.where(values <= FORBIDS, -np.inf, values).astype(np.float32)


@dataclass(slots=True, eq=False)
class Shape:
    """The wishes of one row. `seen` are the tokens a repetition penalty applies to, each once; `held` the end tokens
    until `min_new_tokens` are written; `said` the tokens written so far."""

    penalty: float = 1.0
    seen: dict[int, None] | None = None
    bias: Bias | None = None
    held: tuple[int, ...] = ()
    min_new_tokens: int = 0
    processors: tuple[LogitsProcessor, ...] = ()
    constraint: Constraint | None = None
    said: list[int] = field(default_factory=list)
    problem: StorehandError | None = None
    """Why no token can be chosen for this row, where it is the request's own doing."""

    @property
    def holds_ends(self) -> bool:
        return len(self.said) < self.min_new_tokens

    def take(self, token: int) -> bool:
        """The token that was chosen; False where the grammar can't go on with it."""
        self.said.append(token)
        if self.seen is not None:
            self.seen[token] = None
        if self.constraint is not None:
            self.problem = self.constraint.advance(token)
        return self.problem is None

    def blame(self, best: float) -> None:
        """Notes why there is no token to choose, given the best logit, where it is this row's own doing."""
        if self.problem is None and best == -torch.inf:
            self.problem = InvalidInput("json_schema, logit_bias and logits_processors leave no token to choose")


Shapes = Sequence[tuple[int, Shape]]
"""With the row each belongs to."""


def shape_of(options: GenerateOptions, prompt: Sequence[int], constraints: Constraints | None) -> Shape | None:
    """The shape that the options ask for, or none where they ask for nothing. Without constraints only what needs no
    knowledge of the model is served."""
    penalises, holds, biases = options.repetition_penalty != 1.0, options.min_new_tokens > 0, bool(options.logit_bias)
    if constraints is None:
        refuse(options, "json_schema", "min_new_tokens", "logit_bias", by="this engine")
    elif biases:
        check_bias(options, vocabulary=constraints.vocabulary)
    if not (penalises or holds or biases or options.logits_processors or options.json_schema is not None):
        return None
    return Shape(
        penalty=options.repetition_penalty,
        seen=dict.fromkeys(prompt) if penalises else None,
        bias=Bias(options.logit_bias) if biases else None,
        held=tuple(constraints.ends) if constraints and holds else (),
        min_new_tokens=options.min_new_tokens,
        processors=tuple(options.logits_processors),
        constraint=constraints.start(options.json_schema) if constraints and options.json_schema is not None else None,
    )


def apply(logits: Tensor, shapes: Shapes, suppress: Tensor | None) -> None:
    """Changes `logits` [rows, vocabulary] in place. `suppress` are the tokens that no row may choose."""
    guided = [(row, shape) for row, shape in shapes if shape.constraint is not None]
    bits = _fill(guided)  # first: on a device it runs beside the forward that is still at work
    cornered = _cornered(guided, bits)
    penalised = [(row, shape) for row, shape in shapes if shape.seen is not None]
    if penalised:
        _penalise(logits, penalised)
    biased = [(row, shape.bias) for row, shape in shapes if shape.bias is not None]
    if biased:
        _add(logits, biased)
    held = [(row, shape.held) for row, shape in shapes if shape.holds_ends and row not in cornered]
    if held:
        rows = [row for row, ends in held for _ in ends]
        logits[rows, [end for _, ends in held for end in ends]] = -torch.inf
    for row, shape in shapes:
        if shape.processors:
            _process(logits[row], shape)
    if suppress is not None:
        _suppress(logits, suppress, sorted(cornered))
    if bits is not None:
        _restrict(logits, [row for row, _ in guided], bits)


def _penalise(logits: Tensor, shapes: Shapes) -> None:
    """Divides positive and multiplies negative logits of seen tokens by the penalty (Keskar et al. 2019)."""
    seen = [list(shape.seen or ()) for _, shape in shapes]
    width = max(map(len, seen))
    # a row's first token fills its end: it is written more often, with the same value
    tokens = torch.tensor([[*ids, *ids[:1] * (width - len(ids))] for ids in seen], device=logits.device)
    penalty = torch.tensor([[shape.penalty] for _, shape in shapes], device=logits.device, dtype=logits.dtype)
    index = torch.tensor([row for row, _ in shapes], device=logits.device)[:, None]
    part = logits[index, tokens]
    logits[index, tokens] = torch.where(part < 0, part * penalty, part / penalty)


def _add(logits: Tensor, biased: Sequence[tuple[int, Bias]]) -> None:
    rows = torch.from_numpy(np.repeat([row for row, _ in biased], [len(bias.tokens) for _, bias in biased]))
    tokens = torch.from_numpy(np.concatenate([bias.tokens for _, bias in biased])).to(logits.device)
    values = torch.from_numpy(np.concatenate([bias.values for _, bias in biased])).to(logits.device, logits.dtype)
    logits.index_put_((rows.to(logits.device), tokens), values, accumulate=True)


def _process(logits: Tensor, shape: Shape) -> None:
    """Runs a row's processors; what goes wrong there is noted, and makes the row unsound."""
    for processor in shape.processors:
        try:
            changed = processor(shape.said, logits)
            if changed is not None:
                logits.copy_(changed.reshape(logits.shape))
            is_sound = bool((logits < torch.inf).all())  # not so for NaN
        except Exception as error:  # the border: a plugin author's own code
            shape.problem = PluginError(f"a logits processor raised {type(error).__name__}: {error}")
        else:
            if not is_sound:
                shape.problem = PluginError("a logits processor left NaN or infinity in the logits")
        if shape.problem is not None:
            logits.fill_(torch.nan)
            return


def _suppress(logits: Tensor, suppress: Tensor, cornered: Sequence[int]) -> None:
    kept = logits[list(cornered)][:, suppress] if cornered else None
    logits[:, suppress] = -torch.inf
    if kept is not None:
        rows = torch.tensor(cornered, device=logits.device)[:, None]
        logits[rows, suppress] = kept


def _fill(guided: Shapes) -> Bits | None:
    constraints = [shape.constraint for _, shape in guided if shape.constraint is not None]
    return constraints[0].home.fill(constraints) if constraints else None


def _cornered(guided: Shapes, bits: Bits | None) -> set[int]:
    """Rows whose grammar allows only what is suppressed or held back: there it wins."""
    if bits is None:
        return set()
    homes = [(shape.constraint.home, shape.holds_ends) for _, shape in guided if shape.constraint is not None]
    free = homes[0][0].free
    if any(holds for _, holds in homes):
        free = np.stack([home.free_to_go_on if holds else home.free for home, holds in homes])
    can_go_on = np.any(bits & free, axis=-1)
    return {row for index, (row, _) in enumerate(guided) if not can_go_on[index]}


def _restrict(logits: Tensor, rows: Sequence[int], bits: Bits) -> None:
    if logits.device.type != "cpu":
        restrict_on_device(logits, rows, bits)
        return
    allowed = np.unpackbits(bits, axis=-1, count=logits.shape[-1], bitorder="little")
    forbidden = torch.from_numpy(allowed == 0)
    if len(rows) == len(logits):
        logits.masked_fill_(forbidden, -torch.inf)
        return
    for row, each in zip(rows, forbidden, strict=True):
        logits[row].masked_fill_(each, -torch.inf)


def restrict_on_device(logits: Tensor, rows: Sequence[int], bits: Bits) -> None:
    """Bits are unpacked there: they are an eighth of the flags on the wire."""
    packed = torch.from_numpy(bits).to(logits.device)
    places = torch.arange(8, device=logits.device, dtype=torch.uint8)
    flags = ((packed[:, :, None] >> places) & 1).flatten(1)[:, : logits.shape[-1]]
    index = torch.tensor(rows, device=logits.device)
    logits[index] = logits[index].masked_fill(flags == 0, -torch.inf)
