"""The assistant's own words, from `replies.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from storehand_plugins.chat.languages import Language


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((resources.files("storehand_plugins.chat") / "replies.toml").read_text(encoding="utf-8"))


def phrase(language: Language, name: str, **values: object) -> str:
    """A sentence by its name; `part.name` looks into a part of the file."""
    found: Any = _table()[language]
    for step in name.split("."):
        found = found[step]
    return str(found).format(**values) if values else str(found)


def has_phrase(language: Language, name: str) -> bool:
    found: Any = _table()[language]
    for step in name.split("."):
        if step not in found:
            return False
        found = found[step]
    return True


def joined(language: Language, *sentences: str) -> str:
    """Sentences one after the other, with a space in English."""
    return (" " if language == "en" else "").join(sentence for sentence in sentences if sentence)
