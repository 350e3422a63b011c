"""Which engine and model serve a role: one entry of the setting `models`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelBinding(BaseModel):
    """Which engine and model serve a role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="starter", description="`starter`, a hub id, a folder (safetensors only), or a name at an endpoint"
    )
    revision: str | None = Field(default=None, description="commit of a hub model; required for hub ids")
    engine: str | None = Field(default=None, description="engine: text, encoder, openai or a plugin's; default by kind")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto is float32 on CPU and bfloat16 on CUDA"
    )
    slots: int = Field(
        default=32, ge=1, le=1024, description="text: sequences decoded side by side; openai: requests at once"
    )
    max_tokens: int = Field(default=512, ge=16, description="prompt + output of one sequence; encoder: input")
    batch_tokens: int = Field(default=1024, ge=16, description="tokens of one prefill or encoder batch, with padding")
    max_waiting: int = Field(default=4096, ge=1, description="requests the lane admits before it says overloaded")
    max_waiting_tokens: int = Field(
        default=2**21, ge=1, description="the same in tokens: of inputs, and of texts that may still be written"
    )
    threads: int = Field(default=1, ge=1, description="torch threads of this engine; never more than free cores")
    stuck_after_s: float = Field(
        default=120.0, gt=0, description="a step that takes longer: the engine is stuck, the worker leaves with code 1"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="of the engine: see docs/models.md")
