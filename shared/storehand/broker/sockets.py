"""The folders of the datagram sockets where consumers are woken, and how they are tidied.

They lie beside the queue, or below the temp folder where that path is too long for a unix socket. Nobody but us would
clean the latter, so its last socket takes a folder along and each consumer that starts sweeps what the dead left there.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from storehand.files import private_folder
from storehand.locks import live_folder

OWNER_BYTES = 8
YOUNG_S = 60.0
_PATH_BYTES = 100  # sun_path holds 108 on Linux, 104 on macOS
_SOCKET_NAME = re.compile(rf"[0-9a-f]{{{2 * OWNER_BYTES}}}\.sock")
_DIGEST_CHARS = 12
_TRIES = 100


def socket_folder(database: Path) -> Path:
    """Beside the queue as well, unless the path is too long for a unix socket; then below the temp folder."""
    folder = live_folder(database)
    if _fits(folder):
        return folder
    name = _PREFIX + hashlib.sha256(os.fsencode(database)).hexdigest()[:_DIGEST_CHARS]
    short = Path(tempfile.gettempdir()) / name
    return short if _fits(short) else _TMP / name


def bind(bell: socket.socket, database: Path, owner: str) -> Path:
    """Makes the owner's socket file, and its folder where there is none."""
    file = socket_folder(database) / f"{owner}.sock"
    for _ in range(_TRIES):
        private_folder(file.parent)
        with suppress(FileNotFoundError):  # somebody has swept the empty folder in this moment
            bell.bind(str(file))
            return file
    raise FileNotFoundError(f"{file.parent} is removed again and again")


def remove(database: Path, owner: str) -> None:
    """The owner's socket file; the last one below the temp folder takes the folder along."""
    folder = socket_folder(database)
    with suppress(OSError):
        (folder / f"{owner}.sock").unlink(missing_ok=True)
        if folder != live_folder(database):
            folder.rmdir()  # refuses while there is another socket


def sweep() -> None:
    """Removes this user's folders below the temp folder that hold no socket of a living consumer."""
    for base in {Path(tempfile.gettempdir()), _TMP}:
        with suppress(OSError):
            for folder in base.glob(f"{_PREFIX}*"):
                _sweep(folder)


def _sweep(folder: Path) -> None:
    with suppress(OSError):
        found = folder.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not is_ours or len(folder.name) != len(_PREFIX) + _DIGEST_CHARS:
            return
        for file in list(folder.iterdir()):
            if _SOCKET_NAME.fullmatch(file.name) and _is_deserted(file):
                file.unlink(missing_ok=True)  # names are random, so nobody has bound it anew
        folder.rmdir()


def _is_deserted(file: Path) -> bool:
    """Whether the process that bound it is gone. Connecting sends nothing, so it wakes nobody. A young file may be in
    the middle of its bind, which makes the file first."""
    if time.time() - file.lstat().st_mtime < YOUNG_S:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        return bell.connect_ex(str(file)) == errno.ECONNREFUSED


def _fits(folder: Path) -> bool:
    longest = folder / f"{'0' * 2 * OWNER_BYTES}.sock"
    return len(os.fsencode(longest)) <= _PATH_BYTES


_PREFIX = f"storehand-{os.getuid()}-"
_TMP = Path("/tmp")  # noqa: S108 -- folders in it are made 0700 and checked for their owner
