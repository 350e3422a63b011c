"""Which workers run on this host, and how to ask one to drain: by files, which need neither signals nor a shared
process namespace.

A worker holds a locked file for as long as its process lives. Beside it lie what there is to know of it, and, once
somebody asks, the wish that it drain. The folder is in `data_dir`, or in memory where that can't be written.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storehand.files import private_folder
from storehand.locks import LockFile, is_held, remove_if_free
from storehand.settings import Settings

log = logging.getLogger(__name__)

TELL_S = 0.5
"""How often a draining worker says how far it is."""


def folders(settings: Settings) -> list[Path]:
    """Where workers leave their files, the first that can be written."""
    shared = Path("/dev/shm")  # noqa: S108  # the folder below it is this user's own
    memory = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return [settings.data_dir / "workers", memory / f"storehand-workers-{os.getuid()}"]


@dataclass(frozen=True, slots=True)
class Present:
    """A worker that runs, as its file says."""

    owner: str
    host: str
    pid: int
    base: Path

    @property
    def is_alive(self) -> bool:
        try:
            return is_held(_lock(self.base))
        except FileNotFoundError:
            return False

    @property
    def in_hand(self) -> int | None:
        """Messages it still works on; none until it drains."""
        found = _read(self.base).get("in_hand")
        return found if isinstance(found, int) else None

    def ask_to_drain(self) -> None:
        """It begins within a second. Asking again changes nothing."""
        _wish(self.base).touch(mode=0o600)


def present_workers(settings: Settings) -> list[Present]:
    """All that are alive; what the dead left behind is removed."""
    return [worker for folder in folders(settings) for worker in _in(folder)]


class Presence:
    """The worker's side."""

    def __init__(self, settings: Settings, owner: str) -> None:
        self._settings = settings
        self._about: dict[str, object] = {"owner": owner, "host": socket.gethostname(), "pid": os.getpid()}
        self._name = f"{os.getpid()}-{owner.rpartition(':')[2]}"
        self._base: Path | None = None
        self._lock: LockFile | None = None
        self._told_at = 0.0

    def open(self) -> None:
        """Never raises: a worker that can't be found this way still obeys SIGTERM."""
        for folder in folders(self._settings):
            try:
                folder.parent.mkdir(parents=True, exist_ok=True)
                _in(private_folder(folder))
                self._base = folder / self._name
                self._tell()
                self._lock = LockFile(_lock(self._base))
                return
            except OSError as error:
                log.debug("no worker file in %s: %s", folder, error)
        self._base = None
        log.warning("there is no folder to write to, so `storehand drain` can't find this worker; SIGTERM drains it")

    @property
    def is_asked_to_drain(self) -> bool:
        return self._base is not None and _wish(self._base).exists()

    def tell(self, in_hand: int) -> None:
        """For whoever waits for the end of the drain."""
        now = time.monotonic()
        if self._base is not None and now - self._told_at >= TELL_S:
            self._told_at = now
            self._about["in_hand"] = in_hand
            with suppress(OSError):
                self._tell()

    def close(self) -> None:
        """The lock stays until the process is gone, which is what others wait for."""
        if self._base is not None:
            for file in (_about(self._base), _wish(self._base)):
                file.unlink(missing_ok=True)

    def _tell(self) -> None:
        assert self._base is not None
        fresh = self._base.with_suffix(".new")
        fresh.write_text(json.dumps(self._about), encoding="utf-8")
        fresh.replace(_about(self._base))


def _in(folder: Path) -> list[Present]:
    return list(_alive_in(folder)) if folder.is_dir() else []


def _alive_in(folder: Path) -> Iterator[Present]:
    for lock in sorted(folder.glob("*.lock")):
        base = lock.with_suffix("")
        about = _read(base)
        owner, host, pid = about.get("owner"), about.get("host"), about.get("pid")
        if not isinstance(owner, str) or not isinstance(host, str) or not isinstance(pid, int):
            owner, host, pid = base.name, "?", 0  # it leaves, or was just made
        worker = Present(owner, host, pid, base)
        if worker.is_alive:
            yield worker
            continue
        for file in (_about(base), _wish(base)):
            with suppress(OSError):
                file.unlink(missing_ok=True)
        remove_if_free(lock)


def _read(base: Path) -> dict[str, object]:
    try:
        found = json.loads(_about(base).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lock(base: Path) -> Path:
    return base.with_suffix(".lock")


def _about(base: Path) -> Path:
    return base.with_suffix(".json")


def _wish(base: Path) -> Path:
    return base.with_suffix(".drain")
