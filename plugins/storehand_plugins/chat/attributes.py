"""The kinds of things customers ask about a product, from `attributes.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Attribute:
    """One kind: how it is asked for (`ask`), which facts say it. `names` are tried in their order."""

    label: Mapping[str, str]
    ask: Pattern
    names: tuple[Pattern, ...]
    not_names: Pattern | None
    values: Pattern | None
    is_generic: bool
    is_in_name: bool

    def called(self, language: Language) -> str:
        return self.label[language]


@cache
def attributes() -> tuple[Attribute, ...]:
    """In the order in which they use up a question's words."""
    table = tomllib.loads((resources.files("storehand_plugins.chat") / "attributes.toml").read_text(encoding="utf-8"))
    return tuple(
        Attribute(
            label=each["label"],
            ask=re.compile(each["ask"]),
            names=tuple(re.compile(name) for name in each["names"]),
            not_names=re.compile(each["not_names"]) if "not_names" in each else None,
            values=re.compile(each["values"]) if "values" in each else None,
            is_generic=each.get("generic", False),
            is_in_name=each.get("in_name", False),
        )
        for each in table.values()
    )
