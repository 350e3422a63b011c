"""Where each setting comes from, with secrets masked."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from storehand.secret_files import SECRETS_DIR, secret_file
from storehand.settings import Settings

_PREFIX = "STOREHAND_"
_NOT_SETTINGS = frozenset({"STOREHAND_CONFIG", SECRETS_DIR})
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@")  # greedy: a password may hold any of these signs unquoted


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting: `source` is `argument`, an environment variable, a file's name, or `default`."""

    name: str
    value: Any
    source: str


def origins(settings: Settings, *, arguments: frozenset[str] = frozenset()) -> list[Origin]:
    """Every setting, its value (JSON-ready, masked) and where it comes from."""
    shown = settings.model_dump(mode="json")
    shown["models"] = {role: each.model_dump(mode="json", exclude_unset=True) for role, each in settings.models.items()}
    in_file = file_keys()
    found = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        masked = mask(value.get_secret_value()) if isinstance(value, SecretStr) else shown[name]
        variables = [key for key in os.environ if _is_variable_of(key, name)]
        if name in arguments:
            source = "argument"
        elif variables:
            source = variables[0] if len(variables) == 1 else f"{variables[0]} and {len(variables) - 1} more"
        elif file := secret_file(name):
            source = str(file)
        else:
            source = str(config_file()) if name in in_file else "default"
        found.append(Origin(name, masked, source))
    return found


def mask(url: str) -> str:
    """A URL without its password."""
    return _PASSWORD.sub(r"\1:***@", url)


def config_file() -> Path | None:
    """The TOML file that STOREHAND_CONFIG names, whether it is there or not."""
    named = os.environ.get("STOREHAND_CONFIG")
    return Path(named) if named else None


def file_keys() -> frozenset[str]:
    """Settings the TOML file names; none where it is missing or broken (the settings themselves complain)."""
    file = config_file()
    try:
        return frozenset(tomllib.loads(file.read_text(encoding="utf-8"))) if file else frozenset()
    except (OSError, ValueError):
        return frozenset()


def misspelt() -> list[tuple[str, str]]:
    """Environment variables that look like settings and are none, each with its nearest real name (or '')."""
    names = [f"{_PREFIX}{name.upper()}" for name in Settings.model_fields]
    wrong = []
    for key in sorted(os.environ):
        if key.upper().startswith(_PREFIX) and key not in _NOT_SETTINGS:
            first = key.upper().split("__")[0]
            if first not in names and first.removesuffix("_FILE") not in names:
                near = difflib.get_close_matches(first, names, n=1)
                wrong.append((key, near[0] if near else ""))
    return wrong


def _is_variable_of(key: str, name: str) -> bool:
    wanted = f"{_PREFIX}{name.upper()}"
    return key.upper() == wanted or key.upper().startswith(f"{wanted}__")
