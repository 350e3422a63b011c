"""Files and folders that nobody else on the machine may read: jobs carry customers' words."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def create_private(path: Path) -> None:
    """An empty file for this user only, if there is none.

    An existing one is never opened here: closing any descriptor of a file drops all POSIX locks that this process has
    on it. SQLite elsewhere would then take our other connections for gone and delete the log under them.
    """
    if path.exists():
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        os.link(name, path)
    except FileExistsError:
        pass  # another process was faster
    finally:
        Path(name).unlink()


def private_folder(folder: Path) -> Path:
    """The folder, made if there is none. PermissionError for one that is a link or another user's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user or is no folder")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder
