from __future__ import annotations

import pytest

from storehand.mounts import network_filesystem

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /mnt/share nfs4 rw 0 0
/dev/vdb /mnt/share/local xfs rw 0 0
//files/shop /mnt/with\\040space cifs rw 0 0
user@host: /home/me/remote fuse.sshfs rw 0 0
overlay /var/lib overlay rw 0 0
first /twice nfs rw 0 0
second /twice ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/queue.db", None),
        ("/mnt/share/queue.db", "nfs4"),
        ("/mnt/shared/queue.db", None),
        ("/mnt/share/local/queue.db", None),
        ("/mnt/with space/queue.db", "cifs"),
        ("/home/me/remote/a/queue.db", "fuse.sshfs"),
        ("/twice/queue.db", None),
    ],
)
def test_the_deepest_and_last_mount_decides(path: str, kind: str | None) -> None:
    assert network_filesystem(path, MOUNTS) == kind


def test_an_unreadable_table_of_mounts_refuses_nothing() -> None:
    assert network_filesystem("/queue.db", "") is None
    assert network_filesystem("/queue.db", "nonsense\n\n") is None
