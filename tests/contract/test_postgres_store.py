"""What is special about the job store on PostgreSQL: lost connections, lost answers, races of processes, its schema."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from storehand.errors import IdempotencyConflict, QuotaExceeded, SettingsError, Unavailable
from storehand.job import EventKind, Outcome, Status
from storehand.store import Claimed, Finish, Limit, NewEvent
from storehand.store.postgres import PostgresStore
from storehand.store.postgres.schema import MIGRATIONS
from storehand.store.postgres.unit import Call
from tests.contract.stores import OK, created, kinds, new, postgres_url, row
from tests.rigs.proxy import Proxy
from tests.servers import Certificates, PostgresServer, fresh_name
from tests.unit.forked import in_child
from tests.waiting import until


@pytest.fixture
def schema() -> str:
    return fresh_name()


@pytest.fixture
def store(schema: str) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url(), schema=schema)
    yield store
    store.close()


@pytest.fixture
def admin() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """To kill and to pause."""
    if reason := PostgresServer.missing():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


Admin = psycopg.Connection[tuple[object, ...]]


def store_call(work: Callable[[], object]) -> Future[object]:
    """In a thread of its own."""
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def waits_for_a_lock(admin: Admin) -> list[int]:
    rows = admin.execute(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'storehand'"
    )
    return [int(str(each[0])) for each in rows.fetchall()]


def guarded(server: PostgresServer) -> Certificates:
    """The role `shop` has to come by TLS and with a password."""
    certificates = Certificates(server.folder / "tls")
    rules = server.folder / "hba.conf"
    rules.write_text("host all storehand all trust\nhostssl all shop all scram-sha-256\n")
    certificates.key.chmod(0o600)
    if os.geteuid() == 0:
        for file in (certificates.key, rules):
            shutil.chown(file, "postgres")
    server.options = (
        "ssl=on", f"ssl_cert_file={certificates.cert}", f"ssl_key_file={certificates.key}", f"hba_file={rules}",
    )  # fmt: skip
    return certificates


class TestOutage:
    def test_a_killed_server_is_found_again_with_all_that_was_answered(self, own_server: PostgresServer) -> None:
        store = PostgresStore(own_server.url)
        job, done = created(store), created(store)
        store.claim([done.id], "w1", 15, max_crashes=3)
        store.finish([Finish(done.id, OK, "w1", 1)])
        own_server.kill()

        with pytest.raises(Unavailable, match="127"):
            created(store)
        own_server.start()

        assert row(store, done).outcome == OK
        assert store.claim([job.id], "w1", 15, max_crashes=3)[0].result is Claimed.MINE
        store.close()

    def test_a_server_that_hangs_is_given_up_in_time_and_does_nothing_late(self, own_server: PostgresServer) -> None:
        store = PostgresStore(own_server.url, patience_s=2.0)
        created(store)

        with own_server.paused():
            answer = store_call(lambda: created(store, id="late"))
            with pytest.raises(Unavailable):
                answer.result(timeout=30)

        until(lambda: own_server.run_sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == "1")
        assert store.get(["late"]) == {}
        store.close()

    def test_a_session_ended_in_mid_transaction_is_repeated_and_counted_once(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        job = created(store)
        with admin.transaction():
            admin.execute(f'SELECT 1 FROM "{schema}".jobs FOR UPDATE')
            claim = store_call(lambda: store.claim([job.id], "w1", 15, max_crashes=3))
            with psycopg.connect(postgres_url(), autocommit=True) as other:
                [pid] = until(lambda: waits_for_a_lock(other))
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))

        assert [each.result for each in claim.result(10)] == [Claimed.MINE]
        assert row(store, job).attempts == 1
        assert [note.what for note in store.history(job.id)] == ["claimed"]

    def test_a_commit_whose_answer_is_lost_is_looked_up_and_not_done_again(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        job = created(store)
        with Proxy.before(postgres_url()) as proxy:
            far = PostgresStore(proxy.through(postgres_url()), schema=schema)
            far.claim([job.id], "w1", 15, max_crashes=3)
            with admin.transaction():
                admin.execute(f'LOCK TABLE "{schema}".events IN SHARE MODE')
                number = store_call(lambda: far.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "a"})]))
                with psycopg.connect(postgres_url(), autocommit=True) as other:
                    until(lambda: waits_for_a_lock(other))
                proxy.swallow("to_client")
            until(lambda: kinds(store, job) == [EventKind.DELTA])
            proxy.cut()
            proxy.heal()

            assert number.result(10) == 1
            assert kinds(store, job) == [EventKind.DELTA]
            far.close()

    def test_who_asks_again_after_an_outage_learns_what_its_lost_calls_have_done(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        ended, taken = created(store), created(store)
        with Proxy.before(postgres_url()) as proxy:
            far = PostgresStore(proxy.through(postgres_url()), schema=schema)
            far.claim([ended.id], "w1", 15, max_crashes=3)
            with admin.transaction():
                admin.execute(f'LOCK TABLE "{schema}".jobs IN SHARE MODE')
                finish = store_call(lambda: far.finish([Finish(ended.id, OK, "w1", 1)]))
                with psycopg.connect(postgres_url(), autocommit=True) as other:
                    until(lambda: waits_for_a_lock(other))
                claim = store_call(lambda: far.claim([taken.id], "w1", 15, max_crashes=3))
                proxy.swallow("to_client")
            until(lambda: row(store, ended).status is Status.SUCCEEDED)
            proxy.refuse()
            with pytest.raises(Unavailable):
                finish.result(10)
            with pytest.raises(Unavailable):
                claim.result(10)
            proxy.heal()

            assert far.finish([Finish(ended.id, Outcome.succeeded({"text": "other"}), "w1", 1)]) == [False]
            assert far.finish([Finish(ended.id, OK, "w1", 1)]) == [True]
            assert far.finish([Finish(ended.id, OK, "w1", 1)]) == [False]
            assert far.claim([taken.id], "w1", 15, max_crashes=3)[0].result is Claimed.MINE
            far.close()

    def test_a_claim_whose_answer_was_lost_for_good_is_mine_when_it_comes_again(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        job = created(store)
        with Proxy.before(postgres_url()) as proxy:
            far = PostgresStore(proxy.through(postgres_url()), schema=schema)
            far.stats()
            with admin.transaction():
                admin.execute(f'LOCK TABLE "{schema}".jobs IN SHARE MODE')
                claim = store_call(lambda: far.claim([job.id], "w1", 15, max_crashes=3))
                with psycopg.connect(postgres_url(), autocommit=True) as other:
                    until(lambda: waits_for_a_lock(other))
                proxy.swallow("to_client")
            until(lambda: row(store, job).status is Status.RUNNING)
            proxy.refuse()
            with pytest.raises(Unavailable):
                claim.result(10)
            proxy.heal()

            results = [far.claim([job.id], "w1", 15, max_crashes=3)[0] for _ in range(2)]

            assert [each.result for each in results] == [Claimed.MINE, Claimed.HERE]
            assert row(store, job).attempts == 1
            far.close()

    def test_what_the_server_is_asked_to_write_after_its_time_is_not_written(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        created(store)
        with admin.transaction():  # the server's clock is past the moment when the caller gives up
            admin.execute(f'LOCK TABLE "{schema}".jobs IN SHARE MODE')
            impatient = PostgresStore(postgres_url(), schema=schema, patience_s=0.3)
            late = store_call(lambda: created(impatient, id="late"))
            with pytest.raises(Unavailable):
                late.result(10)

        until(lambda: not waits_for_a_lock(admin))
        assert store.get(["late"]) == {}
        impatient.close()


def claim_all(url: str, schema: str, ids: list[str], owner: str, folder: Path) -> list[str]:
    """What this process got, with eight threads, from when both processes are there."""
    store = PostgresStore(url, schema=schema)
    store.now()
    (folder / owner).touch()
    until(lambda: len(list(folder.iterdir())) == 2, timeout_s=60)

    def claim(part: list[str]) -> list[str]:
        claims = [store.claim(part[at : at + 5], owner, 60, max_crashes=3) for at in range(0, len(part), 5)]
        return [each.job.id for claim in claims for each in claim if each.job and each.result is Claimed.MINE]

    shuffled = [random.Random(f"{owner}{number}").sample(ids, len(ids)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        mine = [job_id for part in pool.map(claim, shuffled) for job_id in part]
    store.close()
    return mine


class TestRaces:
    def test_threads_of_two_processes_claim_each_of_500_jobs_once(
        self, store: PostgresStore, schema: str, tmp_path: Path
    ) -> None:
        ids = [job.id for job in store.create([new(number) for number in range(500)])]

        with multiprocessing.get_context("spawn").Pool(2) as pool:
            asked = [(postgres_url(), schema, ids, owner, tmp_path) for owner in ("w1", "w2")]
            by_process = pool.starmap(claim_all, asked)

        times = Counter(job_id for mine in by_process for job_id in mine)
        assert times == dict.fromkeys(ids, 1)
        assert all(by_process), "one process got nothing: nothing was raced for"

    def test_batches_in_opposite_orders_do_not_lock_each_other_out(self, store: PostgresStore, schema: str) -> None:
        others = [PostgresStore(postgres_url(), schema=schema) for _ in range(2)]
        ids = [job.id for job in store.create([new(number) for number in range(60)])]

        def renew(other: PostgresStore, order: list[str]) -> None:
            for _ in range(15):
                other.release(order, "w1")
                other.claim(order, "w1", 15, max_crashes=3)

        calls = [store_call(lambda o=o, ids=i: renew(o, ids)) for o, i in zip(others, (ids, ids[::-1]), strict=True)]  # type: ignore[misc]  # bound by its default

        for call in calls:
            call.result(20)
        for other in others:
            other.close()

    def test_the_same_keys_in_opposite_orders_make_one_job_each(self, store: PostgresStore, schema: str) -> None:
        other = PostgresStore(postgres_url(), schema=schema)
        for turn in range(8):
            keys = [f"{turn}-{number}" for number in range(30)]
            calls = [
                store_call(lambda s=s, k=k: s.create([new(idempotency_key=each) for each in k]))  # type: ignore[misc]  # bound by its default
                for s, k in ((store, keys), (other, keys[::-1]))
            ]
            for call in calls:
                call.result(20)

        assert len(store.find(limit=1000)) == 240
        other.close()

    def test_two_processes_together_do_not_get_more_than_a_tenant_may(self, store: PostgresStore, schema: str) -> None:
        other = PostgresStore(postgres_url(), schema=schema)
        limits = {"default": Limit(open_jobs=10)}

        def submit(where: PostgresStore) -> int:
            made = 0
            for number in range(10):
                with contextlib.suppress(QuotaExceeded):
                    made += len(where.create([new(number)], limits=limits))
            return made

        calls = [store_call(lambda s=s: submit(s)) for s in (store, other)]  # type: ignore[misc]  # bound by its default

        assert sum(int(str(call.result(20))) for call in calls) == 10
        other.close()

    def test_stores_that_come_at_the_same_time_make_one_schema(self, schema: str) -> None:
        stores = [PostgresStore(postgres_url(), schema=schema) for _ in range(8)]

        calls = [store_call(lambda s=s: created(s)) for s in stores]  # type: ignore[misc]  # bound by its default

        for call in calls:
            call.result(20)
        assert len(stores[0].find()) == 8
        for each in stores:
            each.close()

    def test_one_call_that_is_refused_takes_nobody_else_with_it(self, store: PostgresStore, schema: str) -> None:
        first = created(store, idempotency_key="k")
        good = [store_call(lambda: created(store)) for _ in range(8)]
        bad = [store_call(lambda: store.create([new(1), new(1, idempotency_key="k")])) for _ in range(8)]

        for call in good:
            call.result(10)
        for call in bad:
            with pytest.raises(IdempotencyConflict, match=first.id):
                call.result(10)
        assert len(store.find(limit=100)) == 9


class TestProcesses:
    def test_a_forked_child_and_its_parent_both_go_on(self, store: PostgresStore) -> None:
        job = created(store)
        seen = store.changed(0, [job.id])

        def work() -> None:
            created(store)
            store.finish([Finish(job.id, OK)])
            store.changed(0, [job.id])

        in_child(work)

        until(lambda: store.changed(seen, [job.id]) != seen)
        assert row(store, job).outcome == OK
        assert len(store.find()) == 2

    def test_who_waits_hears_of_ends_by_others_and_of_no_other_jobs(self, store: PostgresStore, schema: str) -> None:
        job, other = created(store), created(store)
        here = PostgresStore(postgres_url(), schema=schema)
        seen = here.changed(0, [job.id])
        here.changed(0, [other.id])

        store.finish([Finish(other.id, OK)])
        until(lambda: here.changed(0, [other.id]) > seen + 1)

        assert here.changed(seen, [job.id]) == seen
        store.finish([Finish(job.id, OK)])
        until(lambda: here.changed(seen, [job.id]) != seen)
        here.close()


class TestSchema:
    def test_a_schema_one_version_ahead_is_worked_with_and_two_ahead_is_refused(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        created(store)
        admin.execute(f'UPDATE "{schema}".version SET version = {len(MIGRATIONS) + 1}')
        older = PostgresStore(postgres_url(), schema=schema)
        assert created(older).status is Status.QUEUED
        older.close()

        admin.execute(f'UPDATE "{schema}".version SET version = {len(MIGRATIONS) + 2}')
        with pytest.raises(SettingsError, match="schema version"):
            created(PostgresStore(postgres_url(), schema=schema))

    def test_prefixes_with_a_dash_and_two_shops_in_one_database_keep_apart(self, store: PostgresStore) -> None:
        other = PostgresStore(postgres_url(), schema=f"{fresh_name()}-2")
        job = created(store)

        assert other.get([job.id]) == {}
        assert created(other).id
        other.close()

    def test_claims_and_renewals_hardly_ever_touch_an_index(
        self, store: PostgresStore, schema: str, admin: Admin
    ) -> None:
        ids = [job.id for job in store.create([new(number) for number in range(20)])]
        store.mark_published(ids)
        store.claim(ids, "w1", 15, max_crashes=3)
        store.renew(ids, "w1", 60)
        store.release(ids, "w1")

        def counts() -> tuple[object, ...] | None:
            store.get(ids)  # a session tells its counts after a statement, at most once a second
            select = (
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = %s AND relname = 'jobs'"
            )
            found = admin.execute(select, (schema,)).fetchone()
            return found if found and found[0] == 80 else None

        updated, hot = until(counts)
        assert int(str(hot)) > 0.9 * int(str(updated))


class TestConnection:
    def test_tls_with_verified_names_and_a_password_from_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if reason := PostgresServer.missing():
            pytest.skip(reason)
        server = PostgresServer()
        certificates = guarded(server)
        with server:
            server.run_sql("CREATE ROLE shop LOGIN PASSWORD 'hunter2'; GRANT ALL ON DATABASE storehand TO shop")
            url = server.url.replace("storehand@", "shop@")
            passfile = tmp_path / "pgpass"
            passfile.write_text(f"127.0.0.1:{server.port}:storehand:shop:hunter2\n")
            passfile.chmod(0o600)
            monkeypatch.setenv("PGPASSFILE", str(passfile))

            secure = PostgresStore(url, ca_file=certificates.ca)
            wrong = PostgresStore(url, ca_file=certificates.stranger_ca)
            plain = PostgresStore(f"{url}?sslmode=disable")

            assert created(secure).status is Status.QUEUED
            for each in (wrong, plain):
                with pytest.raises(Unavailable) as caught:
                    each.stats()
                assert "hunter2" not in str(caught.value)
            secure.close()

    @pytest.mark.parametrize("url", ["postgresql://u:pa/ss@host:x/db", "postgresql://u:se%zzcret@host/db"])
    def test_a_broken_url_is_refused_without_its_password(self, url: str) -> None:
        with pytest.raises(SettingsError) as caught:
            PostgresStore(url)

        assert not any(secret in str(caught.value) for secret in ("pa/ss", "cret", "ss@"))

    def test_a_server_that_refuses_is_named_without_the_password(self) -> None:
        store = PostgresStore("postgresql://shop:hunter2@127.0.0.1:1/db")

        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1/db") as caught:
            store.stats()

        assert "hunter2" not in str(caught.value)

    def test_a_transaction_is_not_taken_for_another_that_got_its_number_after_a_crash(
        self, store: PostgresStore
    ) -> None:
        created(store)
        with psycopg.connect(postgres_url(), autocommit=True) as admin:
            [(xid,)] = admin.execute("SELECT pg_current_xact_id()::text").fetchall()
            assert admin.execute("SELECT pg_xact_status(%s::text::xid8)", (xid,)).fetchone() == ("committed",)
        turns, soon = store._turns, time.monotonic() + 5

        assert turns._is_written(xid, turns._mark, soon)  # what this process wrote last
        assert not turns._is_written(xid, turns._mark._replace(serial=turns._mark.serial + 1), soon)

    def test_nobody_is_told_of_success_when_a_mistake_undoes_the_calls_of_all(self, store: PostgresStore) -> None:
        calls = [Call[None](lambda unit: None) for _ in range(3)]

        store._turns._fail(calls, TypeError("a mistake"))

        for call in calls:
            with pytest.raises(TypeError, match="a mistake"):
                call.result()

    def test_ids_that_no_row_can_have_are_missing_not_errors(self, store: PostgresStore) -> None:
        assert store.get(["a\0b", "\ud800"]) == {}
        assert store.claim(["a\0b"], "w1", 15, max_crashes=3)[0].result is Claimed.MISSING
        assert store.finish([Finish("\ud800", OK)]) == [False]
        store.bury(queue="q", reason="\0", body="{\ud800\0", job_id="\0")
        assert store.dead_letters()[0].body.startswith("{")
