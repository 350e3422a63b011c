"""What Prometheus sees, minute by minute, and when an alert should fire: as promtool's unit tests are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RELEASE = {"namespace": "prod", "release": "shop"}
POOL = {**RELEASE, "pool": "chat"}
EXPORTER = {**RELEASE, "job": "exporter", "instance": "10.0.0.9:9464"}
GONE = "stale"

Series = Mapping[str, str]
"""A series -> its values, one a minute."""


def worker(number: int = 1, **more: str) -> dict[str, str]:
    return {**POOL, "job": "storehand", "pod": f"chat-{number}", "instance": f"10.0.0.{number}:9464", **more}


def at(name: str, labels: Mapping[str, str], *values: str) -> dict[str, str]:
    """One series. `values`: pieces as `held`, `rising` and GONE make them."""
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {f"{name}{{{inside}}}": " ".join(values)}


def held(value: float, minutes: int) -> str:
    return f"{value:g}+0x{minutes - 1}"


def rising(start: float, step: float, minutes: int) -> str:
    return f"{start:g}{step:+g}x{minutes - 1}"


def nothing(minutes: int) -> str:
    return f"_x{minutes}"


def then_gone(series: Series) -> Series:
    return {name: f"{values} {GONE}" for name, values in series.items()}


def plan(minutes: int, *, pool: str = "chat", most: int = 4, least: int = 1, objective: float = 0.99) -> Series:
    """As the exporter publishes it: 32 slots, starts within 10, 60 and 3600 s, a cold start of 120 s."""
    labels = {**EXPORTER, "pool": pool}
    found: dict[str, str] = {}
    for name, value in {
        "slots": 32, "target_utilization_ratio": 0.75, "objective_ratio": objective, "service_hint_seconds": 1,
        "cold_start_seconds": 120, "min_workers": least, "max_workers": most,
    }.items():  # fmt: skip
        found |= at(f"storehand_pool_{name}", labels, held(value, minutes))
    for priority, wait_s in {"interactive": 10, "standard": 60, "bulk": 3600}.items():
        each = {**labels, "priority": priority}
        found |= at("storehand_pool_wait_objective_seconds", each, held(wait_s, minutes))
        found |= at("storehand_pool_catch_up_seconds", each, held(max(wait_s / 3, 60), minutes))
    return found


def source(name: str, minutes: int, *, is_up: float = 1, age_s: float = 2) -> Series:
    labels = {**EXPORTER, "source": name}
    ages = at("storehand_exporter_age_seconds", labels, held(age_s, minutes))
    return {**at("storehand_exporter_up", labels, held(is_up, minutes)), **ages}


def jobs(name: str, *values: str, priority: str = "interactive", task: str = "chat", pool: str = "chat") -> Series:
    """One of the exporter's series of jobs."""
    queue = f"storehand.text.{priority}"
    return at(
        f"storehand_{name}", {**EXPORTER, "pool": pool, "queue": queue, "task": task, "priority": priority}, *values
    )


@dataclass(frozen=True, slots=True)
class Story:
    """`title` says what happens. `fires` at these minutes with `labels` beside the severity; silent at `quiet`.

    A story without `fires` is one that looks like trouble and is none.
    """

    alert: str
    title: str
    given: Series
    quiet: tuple[int, ...]
    fires: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: POOL)
    every: str = "1m"
    """Of evaluations; the long windows take longer ones."""
