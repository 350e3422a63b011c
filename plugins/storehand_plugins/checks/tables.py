"""The word lists and patterns of the checks, which lie beside the code as TOML."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """The file of that name, without its ending."""
    return tomllib.loads(resources.files("storehand_plugins.checks").joinpath(f"{name}.toml").read_text("utf-8"))
