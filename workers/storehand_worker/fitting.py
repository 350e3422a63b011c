"""Makes the models of a worker fit into its devices before the first is loaded, or says what is too large."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from storehand.engine import EngineSpec
from storehand.errors import ModelNotAvailable, SettingsError
from storehand_worker.binding import FOLDER_ENGINES
from storehand_worker.engines.device_memory import free_bytes
from storehand_worker.engines.memory import Plan, plan
from storehand_worker.engines.model_size import need_of

log = logging.getLogger(__name__)

PLANS_ITSELF = ("vllm",)
"""Engines that take a share of the device which is set at them."""
MEMORY_SHARE = 0.9

HOW_TO_FIT = (
    "Lower STOREHAND_MODELS__<ROLE>__SLOTS, __MAX_TOKENS or __BATCH_TOKENS, compute in bfloat16 (__DTYPE), put a model "
    "on another device or into a worker of its own (STOREHAND_QUEUES); or raise STOREHAND_MEMORY_SHARE if this "
    "estimate is wrong"
)

FreeBytes = Callable[[str], int | None]


def fit(
    specs: Mapping[str, tuple[str, EngineSpec]], *, share: float = MEMORY_SHARE, free: FreeBytes = free_bytes
) -> dict[str, EngineSpec]:
    """The specs (by any key; each with the name of its engine), text engines with fewer slots where that makes all
    models of a device fit. SettingsError, with a table of who needs what, where even that does not."""
    fitted = {key: spec for key, (_, spec) in specs.items()}
    for made in plans(list(specs.values()), share=share, free=free):
        log.info("memory plan for %s", made.line())
        if not made.fits:
            raise SettingsError(_too_large(made, share))
        for key, spec in fitted.items():
            if spec.role in made.reduced and device_name(spec) == made.device:
                slots = made.reduced[spec.role]
                log.warning(
                    "role %s gets %d slots instead of %d: more do not fit", spec.role, slots, spec.binding.slots
                )
                fitted[key] = replace(spec, binding=spec.binding.model_copy(update={"slots": slots}))
    return fitted


def plans(
    specs: Sequence[tuple[str, EngineSpec]], *, share: float = MEMORY_SHARE, free: FreeBytes = free_bytes
) -> list[Plan]:
    """One per device that models are loaded on and whose memory is known."""
    by_device: dict[str, list[EngineSpec]] = {}
    for engine, spec in specs:
        device = device_name(spec) if engine in FOLDER_ENGINES and engine not in PLANS_ITSELF else None
        if device is not None:
            by_device.setdefault(device, []).append(spec)
    made = []
    for device, placed in by_device.items():
        there = free(device)
        if there is not None:
            made.append(plan(device, [need_of(spec, number_bytes=_number_bytes(spec)) for spec in placed],
                             int(there * share)))  # fmt: skip
    return made


def device_name(spec: EngineSpec) -> str | None:
    """`cpu` or `cuda:0`; none for a device that is not here, which loading says better."""
    from storehand_worker.engines.loading import device_of

    try:
        device = device_of(spec.binding)
    except ModelNotAvailable:
        return None
    return device.type if device.type == "cpu" else f"{device.type}:{device.index or 0}"


def _number_bytes(spec: EngineSpec) -> int:
    from storehand_worker.engines.loading import device_of, dtype_of

    return dtype_of(spec.binding, device_of(spec.binding)).itemsize


def _too_large(made: Plan, share: float) -> str:
    return (
        f"the models need {made.amounts} on {made.device} (of what is free now, memory_share is {share:g}; "
        f"{made.reserve >> 20} MiB are kept for the libraries)\n{made.table()}\n{HOW_TO_FIT}"
    )
