"""The Lua scripts, put together from parts and from what Python knows: columns, endings, limits.

A server makes every function of a script anew each time it runs it, which was half of what a call cost. So a call gets
a script of the parts it needs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from storehand.errors import Cancelled, Expired, Poison
from storehand.job import TERMINAL, Job, Outcome
from storehand.store import HISTORY_NOTES
from storehand.store.rows import encode_outcome

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "rows": (),
    "sets": (),
    "notes": (),
    "greet": (),
    "create": ("sets",),
    "mark": (),
    "ends": ("sets", "notes"),
    "cancel": ("ends", "sets", "notes"),
    "claim": ("ends", "sets", "notes"),
    "release": ("sets", "notes"),
    "events": ("notes",),
    "upkeep": ("create", "ends", "cancel", "sets", "notes"),
    "tallies": ("sets",),
}
"""The parts in their order, and which others each needs."""

_ALL = ("rows",)
"""What every script has."""

_PRODUCER = ("create", "mark", "events")
_WORKER = ("claim", "ends", "release", "events")

_NUMBER = 987654321
"""Stands in the outcome of a poison job where Lua puts the number of crashes."""


class Script(NamedTuple):
    source: str
    sha: str


def script(calls: Iterable[str]) -> Script:
    """The smallest that has these functions."""
    parts = {_part_of()[call] for call in calls}
    return next(_script(each) for each in _menus() if parts <= each)


@cache
def scripts() -> tuple[Script, ...]:
    return tuple(map(_script, _menus()))


@cache
def _menus() -> tuple[frozenset[str], ...]:
    """What calls are made at the same time: those of one part, those of a producer, those of a worker, any."""
    alone = ({part} for part in sorted(set(_part_of().values())))
    return tuple(map(frozenset, (*alone, _PRODUCER, _WORKER, _NEEDS)))


@cache
def _script(parts: frozenset[str]) -> Script:
    wanted = parts.union(_ALL, *(_NEEDS[each] for each in parts))
    constants = _constants()
    middle = (constants.get(each, "") + _text(each) for each in _NEEDS if each in wanted)
    source = "\n".join([_text("head"), *middle, _text("tail")])
    return Script(source, hashlib.sha1(source.encode("utf-8"), usedforsecurity=False).hexdigest())


@cache
def _text(part: str) -> str:
    return (files("storehand.store.redis") / "lua" / f"{part}.lua").read_text(encoding="utf-8")


@cache
def _part_of() -> Mapping[str, str]:
    """Of each function that can be called."""
    return {name: part for part in _NEEDS for name in re.findall(r"^function ops\.(\w+)", _text(part), re.MULTILINE)}


@cache
def _constants() -> Mapping[str, str]:
    """By the part they belong to."""
    names = [field.name for field in fields(Job) if field.name != "id"]
    columns = ", ".join(map(_quoted, names))
    erased = ", ".join(f"{status} = {_quoted(encode_outcome(Outcome.erased(status)))}" for status in TERMINAL)
    return {
        "rows": f"local ROW, STATUS_AT = {{{columns}}}, {names.index('status') + 1}\n",
        "notes": f"local HISTORY_NOTES = {HISTORY_NOTES}\n",
        "ends": f"local CANCELLED = {_ending(Outcome.of_error(Cancelled()))}\n"
        f"local EXPIRED = {_ending(Outcome.of_error(Expired()))}\n",
        "claim": f"local POISON_REASON = {_quoted(_template(poison_reason(_NUMBER)))}\n"
        f"local POISON = {_quoted(_template(encode_outcome(_poison(_NUMBER))))}\n",
        "upkeep": f"local ERASED = {{{erased}}}\n",
    }


def poison_reason(crashes: int) -> str:
    return f"its worker died {crashes} times under this job"


def _poison(crashes: int) -> Outcome:
    return Outcome.of_error(Poison(poison_reason(crashes), details={"crashes": crashes}))


def _ending(outcome: Outcome) -> str:
    text = _quoted(encode_outcome(outcome))
    return f"{{status = {_quoted(outcome.status)}, code = {_quoted(outcome.code)}, outcome = {text}}}"


def _template(text: str) -> str:
    return text.replace("%", "%%").replace(str(_NUMBER), "%d")


def _quoted(text: str) -> str:
    return f"[==[{text}]==]"
