from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from storehand.broker import liveness, sockets
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


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A queue file whose folder is too long for a unix socket beside it."""
    path = tmp_path / ("x" * 120) / "queue.db"
    path.parent.mkdir()
    return path


def test_a_long_folder_has_its_sockets_below_the_temp_folder(far: Path) -> None:
    path = far
    presence = Presence(path)

    folder = sockets.socket_folder(path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert liveness.is_alive(path, presence.owner)
    assert len(os.fsencode(presence.address)) < 104

    liveness.ring(path, [presence.address])
    presence.wait(5.0)
    presence.close()


def test_the_last_socket_takes_its_folder_below_the_temp_folder_along(far: Path) -> None:
    folder = sockets.socket_folder(far)
    first, last = Presence(far), Presence(far)

    first.close()
    assert [file.name for file in folder.iterdir()] == [f"{last.owner}.sock"]
    last.close()

    assert not folder.exists()


def test_a_consumer_that_starts_sweeps_what_the_dead_left_below_the_temp_folder_and_nothing_else(
    far: Path, path: Path
) -> None:
    folder = sockets.socket_folder(far)
    living = Presence(far)
    os.utime(living.address, (0, 0))
    dead = folder.with_name(folder.name[:-12] + "0" * 12)
    strange = folder.with_name(folder.name[:-12] + "1" * 12)
    for each in (dead, strange):
        each.mkdir()
    for left in (folder / f"{'0' * 16}.sock", dead / f"{'1' * 16}.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            bell.bind(str(left))
            os.utime(left, (0, 0))
    (strange / "notes").touch()

    Presence(path).close()

    assert not dead.exists()
    assert [file.name for file in folder.iterdir()] == [f"{living.owner}.sock"]
    assert [file.name for file in strange.iterdir()] == ["notes"]
    with pytest.raises(BlockingIOError):
        living._socket.recv(1)  # it was not even woken
    living.close()
    (strange / "notes").unlink()
    strange.rmdir()


def test_a_folder_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    liveness.live_folder(path).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(QueueUnavailable):
        Presence(path)
