"""A worker's death ends its leases at once, a living or unknown one is judged by its leases alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storehand.errors import Unavailable
from storehand.job import Job, NewJob
from storehand.locks import live_folder
from storehand.store import Claimed
from storehand.store.sqlite import SqliteStore
from tests.unit.forked import in_child

LEASE_S = 3600.0
"""Longer than any test: no lease runs out here."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, synchronous="NORMAL")
    yield store
    store.close()


def queued(store: SqliteStore, count: int = 1) -> list[str]:
    return [job.id for job in store.create([NewJob(task="tagline", input={"n": n}) for n in range(count)])]


def row(store: SqliteStore, job_id: str) -> Job:
    return store.get([job_id])[job_id]


def claim(store: SqliteStore, *ids: str, owner: str = "me") -> list[Claimed]:
    return [each.result for each in store.claim(ids, owner, LEASE_S, max_crashes=3)]


def lock_files(path: Path) -> list[Path]:
    return list(live_folder(path).glob("*"))


@contextmanager
def a_worker(
    path: Path, *ids: str, owner: str = "w", attends: bool = True, then: Callable[[], None] = lambda: None
) -> Iterator[int]:
    """Another process that holds these jobs; yields its id when it does, and kills it at the end."""
    told, tell = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            store = SqliteStore(path, synchronous="NORMAL")
            if attends:
                store.attend(owner)
            claim(store, *ids, owner=owner)
            then()
            os.write(tell, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    try:
        assert os.read(told, 1) == b"!"
        yield worker
    finally:
        os.close(told)
        kill(worker)


def kill(worker: int) -> None:
    try:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    except (ProcessLookupError, ChildProcessError):
        pass  # by the test already


def test_the_jobs_of_a_killed_worker_are_claimable_at_once_and_count_a_crash(store: SqliteStore, path: Path) -> None:
    first, second = queued(store, 2)
    with a_worker(path, first, second) as worker:
        kill(worker)

        assert claim(store, first) == [Claimed.MINE]

    assert (row(store, first).owner, row(store, first).crashes, row(store, first).attempts) == ("me", 1, 2)
    assert (row(store, second).owner, row(store, second).crashes) == ("w", 0)
    assert (row(store, second).lease_until or 0) <= store.now()  # whoever looks at the row sees it too
    assert claim(store, second) == [Claimed.MINE]


def test_the_jobs_of_a_living_worker_are_left_alone_and_so_are_those_of_one_that_hangs(
    store: SqliteStore, path: Path
) -> None:
    [job_id] = queued(store)
    with a_worker(path, job_id) as worker:
        assert claim(store, job_id) == [Claimed.ELSEWHERE]

        os.kill(worker, signal.SIGSTOP)
        os.waitpid(worker, os.WUNTRACED)

        assert claim(store, job_id) == [Claimed.ELSEWHERE]
        assert store.unrung(grace_s=0.0) == []


def test_a_worker_that_never_attended_is_judged_by_its_lease(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    with a_worker(path, job_id, attends=False) as worker:
        kill(worker)

        assert claim(store, job_id) == [Claimed.ELSEWHERE]


def test_a_worker_whose_lock_file_was_cleaned_away_is_judged_by_its_lease(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    with a_worker(path, job_id):
        for file in lock_files(path):
            file.unlink()

        assert claim(store, job_id) == [Claimed.ELSEWHERE]


def test_a_child_that_outlives_its_worker_does_not_keep_it_alive(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    ended, end = os.pipe()  # the child lives until its other side is closed, also by a failing test

    def leave_a_child() -> None:
        os.close(end)
        if os.fork() == 0:
            os.read(ended, 1)
            os._exit(0)

    try:
        with a_worker(path, job_id, then=leave_a_child) as worker:
            kill(worker)

            assert claim(store, job_id) == [Claimed.MINE]
    finally:
        os.close(ended)
        os.close(end)


def test_a_child_that_closes_the_store_leaves_its_parent_alive(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    store.attend("me")
    claim(store, job_id)

    in_child(store.close)

    other = SqliteStore(path, synchronous="NORMAL")
    assert len(lock_files(path)) == 1
    assert claim(other, job_id, owner="other") == [Claimed.ELSEWHERE]
    other.close()


def test_a_forked_child_may_attend_as_an_owner_of_its_own(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    store.attend("parent")

    def work_and_die() -> None:
        store.attend("child")
        assert claim(store, job_id, owner="child") == [Claimed.MINE]

    in_child(work_and_die)

    assert claim(store, job_id, owner="parent") == [Claimed.MINE]


def test_an_orderly_close_leaves_no_lock_file_and_its_leases_run_on(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    other = SqliteStore(path, synchronous="NORMAL")
    other.attend("w")
    assert [file.stat().st_mode & 0o777 for file in lock_files(path)] == [0o600]
    assert live_folder(path).stat().st_mode & 0o777 == 0o700
    claim(other, job_id, owner="w")

    other.close()

    assert lock_files(path) == []
    assert claim(store, job_id) == [Claimed.ELSEWHERE]


def test_who_attends_ends_the_leases_of_the_dead_and_removes_files_that_nobody_asks_for(
    store: SqliteStore, path: Path
) -> None:
    [job_id] = queued(store)
    with a_worker(path, job_id) as worker:
        kill(worker)
    with a_worker(path, owner="idle") as idle, a_worker(path, owner="living"):
        kill(idle)
        before = len(lock_files(path))

        store.attend("me")

        assert (row(store, job_id).lease_until or 0) <= store.now()
        assert (before, len(lock_files(path))) == (3, 3)  # the idle one went, ours came
        claim(store, job_id)
        store.attend("me")
        assert len(lock_files(path)) == 2  # nobody asks for the first one any more


def test_a_dead_workers_job_is_rung_at_once_and_once(store: SqliteStore, path: Path) -> None:
    [job_id] = queued(store)
    store.mark_published([job_id])
    with a_worker(path, job_id) as worker:
        assert store.unrung(grace_s=60) == []

        kill(worker)

        assert [job.id for job in store.unrung(grace_s=60)] == [job_id]
        store.mark_published([job_id])
        assert store.unrung(grace_s=60) == []


def test_a_dead_leader_is_followed_at_once_and_a_living_one_is_not(store: SqliteStore, path: Path) -> None:
    def lead() -> None:
        assert SqliteStore(path, synchronous="NORMAL").lead("w", LEASE_S)

    with a_worker(path, then=lead) as worker:
        assert not store.lead("me", LEASE_S)

        kill(worker)

        assert store.lead("me", LEASE_S)


def test_a_name_that_another_process_holds_is_refused(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storehand.locks.PATIENCE_S", 0.05)
    with a_worker(path), pytest.raises(Unavailable, match="w can't hold its lock"):
        store.attend("w")


def test_a_folder_of_lock_files_that_is_a_link_is_refused(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    live_folder(path).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Unavailable, match="is no folder"):
        store.attend("me")


def test_two_ways_to_the_same_file_see_the_same_owners(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    [job_id] = queued(store)
    (tmp_path / "link").symlink_to(path)
    with a_worker(tmp_path / "link", job_id) as worker:
        kill(worker)

        assert claim(store, job_id) == [Claimed.MINE]
