"""Models from a local folder: safetensors only, no code from the folder, nothing from the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable, OutOfMemory, SettingsError
from storehand.settings import ModelBinding
from storehand_worker.engines.tokens import Tokens

OWN_FILE = "storehand.json"
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FROM_FOLDER: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def device_of(binding: ModelBinding) -> torch.device:
    """The device a binding asks for; ModelNotAvailable when this machine has none."""
    name = binding.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelNotAvailable(f"unknown device {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelNotAvailable(f"device {name!r} is asked for, but this machine has no CUDA")
    return device


def dtype_of(binding: ModelBinding, device: torch.device) -> torch.dtype:
    """float32 on the CPU and bfloat16 on CUDA, unless the binding says otherwise."""
    if binding.dtype != "auto":
        return _DTYPES[binding.dtype]
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def place_of(model: Any) -> str:
    """Where a loaded model computes, and in which numbers: what is learned there holds nowhere else."""
    device = model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{name}, {str(model.dtype).removeprefix('torch.')}"


def read_json(folder: str, name: str) -> Mapping[str, Any]:
    """A JSON object beside the model; empty when the file is not there."""
    path = Path(folder) / name
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelNotAvailable(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelNotAvailable(f"{path} is no JSON object")
    return content


def load_config(spec: EngineSpec) -> Any:
    """The model's config.json."""
    if not (Path(spec.folder) / "config.json").is_file():
        raise ModelNotAvailable(f"{spec.folder} holds no model (no config.json)")
    try:
        return AutoConfig.from_pretrained(spec.folder, **_FROM_FOLDER)
    except Exception as error:  # transformers raises many kinds for a broken folder
        raise ModelNotAvailable(f"the config of {spec.name} can't be read: {error}") from error


def load_tokens(spec: EngineSpec) -> Tokens:
    """The model's tokenizer, as its tokenizer.json says. AutoTokenizer rebuilds some by model type instead, and then
    encodes a custom vocabulary to nothing (transformers 5.23, qwen2); it serves older folders, which have the
    vocabulary in files of their own. SettingsError for a wrong option `chat_template_kwargs`."""
    is_whole = (Path(spec.folder) / "tokenizer.json").is_file()
    try:
        tokenizer = (PreTrainedTokenizerFast if is_whole else AutoTokenizer).from_pretrained(
            spec.folder, **_FROM_FOLDER
        )
    except Exception as error:
        raise ModelNotAvailable(f"the tokenizer of {spec.name} can't be read: {error}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise ModelNotAvailable(f"{spec.name} has no fast tokenizer (tokenizer.json)")
    extra = spec.binding.options.get("chat_template_kwargs", {})
    if not isinstance(extra, dict):
        raise SettingsError(f"models.{spec.role}.options.chat_template_kwargs must be a table, not {extra!r}")
    return Tokens(tokenizer, name=spec.name, template_arguments=extra)


def load_model(spec: EngineSpec, auto_class: Any) -> Any:
    """The model on its device, ready to infer."""
    # One setting for the whole process: more threads than free cores stall small models 10 to 100 times.
    torch.set_num_threads(spec.binding.threads)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would draw into the worker's log
    device = device_of(spec.binding)
    try:
        model = _from_folder(spec, auto_class, dtype_of(spec.binding, device))
        return model.to(device).eval().requires_grad_(False)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"{spec.name} does not fit on {device}: {error}") from error
    except Exception as error:
        raise ModelNotAvailable(f"{spec.name} can't be loaded from {spec.folder}: {error}") from error


def _from_folder(spec: EngineSpec, auto_class: Any, dtype: torch.dtype) -> Any:
    """With torch's own attention; the few classes that have none (DeBERTa, Gemma 2) say so by an error."""
    arguments = {"use_safetensors": True, "dtype": dtype, **_FROM_FOLDER}
    try:
        return auto_class.from_pretrained(spec.folder, attn_implementation="sdpa", **arguments)
    except ValueError as error:
        if "attn_implementation" not in str(error):
            raise
        return auto_class.from_pretrained(spec.folder, attn_implementation="eager", **arguments)
