"""What is SQLite's own about its store: the file, many threads, many processes, forks, versions."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from storehand import mounts
from storehand.errors import IdempotencyConflict, SettingsError, Unavailable
from storehand.job import EventKind, NewJob, Outcome, Status
from storehand.store import Claimed, Finish, NewEvent, open_store
from storehand.store.leases import TAKE_FRESH
from storehand.store.notes import add_lines
from storehand.store.schema import MIGRATIONS
from storehand.store.sqlite import SqliteStore
from tests.unit.forked import in_child
from tests.waiting import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, synchronous="NORMAL")
    yield store
    store.close()


def new(number: int = 0, **fields: object) -> NewJob:
    return NewJob(task="tagline", input={"n": number}, **fields)  # type: ignore[arg-type]  # the tests name real fields


def test_only_the_owner_may_read_the_files(store: SqliteStore, path: Path) -> None:
    store.create([new()])

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert set(modes) == {"jobs.db", "jobs.db-wal", "jobs.db-shm"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_claim_looks_up_its_jobs_and_does_not_read_all_that_wait(store: SqliteStore, path: Path) -> None:
    values = dict.fromkeys(("ids", "owner", "until", "now", "note"))
    with closing(sqlite3.connect(path)) as db:
        db.create_function("add_lines", 2, add_lines, deterministic=True)
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {TAKE_FRESH}", values)]

    assert [step for step in plan if " jobs " in step] == ["SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (id=?)"]


def test_jobs_survive_a_reopening(path: Path) -> None:
    first = SqliteStore(path)
    job = first.create([new()])[0]
    first.close()

    second = SqliteStore(path)

    assert second.get([job.id])[job.id] == job
    second.close()


@pytest.mark.parametrize(("mode", "number"), [("FULL", 2), ("NORMAL", 1)])
def test_the_setting_decides_when_the_disk_is_synced(path: Path, mode: str, number: int) -> None:
    store = SqliteStore(path, synchronous=mode)  # type: ignore[arg-type]  # one of its words

    assert store._db.write(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == number
    store.close()


def test_one_callers_error_does_not_undo_what_others_wrote_in_the_same_commit(store: SqliteStore) -> None:
    store.create([new(idempotency_key="taken")])
    blocker = sqlite3.connect(store._db.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # now callers pile up and leave in one transaction

    def create(number: int) -> bool:
        try:
            store.create([new(number, id=f"job-{number}"), new(number, idempotency_key=f"k{number}")])
            store.create([new(number + 100, idempotency_key="taken")] if number % 2 else [])
        except IdempotencyConflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        done = [pool.submit(create, number) for number in range(16)]
        group = store._db._group
        assert group is not None
        until(lambda: len(group._waiting) >= 15)
        blocker.execute("COMMIT")
        results = [each.result(timeout=20) for each in done]
    blocker.close()

    assert results == [number % 2 == 0 for number in range(16)]
    assert len(store.get([f"job-{number}" for number in range(16)])) == 16


def test_many_threads_share_their_commits(store: SqliteStore) -> None:
    begun: list[str] = []
    group = store._db._group
    assert group is not None
    group.connection.set_trace_callback(lambda statement: begun.append(statement) if "BEGIN" in statement else None)
    gate = threading.Barrier(16)

    def create(number: int) -> None:
        gate.wait()
        for each in range(20):
            store.create([new(number * 100 + each)])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(create, range(16)))

    assert store.stats().by_status[Status.QUEUED] == 320
    assert len(begun) < 320


def test_a_locked_file_is_unavailable_in_bounded_time(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store._db.write(lambda db: db.execute("PRAGMA busy_timeout = 50"))
    blocker = sqlite3.connect(store._db.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable, match="locked") as caught:
        store.create([new()])
    assert caught.value.details == {"is_stored": False}

    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.create([new()])[0].status is Status.QUEUED


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable):
        SqliteStore(tmp_path / "file" / "jobs.db")


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"something else " * 100)

    with pytest.raises(Unavailable, match="not a database"):
        SqliteStore(tmp_path / "jobs.db")


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()

    with pytest.raises(Unavailable, match="closed"):
        store.get(["x"])
    with pytest.raises(Unavailable):
        store.create([new()])


def test_a_file_one_version_ahead_still_works_because_columns_are_only_added(path: Path) -> None:
    SqliteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE jobs ADD COLUMN mood TEXT DEFAULT 'good'")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()

    store = SqliteStore(path)

    job = store.create([new()])[0]
    assert store.claim([job.id], "w", 5, max_crashes=1)[0].result is Claimed.MINE
    store.close()


def test_a_file_of_the_version_before_is_brought_up_with_its_jobs_and_the_program_before_works_on(path: Path) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1")
    insert = (
        "INSERT INTO jobs (id, task, tenant, priority, status, fingerprint, created_at, updated_at)"
        " VALUES (?, 'tagline', 't', 'bulk', 'queued', 'f', 1, 1)"
    )
    put = "INSERT INTO inputs (n, input) VALUES (?, '{}')"
    old.execute(put, (old.execute(insert, ("before",)).lastrowid,))

    store = SqliteStore(path)

    # What the program before writes while this one runs: no column it does not know.
    old.execute(put, (old.execute(insert, ("beside",)).lastrowid,))
    old.execute("UPDATE jobs SET status = 'running', owner = 'old', lease_until = 5, attempts = 1 WHERE id = 'beside'")
    old.execute("INSERT INTO dead_letters (queue, reason, at, body) VALUES ('q', 'r', 1, 'b')")
    assert [claim.result for claim in store.claim(["before", "beside"], "w", 5, max_crashes=3)] == [Claimed.MINE] * 2
    assert [note.what for note in store.history("beside")] == ["crashed", "claimed"]
    assert [letter.task for letter in store.dead_letters()] == [None]
    old.execute("UPDATE jobs SET status = 'succeeded', finished_at = 9 WHERE id = 'before' AND owner = 'w'")
    assert store.get(["before"])["before"].status is Status.SUCCEEDED
    old.close()
    store.close()


def test_what_was_erased_is_in_none_of_the_files_any_more(store: SqliteStore, path: Path) -> None:
    jobs = store.create([NewJob("tagline", {"letter": f"Dear Ms Li {'x' * size}"}) for size in (0, 300, 9000)])
    store.claim([jobs[0].id], "w", 5, max_crashes=3)
    store.append(jobs[0].id, 1, [NewEvent(EventKind.DELTA, {"text": "Dear Ms Li"})])
    store.bury(queue="q", reason="r", body="Dear Ms Li", job_id=jobs[1].id)
    store.finish([Finish(jobs[0].id, Outcome.succeeded({"text": "Dear Ms Li"}))])
    assert any(b"Dear Ms Li" in each.read_bytes() for each in path.parent.iterdir())

    store.erase([job.id for job in jobs])

    assert not any(b"Dear Ms Li" in each.read_bytes() for each in path.parent.iterdir())


def test_a_file_two_versions_ahead_is_refused_with_the_reason(path: Path) -> None:
    SqliteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 2}")
    db.close()

    with pytest.raises(SettingsError, match="update the program"):
        SqliteStore(path)


def test_the_settings_name_the_store(tmp_path: Path) -> None:
    from storehand.settings import Settings

    store = open_store(Settings(data_dir=tmp_path))

    assert isinstance(store, SqliteStore)
    assert (tmp_path / "jobs.db").exists()
    store.close()


def test_a_forked_child_opens_its_own_connections(store: SqliteStore) -> None:
    job = store.create([new()])[0]
    store.get([job.id])
    seen = store.changed(0)

    def use() -> None:
        store.create([new(2, id="from-child")])
        assert set(store.get([job.id, "from-child"])) == {job.id, "from-child"}
        assert store.changed(seen) != seen

    in_child(use)

    assert store.changed(seen) != seen
    assert set(store.get(["from-child"])) == {"from-child"}
    assert store.create([new(3)])[0].status is Status.QUEUED


def test_a_child_forked_while_other_threads_write_does_not_hang(store: SqliteStore) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.create([new()])

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(write)
        for number in range(5):
            try:
                in_child(partial(store.create, [new(id=f"child-{number}")]))
            except AssertionError:
                stop.set()
                raise
        stop.set()

    assert len(store.get([f"child-{number}" for number in range(5)])) == 5


def _race(path: str, owner: str, ids: list[str]) -> dict[str, int]:
    """Claims and finishes what it gets; returns attempt by job id."""
    store = SqliteStore(path, synchronous="NORMAL")
    won: dict[str, int] = {}

    def work(job_id: str) -> None:
        claim = store.claim([job_id], owner, 60, max_crashes=3)[0]
        if claim.result is Claimed.MINE and claim.job is not None:
            outcome = Outcome.succeeded({"by": owner})
            if store.finish([Finish(job_id, outcome, owner, claim.job.attempts)])[0]:
                won[job_id] = claim.job.attempts

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, ids))
    store.close()
    return won


def test_each_job_has_one_owner_and_one_outcome_among_two_processes_with_eight_threads(
    store: SqliteStore, path: Path
) -> None:
    ids = [job.id for job in store.create([new(number) for number in range(300)])]

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        a, b = pool.starmap(_race, [(str(path), "a", ids), (str(path), "b", ids[::-1])])

    assert not a.keys() & b.keys()
    assert a.keys() | b.keys() == set(ids)
    assert set((a | b).values()) == {1}
    owners = {job.id: job.outcome.output["by"] for job in store.get(ids).values() if job.outcome and job.outcome.output}
    assert owners == dict.fromkeys(a, "a") | dict.fromkeys(b, "b")


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "fresh" / "jobs.db")

    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.starmap(_race, [(path, owner, []) for owner in "abcdefgh"]) == [{}] * 8


def test_another_processs_end_does_not_cut_off_those_who_stay(store: SqliteStore, path: Path) -> None:
    """Closing a descriptor of the file drops a process's locks; then the last one elsewhere deletes the log."""
    SqliteStore(path, synchronous="NORMAL").close()  # opens the file once more in this process

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(_create_and_close, (str(path), "from-elsewhere"))
    store.create([new(id="from-here")])

    assert set(store.get(["from-elsewhere", "from-here"])) == {"from-elsewhere", "from-here"}
    latecomer = SqliteStore(path, synchronous="NORMAL")
    assert set(latecomer.get(["from-elsewhere", "from-here"])) == {"from-elsewhere", "from-here"}
    latecomer.close()


def _create_and_close(path: str, job_id: str) -> None:
    store = SqliteStore(path, synchronous="NORMAL")
    store.create([new(id=job_id)])
    store.close()


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs"])
def test_a_network_file_system_is_refused_with_its_name(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"server:/export {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(mounts, "_MOUNTS", table)

    with pytest.raises(SettingsError, match=kind):
        SqliteStore(path)

    assert not path.parent.exists()


def test_a_process_sees_that_another_has_written(store: SqliteStore, path: Path) -> None:
    seen = store.changed(0)
    other = SqliteStore(path)

    other.create([new()])

    assert store.changed(seen) != seen
    other.close()
