"""Doctor's checks of the worker's side: plugins, model files, torch, the worker's own probes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from storehand.cli.checks import Check, Light, Probe
from storehand.engine import EngineSpec
from storehand.errors import StorehandError
from storehand.settings import ModelBinding, Settings
from storehand_worker.binding import (
    COMMIT,
    FOLDER_ENGINES,
    HUB_ID,
    REMOTE_ENGINES,
    RoleNeed,
    engine_name,
    engine_spec,
    role_needs,
)
from storehand_worker.engines import builtin_engines
from storehand_worker.fitting import HOW_TO_FIT, plans
from storehand_worker.plugin_list import list_plugins, quietly_loaded

_INSTALL = "install `storehand[worker,models]`"


def plugins_and_models(settings: Settings) -> Iterator[Check]:
    """Every plugin, then every model role that the loaded tasks ask for."""
    loaded = quietly_loaded(settings)
    for plugin in list_plugins(settings, plugins=loaded):
        light = Light.RED if plugin.reason else Light.GREEN if plugin.is_enabled else Light.GREY
        detail = (
            plugin.state if plugin.reason or not plugin.is_enabled else f"tasks: {', '.join(plugin.tasks) or 'none'}"
        )
        advice = f"mend or uninstall {plugin.distribution} {plugin.version}" if plugin.reason else ""
        yield Check("plugins", plugin.name, light, detail, advice)
    needs = role_needs(loaded.tasks.values(), settings.models)
    for role, need in sorted(needs.items()):
        yield _model(need, settings.binding(role))
    yield from _memory(settings, needs)
    for role in sorted(set(settings.models) - set(needs)):
        yield Check("models", role, Light.YELLOW, "bound, but no loaded task asks for it", "check the role's name")


def _model(need: RoleNeed, binding: ModelBinding) -> Check:
    """Whether the role's files are here, without downloading any."""
    engine = engine_name(need, binding)
    if engine in REMOTE_ENGINES:
        return _remote_model(need, binding)
    if engine not in FOLDER_ENGINES:
        return Check("models", need.role, Light.GREEN, f"{binding.model} through the engine {engine}")
    if no_device := _no_device(binding):
        advice = f"look at the driver, the GPU and torch's build, or set STOREHAND_MODELS__{need.role.upper()}__DEVICE"
        return Check("models", need.role, Light.RED, no_device, advice)
    if HUB_ID.fullmatch(binding.model) and not Path(binding.model).is_dir():
        return _hub_model(need, binding)
    try:
        spec = engine_spec(need, binding)
    except StorehandError as error:
        return Check(
            "models", need.role, Light.RED, error.message, f"bind STOREHAND_MODELS__{need.role.upper()}__MODEL"
        )
    folder = Path(spec.folder)
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    grade = "starter model, demonstration grade" if binding.model == "starter" else str(folder)
    return Check(
        "models",
        need.role,
        Light.GREEN,
        f"{grade}; {weights / 1e6:.1f} MB safetensors, {engine} engine{_fallback(spec)}",
    )


def _no_device(binding: ModelBinding) -> str:
    """Why the engine would refuse the device that the binding names; empty where it would not."""
    try:
        from storehand_worker.engines.loading import device_of

        device_of(binding)
    except ImportError:  # the torch check says so
        return ""
    except StorehandError as error:
        return error.message
    return ""


def _fallback(spec: EngineSpec) -> str:
    """Why another engine serves the model in the text engine's place; nothing where none does."""
    if spec.kind != "generate" or spec.binding.engine is not None:
        return ""
    try:
        from storehand_worker.engines.fallback import refusal

        reason = refusal(spec)
    except (ImportError, StorehandError):  # torch and the files have checks of their own
        return ""
    return f"'s stand-in `static`: {reason}" if reason else ""


