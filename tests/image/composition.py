"""compose.yaml as Docker Compose would read it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
FOLDER = ROOT / "helm" / "compose"
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def example_variables() -> dict[str, str]:
    """What .env.example says."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def composition(text: str = TEXT, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    known = variables or {}
    filled = VARIABLE.sub(lambda found: known.get(found[1]) or found[2] or "", text)
    read: dict[str, Any] = yaml.safe_load(filled)
    return read


def mounts(service: Mapping[str, Any]) -> dict[str, str]:
    """Folder or file in the container -> where it comes from."""
    found = {}
    for each in service.get("volumes", []):
        if isinstance(each, str):
            source, target, *_ = each.split(":")
            found[target] = source
        else:
            found[each["target"]] = each["source"]
    return found


def settings_of(service: Mapping[str, Any]) -> dict[str, str]:
    """Its variables of Storehand, by the setting's name."""
    named: Mapping[str, str] = service.get("environment", {})
    return {
        key.removeprefix("STOREHAND_").lower(): value for key, value in named.items() if key.startswith("STOREHAND_")
    }


def seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600}
    return float(text[:-1]) * units[text[-1]]
