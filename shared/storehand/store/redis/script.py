"""The one Lua script, put together from its parts and from what Python knows: columns, endings, limits."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from storehand.errors import Cancelled, Expired, Poison
from storehand.job import TERMINAL, Job, Outcome
from storehand.store import HISTORY_NOTES
from storehand.store.rows import encode_outcome

_PARTS = ("head", "rows", "create", "leases", "events", "upkeep", "tallies", "tail")
_NUMBER = 987654321
"""Stands in the outcome of a poison job where Lua puts the number of crashes."""


class Script(NamedTuple):
    source: str
    sha: str


@cache
def script() -> Script:
    folder = files("storehand.store.redis") / "lua"
    head, *rest = (folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in _PARTS)
    source = "\n".join([head, _constants(), *rest])
    return Script(source, hashlib.sha1(source.encode("utf-8"), usedforsecurity=False).hexdigest())


def _constants() -> str:
    names = [field.name for field in fields(Job) if field.name != "id"]
    columns = ", ".join(map(_quoted, names))
    erased = ", ".join(f"{status} = {_quoted(encode_outcome(Outcome.erased(status)))}" for status in TERMINAL)
    return "\n".join(
        [
            f"local ROW, STATUS_AT = {{{columns}}}, {names.index('status') + 1}",
            f"local HISTORY_NOTES = {HISTORY_NOTES}",
            f"local CANCELLED = {_ending(Outcome.of_error(Cancelled()))}",
            f"local EXPIRED = {_ending(Outcome.of_error(Expired()))}",
            f"local POISON_REASON = {_quoted(_template(poison_reason(_NUMBER)))}",
            f"local POISON = {_quoted(_template(encode_outcome(_poison(_NUMBER))))}",
            f"local ERASED = {{{erased}}}",
        ]
    )


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
