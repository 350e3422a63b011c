"""Where queue and job store may lie: their locks and SQLite's shared memory are only sound on a disk of this host."""

from __future__ import annotations

import os
import re
from pathlib import Path

from storehand.errors import SettingsError

_NETWORK = frozenset(
    {"9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs"}
)
_NETWORK_FUSE = frozenset(
    {"azurefs", "blobfuse", "blobfuse2", "ceph", "ceph-fuse", "curlftpfs", "davfs", "davfs2", "gcsfuse", "glusterfs"}
    | {"goofys", "juicefs", "moosefs", "mount-s3", "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs"}
)
_MOUNTS = Path("/proc/self/mounts")


def network_filesystem(path: str, mounts: str) -> str | None:
    """The type of the network file system that the real path `path` lies on, None when it is local.

    `mounts` is the text of /proc/self/mounts; of several file systems mounted at one point the last one counts.
    """
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1])
        below = point.rstrip("/") + "/"
        if (path == point or path.startswith(below)) and len(below) >= best:
            best, found = len(below), fields[2]
    return found if _is_network(found) else None


def _is_network(kind: str) -> bool:
    if kind.startswith("fuse."):
        return kind.removeprefix("fuse.") in _NETWORK_FUSE
    return kind in _NETWORK


def refuse_network(path: Path) -> None:
    """Raises SettingsError for a path on a network file system. Systems without /proc/self/mounts are not judged."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = network_filesystem(os.path.realpath(path), mounts)
    if kind:
        raise SettingsError(
            f"{path} lies on a network file system ({kind}): the embedded queue and the job store's file need a local "
            "disk, because their locks do not hold across hosts. Choose another data_dir"
        )
