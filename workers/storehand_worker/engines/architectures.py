"""Which text models the slot decoder runs, and in what their forwards differ; what it can't run, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from storehand.errors import ModelNotAvailable

ARCHITECTURES = (
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "gpt2", "gemma", "gemma2", "gemma3_text", "phi",
    "phi3", "opt", "gpt_neox", "smollm3", "olmo2", "granite", "stablelm", "cohere",
)  # fmt: skip
"""Model types whose logits are head(body(tokens)), scaled at most, and whose layers attend to what came before. Each is
held against transformers' own `generate` by a test."""
BY_LAYER = ("qwen2", "qwen3", "gemma2", "gemma3_text", "smollm3")
"""Their layers take a mask each by their kind."""
_LENGTH_DEPENDENT_ROPE = ("dynamic", "longrope")
_STATES = ("mamba", "rwkv", "jamba", "recurrent", "linear_attention", "lfm", "bamba", "zamba", "falcon_h1")
_SENSES = {"vision_config": "pictures", "audio_config": "sound", "speech_config": "sound"}


@dataclass(frozen=True, slots=True)
class Architecture:
    """`window`: layers that look at so many tokens only, all of them or (`slides_by_layer`) those that say so."""

    window: int | None = None
    slides_by_layer: bool = False
    soft_cap: float | None = None
    scale: float = 1.0

    def finish(self, logits: Tensor) -> Tensor:
        """What the model's own forward does after its head."""
        if self.scale != 1.0:
            logits = logits * self.scale
        if self.soft_cap is not None:
            logits = (logits / self.soft_cap).tanh() * self.soft_cap
        return logits


def architecture_of(config: Any, *, name: str, max_tokens: int) -> Architecture:
    """ModelNotAvailable, with the reason, for a model that the decoder would run wrongly or not at all."""
    if config.model_type not in ARCHITECTURES:
        raise ModelNotAvailable(
            f"{name} is a {config.model_type!r} model{_reason(config)}; the text engine runs {', '.join(ARCHITECTURES)}"
        )
    if kind := rope_by_length(config):
        raise ModelNotAvailable(f"{name} rotates by the longest row of a batch ({kind}): its rows would not be alone")
    divisor = float(getattr(config, "logits_scaling", None) or 1.0)
    return Architecture(
        window=_window(config, max_tokens),
        slides_by_layer=config.model_type in BY_LAYER,
        soft_cap=getattr(config, "final_logit_softcapping", None),
        scale=float(getattr(config, "logit_scale", None) or 1.0) / divisor,
    )


def rope_by_length(config: Any) -> str:
    """The kind of rope, where it depends on the longest row of a batch; else nothing."""
    kinds = [rope.get("rope_type", "default") for rope in _ropes(getattr(config, "rope_parameters", None) or {})]
    return next((kind for kind in kinds if kind in _LENGTH_DEPENDENT_ROPE), "")


def other_sense(config: Any) -> str:
    """What a model reads beside text; else nothing."""
    return next((what for key, what in _SENSES.items() if getattr(config, key, None) is not None), "")


def _window(config: Any, max_tokens: int) -> int | None:
    """Tokens that sliding layers see; none where no row can grow longer than that."""
    window = getattr(config, "sliding_window", None)
    layers = getattr(config, "layer_types", None)
    if layers is not None and config.model_type in BY_LAYER:
        slides = any("sliding" in layer for layer in layers)
    else:
        slides = config.model_type in ("mistral", "mixtral", "phi3", "qwen3_moe")
    return int(window) if slides and window is not None and window < max_tokens else None


def _reason(config: Any) -> str:
    if getattr(config, "is_encoder_decoder", False):
        return ", an encoder with a decoder (made to translate or to sum up)"
    if sense := other_sense(config):
        return f", which reads {sense} too; take the text-only model of the family"
    layers = " ".join(getattr(config, "layer_types", None) or ())
    if any(word in f"{config.model_type} {layers}" for word in _STATES):
        return ", which remembers in a running state instead of keys and values per token"
    return ""


def _ropes(parameters: Any) -> Iterator[Mapping[str, Any]]:
    """One set of parameters, or one by kind of layer."""
    if isinstance(parameters, Mapping):
        if any(isinstance(value, Mapping) for value in parameters.values()):
            yield from (value for value in parameters.values() if isinstance(value, Mapping))
        else:
            yield parameters
