"""Which words of an error may stand in a log line: those that can't be a customer's.

What is not named here is withheld, a plugin's own errors above all: anybody may put a text into an error. The class of
such an error and the place where it was raised are told, and a traceback shows the lines of code.
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType

from storehand.errors import StorehandError

QUOTED_CODES = frozenset({
    "settings", "engine", "engine_lost", "overloaded", "out_of_memory", "model_not_available", "unavailable"
})  # fmt: skip
"""Errors whose messages we write ourselves. Others (`invalid_input`, `plugin` ...) may quote the shop's data."""

OF_SERVERS = frozenset({
    "amqp.exceptions.AMQPError", "kombu.exceptions.OperationalError", "redis.exceptions.ConnectionError",
    "redis.exceptions.NoPermissionError", "redis.exceptions.OutOfMemoryError", "redis.exceptions.ReadOnlyError",
    "redis.exceptions.TimeoutError",
})  # fmt: skip
"""What brokers and stores say of themselves. Redis repeats the arguments of a command that it does not know."""

OF_POSTGRESQL = ("08", "25", "28", "3D", "40", "42", "53", "54", "55", "57", "58", "XX")
"""Classes of SQLSTATE: connections, rights, names, limits, locks, shutdowns. Others show a row (22, 23) or what a
function was told to say (P0)."""

OF_MODELS = ("torch", "transformers", "storehand_worker.engines")
"""Where a RuntimeError is about shapes, types and the device."""

OURS = ("storehand", "storehand_worker")

WITHHELD = "(its text is withheld, it may quote a job)"


def words(error: BaseException) -> str | None:
    """What it says, None where that may be a customer's words."""
    if isinstance(error, StorehandError):
        return error.message if error.code in QUOTED_CODES else None
    if isinstance(error, OSError):
        return _of_system(error)
    is_known = not error.args or _names_code(error) or _is_of_server(error) or _is_of_model(error)
    return str(error) if is_known else None


def told(error: BaseException) -> str:
    """It in one line: its class, and what it says or else where it was raised."""
    said, kind = words(error), type(error).__name__
    if said is not None:
        return f"{kind}: {said}" if said else kind
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return kind
    last = frames[-1]
    return f"{kind} in {last.name} ({Path(last.filename).name}:{last.lineno})"


def discreet(error: BaseException | None) -> str:
    """A traceback with those words only, causes first."""
    lines: list[str] = []
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        said = words(error)
        said = WITHHELD if said is None else said
        lines = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}: {said}".rstrip(": "), *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "Traceback (most recent call last):\n" + "\n".join(line.rstrip("\n") for line in lines)


def _of_system(error: OSError) -> str | None:
    """By its number: its own text, and the file it names, may be anything."""
    if type(error).__module__ in ("ssl", "socket"):  # numbers of their own
        return str(error.strerror)
    return None if error.errno is None else f"[Errno {error.errno}] {os.strerror(error.errno)}"


def _names_code(error: BaseException) -> bool:
    """A module or a name that is not there; Python sets `name`, who raises one by hand does not."""
    return isinstance(error, ImportError | NameError) and error.name is not None


def _is_of_server(error: BaseException) -> bool:
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if "psycopg.Error" in names:
        state = getattr(error, "sqlstate", None)
        if state is None:  # no server has said it, but the library
            return bool(names & {"psycopg.OperationalError", "psycopg.InterfaceError"})
        return str(state).startswith(OF_POSTGRESQL)
    return bool(names & OF_SERVERS) or ("sqlite3.Error" in names and _is_raised_in(error, OURS))


def _is_of_model(error: BaseException) -> bool:
    if not isinstance(error, RuntimeError):
        return False
    return _is_of(type(error).__module__, ("torch",)) or _is_raised_in(error, OF_MODELS)


def _is_raised_in(error: BaseException, packages: tuple[str, ...]) -> bool:
    last: TracebackType | None = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and _is_of(str(last.tb_frame.f_globals.get("__name__")), packages)


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