def _memory(settings: Settings, needs: Mapping[str, RoleNeed]) -> Iterator[Check]:
    """The plan for every device, of the models whose files are here."""
    try:
        specs = [spec for role, need in needs.items() if (spec := _spec_here(need, settings.binding(role)))]
        made = plans(specs, share=settings.memory_share)
    except ImportError:  # the torch check says so
        return
    for each in made:
        light = Light.RED if not each.fits else Light.YELLOW if each.reduced else Light.GREEN
        advice = "" if light is Light.GREEN else HOW_TO_FIT
        yield Check("models", f"memory of {each.device}", light, each.line().partition(": ")[2], advice)


def _spec_here(need: RoleNeed, binding: ModelBinding) -> tuple[str, EngineSpec] | None:
    """With the name of its engine; none where files are missing, of which the role's own check tells."""
    engine = engine_name(need, binding)
    if engine not in FOLDER_ENGINES:
        return None
    if HUB_ID.fullmatch(binding.model) and not Path(binding.model).is_dir():
        try:
            from huggingface_hub import snapshot_download

            folder = snapshot_download(binding.model, revision=binding.revision, local_files_only=True)
        except (ImportError, OSError):
            return None
        binding = binding.model_copy(update={"model": folder})
    try:
        return engine, engine_spec(need, binding)
    except StorehandError:
        return None


def _remote_model(need: RoleNeed, binding: ModelBinding) -> Check:
    """Whether the endpoint serves the model: the look that the worker takes at its start, with less patience."""
    hurried = binding.options | {"max_retries": 0, "timeout_s": 10, "connect_timeout_s": 3, "check": True}
    try:
        spec = engine_spec(need, binding.model_copy(update={"options": hurried}))
        engine = builtin_engines()[engine_name(need, binding)](spec)
    except StorehandError as error:
        advice = f"see docs/models.md, and STOREHAND_MODELS__{need.role.upper()}__OPTIONS"
        return Check("models", need.role, Light.RED, error.message, advice)
    engine.close()
    detail = f"{binding.model} at {binding.options.get('base_url')}, {engine.info.max_tokens} tokens"
    return Check("models", need.role, Light.GREEN, detail)


def _hub_model(need: RoleNeed, binding: ModelBinding) -> Check:
    if not COMMIT.fullmatch(binding.revision or ""):
        advice = f"set STOREHAND_MODELS__{need.role.upper()}__REVISION to the 40 digits of a commit"
        return Check("models", need.role, Light.RED, f"{binding.model} is not pinned to a commit", advice)
    try:
        import huggingface_hub
    except ImportError:
        return Check("models", need.role, Light.RED, f"{binding.model} needs the hub's client", _INSTALL)
    try:
        folder = huggingface_hub.snapshot_download(binding.model, revision=binding.revision, local_files_only=True)
    except OSError:
        detail = f"{binding.model} at {binding.revision} is not in the local cache"
        if os.environ.get("HF_HUB_OFFLINE", "") in ("", "0"):
            return Check("models", need.role, Light.YELLOW, detail, "the worker downloads it at its first start")
        return Check("models", need.role, Light.RED, detail, "HF_HUB_OFFLINE is set: bring the files, or unset it once")
    if not any(Path(folder).glob("*.safetensors")):
        return Check("models", need.role, Light.RED, f"{binding.model} has no safetensors", "choose another model")
    return Check("models", need.role, Light.GREEN, f"{binding.model} at {binding.revision}, cached")


def device(settings: Settings) -> Iterator[Check]:
    """torch, what it runs on, and whether the engines' threads fit the cores."""
    try:
        import torch
    except ImportError:
        yield Check("software", "torch", Light.RED, "not installed", _INSTALL)
        return
    where = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    yield Check("software", "torch", Light.GREEN, f"{torch.__version__} on {where}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    bindings = [settings.binding(role) for role in {*settings.models, "text", "sentiment"}]
    threads = sum(binding.threads for binding in bindings if binding.engine not in REMOTE_ENGINES)
    light = Light.GREEN if threads <= cores else Light.YELLOW
    advice = "" if threads <= cores else "fewer threads per engine: threads on busy cores slow each other down"
    yield Check("software", "threads", light, f"{threads} torch threads of engines on {cores} cores", advice)


PROBES: tuple[Probe, ...] = (device, plugins_and_models)
