from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from storehand.broker import liveness
from storehand.broker.errors import QueueUnavailable
from storehand.broker.liveness import Presence
from tests.waiting import until


def test_an_owner_is_alive_until_it_leaves(path: Path) -> None:
    presence = Presence(path)
    assert liveness.is_alive(path, presence.owner)

    presence.close()

    assert not liveness.is_alive(path, presence.owner)
    assert list(liveness.live_folder(path).iterdir()) == []


def test_an_owner_dies_with_its_process_and_its_children_do_not_keep_it_alive(path: Path) -> None:
    told, tell = os.pipe()
    ended, end = os.pipe()  # the child of the owner lives until its other side is closed, also by a failing test
    parent = os.fork()
    if parent == 0:
        os.close(end)
        presence = Presence(path)
        child = os.fork()
        if child == 0:
            os.read(ended, 1)
            os._exit(0)
        os.write(tell, f"{presence.owner} {child}".encode())
        signal.pause()
    try:
        owner, child_pid = os.read(told, 100).decode().split()
        assert liveness.is_alive(path, owner)

        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)

        until(lambda: not liveness.is_alive(path, owner))
        os.kill(int(child_pid), 0)  # still there
    finally:
        for descriptor in (told, tell, ended, end):
            os.close(descriptor)


def test_a_cleaned_folder_does_not_make_the_living_look_dead(path: Path) -> None:
    presence = Presence(path)
    liveness.bury(path, presence.owner)
    assert not liveness.is_alive(path, presence.owner)

    presence.refresh()

    assert liveness.is_alive(path, presence.owner)
    presence.close()


def test_a_ring_ends_the_wait(path: Path) -> None:
    presence = Presence(path)

    liveness.ring(path, ["0000000000000000.sock", presence.address])

    presence.wait(5.0)  # would run into the suite's time limit only if nobody had rung
    assert presence.address == f"{presence.owner}.sock"
    presence.close()


def test_a_long_folder_has_its_sockets_below_the_temp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ("x" * 120) / "queue.db"
    path.parent.mkdir()
    presence = Presence(path)

    folder = liveness.socket_folder(path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert liveness.is_alive(path, presence.owner)
    assert len(os.fsencode(presence.address)) < 104

    liveness.ring(path, [presence.address])
    presence.wait(5.0)
    presence.close()
    folder.rmdir()


def test_a_folder_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    liveness.live_folder(path).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(QueueUnavailable):
        Presence(path)
