"""A text model behind transformers' own `generate`: texts in, one step of logits after the other. Knows no requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.architectures import other_sense, rope_by_length
from storehand_worker.engines.loading import load_config, place_of
from storehand_worker.engines.text_model import GIVEN, LONG, PEER, PROBE_STEPS, SHORT, are_close, load_text_model, only

Begun = tuple[Sequence[int], Sequence[int]]
"""A prompt and what is written after it already."""
Pen = Callable[[Tensor], tuple[Sequence[int], bool]]
"""From the logits of a step [texts, vocabulary] to a token for every text, and whether there is another step."""
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")
"""Ends of class names in config.json. transformers loads others, too, and makes up the weights that they lack."""


class Alike(Enum):
    """What texts must have in common to be a batch without changing each other's logits."""

    ANY = "nothing"
    SAME_LENGTH = "their length"
    SAME_OUTPUT = "what is written of them"
    NONE = "they can't"


class StaticModel:
    """Only for the engine's thread. Measured at the start, because it is a matter of each class's forward and written
    nowhere: which texts are `alike` enough for a batch, and whether a text that is read again as a prompt goes on as it
    would have (`is_resumable`)."""

    def __init__(self, spec: EngineSpec) -> None:
        config = load_config(spec)
        if sense := other_sense(config):
            raise ModelNotAvailable(f"{spec.name} reads {sense} too; take the text-only model of the family")
        made_for = getattr(config, "architectures", None) or ()
        if made_for and not any(name.endswith(WRITERS) for name in made_for):
            raise ModelNotAvailable(f"{spec.name} is no model that writes ({made_for[0]})")
        auto_class = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        self._model, self.text = load_text_model(spec, auto_class)
        self.place = place_of(self._model)
        self._is_by_length = bool(rope_by_length(config))
        self.is_resumable = False
        try:
            self.alike = self._measured()
        except Exception as error:  # whatever a class raises that `generate` can't drive
            raise ModelNotAvailable(
                f"transformers' generate does not run {spec.name} ({type(error).__name__}: {error})"
            ) from error

    @torch.inference_mode()
    def write(self, texts: Sequence[Begun], pen: Pen) -> None:
        """Steps until the pen has enough. Encoder-decoders want what is written to be equally long."""
        if self._is_by_length:
            self._forget_lengths()
        grip = _Grip(pen)
        self._model.generate(
            **self._inputs(texts),
            max_new_tokens=1 << 20,  # the pen ends it
            logits_processor=LogitsProcessorList([grip]),
            stopping_criteria=StoppingCriteriaList([_Enough(grip)]),
        )

    def _inputs(self, texts: Sequence[Begun]) -> dict[str, Tensor]:
        device = self._model.device
        if not self.text.is_encoder_decoder:
            rows = [[*prompt, *out] for prompt, out in texts]
            width = max(map(len, rows))
            return {
                "input_ids": torch.tensor([[0] * (width - len(row)) + row for row in rows], device=device),
                "attention_mask": torch.tensor(
                    [[0] * (width - len(row)) + [1] * len(row) for row in rows], device=device
                ),
            }
        prompts = [list(prompt) for prompt, _ in texts]
        width = max(map(len, prompts))
        return {
            "input_ids": torch.tensor([row + [0] * (width - len(row)) for row in prompts], device=device),
            "attention_mask": torch.tensor(
                [[1] * len(row) + [0] * (width - len(row)) for row in prompts], device=device
            ),
            "decoder_input_ids": torch.tensor([[*self.text.start_ids, *out] for _, out in texts], device=device),
        }

    def _measured(self) -> Alike:
        """Whether a short text beside a long one gets the logits that each gets alone, over a few steps."""
        if self._is_by_length:
            self._probe([SHORT])
            return Alike.NONE
        begun = self._probe([(*SHORT, GIVEN)])
        self.is_resumable = self.text.is_encoder_decoder or are_close(
            begun.chunk(PROBE_STEPS, -1)[0], self._probe([SHORT]).chunk(PROBE_STEPS, -1)[1]
        )
        alone = torch.cat([self._probe([SHORT]), self._probe([LONG])])
        is_same = are_close(alone, self._probe([SHORT, LONG]))
        if self.text.is_encoder_decoder:
            return Alike.SAME_OUTPUT if is_same else Alike.NONE
        if is_same:
            return Alike.ANY
        peers = torch.cat([self._probe([SHORT]), self._probe([PEER])])
        return Alike.SAME_LENGTH if are_close(peers, self._probe([SHORT, PEER])) else Alike.NONE

    def _probe(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Logits [prompts, steps x vocabulary] over tokens that are given."""
        seen: list[Tensor] = []

        def pen(logits: Tensor) -> tuple[Sequence[int], bool]:
            seen.append(logits.clone())
            return [GIVEN] * len(prompts), len(seen) < PROBE_STEPS

        self.write([(prompt, ()) for prompt in prompts], pen)
        return torch.cat(seen, dim=-1)

    def _forget_lengths(self) -> None:
        """A dynamic rope keeps the frequencies of the longest text it has seen; a text of one token resets it."""
        self._model(input_ids=torch.tensor([[GIVEN]], device=self._model.device), use_cache=False)


class _Grip(LogitsProcessor):
    """Takes each step's logits to the pen, and gives back some that leave no choice."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self.is_over = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        tokens, goes_on = self._pen(scores)
        self.is_over = not goes_on
        return only(tokens, scores)


class _Enough(StoppingCriteria):
    def __init__(self, grip: _Grip) -> None:
        self._grip = grip

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:
        return torch.full((len(input_ids),), self._grip.is_over, device=input_ids.device)
