"""From a model role to the engine and the folder that serve it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storehand.engine import BatchReport, EngineFactory, EngineSpec
from storehand.errors import ModelNotAvailable, SettingsError
from storehand.settings import ModelBinding
from storehand.task import Kind, Task
from storehand_worker.engines import builtin_engines

STARTER = "starter"
FOLDER_ENGINES = ("text", "encoder", "static", "transformers", "vllm")
"""Engines that read a transformers folder; the others know by themselves what their `model` means."""
REMOTE_ENGINES = ("openai",)
"""Engines whose `model` is a name at an endpoint, also where a folder here is called the same."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_FILES = ["*.safetensors", "*.json", "vocab.txt", "merges.txt", "*.model", "*.tiktoken", "*.jinja"]
HUB_LEAVE = ["original/*", "onnx/*", "openvino/*"]
CODE_KEY = "auto_map"
"""Configs that bring Python code of their own carry it; running that code is what we refuse."""


@dataclass(frozen=True, slots=True)
class RoleNeed:
    """What the enabled tasks want of one role."""

    role: str
    kind: Kind
    tasks: tuple[str, ...]
    starter: Path | None = None


def role_needs(tasks: Iterable[Task[Any, Any]], bound: Container[str] = ()) -> dict[str, RoleNeed]:
    """One need per role; optional roles only where they are `bound`. SettingsError where two tasks want different
    things of the same role."""
    needs: dict[str, RoleNeed] = {}
    for task in tasks:
        optional: dict[str, Kind] = {role: kind for role, kind in task.optional_roles.items() if role in bound}
        for role, kind in (*task.roles.items(), *optional.items()):
            starter = task.starters.get(role)
            need = RoleNeed(role, kind, (task.name,), Path(starter) if starter else None)
            needs[role] = _both(needs[role], need) if role in needs else need
    return needs


def _both(first: RoleNeed, second: RoleNeed) -> RoleNeed:
    who = f"{', '.join(first.tasks)} and {second.tasks[0]}"
    if first.kind != second.kind:
        raise SettingsError(f"{who} want different kinds of the role {first.role!r}: {first.kind} and {second.kind}")
    if first.starter and second.starter and first.starter.resolve() != second.starter.resolve():
        raise SettingsError(f"{who} bring different starters for the role {first.role!r}; one role has one starter")
    return RoleNeed(first.role, first.kind, first.tasks + second.tasks, first.starter or second.starter)


def engine_spec(
    need: RoleNeed, binding: ModelBinding, *, on_batch: Callable[[BatchReport], None] = lambda report: None
) -> EngineSpec:
    """Everything the engine's factory gets; downloads a hub model when it is not in the local cache."""
    engine = engine_name(need, binding)
    needs_folder = engine in FOLDER_ENGINES
    if engine in REMOTE_ENGINES:
        if binding.model == STARTER:
            raise SettingsError(
                f"the role {need.role!r} is bound to the engine {engine} without a model: set "
                f"STOREHAND_MODELS__{need.role.upper()}__MODEL to the model's name at the endpoint"
            )
        folder, name = None, binding.model
    elif binding.model == STARTER:
        folder = _starter(need) if needs_folder else need.starter
        name = f"{STARTER if needs_folder else engine}/{need.role}"
    elif _is_folder(binding.model):
        folder = Path(binding.model).expanduser()
        name = folder.resolve().name
    else:
        folder = _snapshot(need, binding) if needs_folder else None
        name = binding.model
    if needs_folder and folder is not None:
        check_folder(folder, need.role)
    return EngineSpec(
        role=need.role, kind=need.kind, name=name, folder=str(folder or ""), binding=binding, on_batch=on_batch
    )


def engine_name(need: RoleNeed, binding: ModelBinding) -> str:
    return binding.engine or ("text" if need.kind == "generate" else "encoder")


def engine_factory(need: RoleNeed, binding: ModelBinding, brought: Mapping[str, EngineFactory]) -> EngineFactory:
    """The factory of the role's engine: a built-in one, or one that a plugin brought."""
    name = engine_name(need, binding)
    factories = {**builtin_engines(), **brought}
    if name not in factories:
        known = ", ".join(sorted(factories))
        raise SettingsError(f"the role {need.role!r} names the engine {name!r}; there are {known}")
    return factories[name]


def check_folder(folder: Path, role: str) -> None:
    """ModelNotAvailable unless the folder holds a model that loads without running foreign code."""
    if not folder.is_dir():
        raise ModelNotAvailable(f"the model of the role {role!r} is to be in {folder}, which is no folder")
    if not (folder / "config.json").is_file():
        raise ModelNotAvailable(f"the folder of the role {role!r} has no config.json: {folder}")
    if not any(folder.glob("*.safetensors")):
        raise ModelNotAvailable(
            f"the folder of the role {role!r} has no *.safetensors: {folder}; pickled weights (.bin, .pt) are never "
            "loaded, because loading them runs whatever code they carry"
        )
    for config in sorted(folder.glob("*.json")):
        content = _json(config) if config.name.endswith("config.json") else {}
        if isinstance(content, dict) and CODE_KEY in content:
            raise ModelNotAvailable(
                f"the model of the role {role!r} wants to run Python code of its own ({CODE_KEY} in {config.name}); "
                "choose a model that transformers knows"
            )
    _check_shards(folder, role)


def _check_shards(folder: Path, role: str) -> None:
    index = folder / "model.safetensors.index.json"
    shards = set(_json(index)["weight_map"].values()) if index.is_file() else set()
    missing = sorted(shard for shard in shards if not (folder / str(shard)).is_file())
    if missing:
        raise ModelNotAvailable(
            f"the folder of the role {role!r} lacks {len(missing)} files, the first is {missing[0]}"
        )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelNotAvailable(f"{path} is no JSON: {error}") from error


def _starter(need: RoleNeed) -> Path:
    if need.starter is None:
        raise ModelNotAvailable(
            f"no starter model comes with the role {need.role!r} (asked for by {', '.join(need.tasks)}); bind one: "
            f"STOREHAND_MODELS__{need.role.upper()}__MODEL=<hub id or folder>"
        )
    return need.starter


def _is_folder(model: str) -> bool:
    return model.startswith(("/", ".", "~")) or Path(model).is_dir()


def _snapshot(need: RoleNeed, binding: ModelBinding) -> Path:
    if not HUB_ID.fullmatch(binding.model):
        raise SettingsError(
            f"the role {need.role!r} is bound to {binding.model!r}, which is neither {STARTER!r}, nor a folder here, "
            "nor a hub id like owner/name"
        )
    if not COMMIT.fullmatch(binding.revision or ""):
        raise SettingsError(
            f"the role {need.role!r} is bound to {binding.model} without a commit: set "
            f"STOREHAND_MODELS__{need.role.upper()}__REVISION to the 40 digits of one; a branch can change overnight"
        )
    try:
        from huggingface_hub import constants, snapshot_download
    except ImportError as error:
        raise ModelNotAvailable(f"{binding.model} needs the hub's client: install storehand[models]") from error
    try:
        path = snapshot_download(
            binding.model, revision=binding.revision, allow_patterns=HUB_FILES, ignore_patterns=HUB_LEAVE
        )
    except Exception as error:  # the hub's errors and those of its HTTP library share no base
        offline = " (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else ""
        raise ModelNotAvailable(
            f"{binding.model} at {binding.revision} for the role {need.role!r} is not in the local cache and can't be "
            f"downloaded{offline}: {type(error).__name__}"
        ) from error
    return Path(path)
