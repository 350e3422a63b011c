"""Which owners of leases are dead: a locked file for each that attends, beside the store's file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from storehand.errors import Unavailable
from storehand.locks import LockFile, is_held, live_folder, no_fork, remove_if_free


class Owners:
    """One per store. Threads may share it; what it holds stays with the process that attended, not with its forks."""

    def __init__(self, database: Path) -> None:
        self._folder = live_folder(database)
        self._held: dict[str, LockFile] = {}

    def attend(self, owner: str) -> None:
        """From now on everybody can tell whether this process lives. Unavailable when another one is this owner."""
        try:
            with no_fork():
                if owner not in self._held:
                    self._held[owner] = LockFile(self._file(owner))
        except OSError as error:
            raise Unavailable(f"{owner} can't hold its lock in {self._folder}: {error}") from error

    def is_dead(self, owner: str) -> bool:
        """In doubt, and for an owner that never attended, False: then the lease alone decides."""
        try:
            return not is_held(self._file(owner))
        except FileNotFoundError:
            return False

    def bury(self, *, all_but: Collection[str]) -> None:
        """Removes the files of the dead, except of those that are still asked for."""
        kept = {self._file(owner) for owner in all_but}
        for file in self._folder.glob("*.lock"):
            if file not in kept:
                remove_if_free(file)

    def close(self) -> None:
        while self._held:
            self._held.popitem()[1].close()

    def _file(self, owner: str) -> Path:
        return self._folder / f"{hashlib.sha256(owner.encode('utf-8', 'replace')).hexdigest()[:32]}.lock"
