"""What is the Redis store's own: a server that dies or stands still, lost replies, many at once, forks, who listens."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from storehand.errors import IdempotencyConflict, RateLimited, SettingsError, Unavailable
from storehand.job import EventKind, NewJob, NewNote, Outcome, Status
from storehand.settings import read_settings
from storehand.store import Claimed, Finish, Limit, NewEvent, open_store
from storehand.store.redis import RedisStore, Tls
from tests.rigs.proxy import Proxy
from tests.servers import RedisServer, SentinelServer, fresh_name
from tests.unit.forked import in_child
from tests.waiting import until

OK = Outcome.succeeded({"text": "好"})


def new(number: int = 0, **fields: object) -> NewJob:
    return NewJob(task="tagline", input={"n": number}, **fields)  # type: ignore[arg-type]  # the tests name real fields


@pytest.fixture
def prefix() -> str:
    return fresh_name()


@pytest.fixture
def store(redis_server: RedisServer, prefix: str) -> Iterator[RedisStore]:
    store = RedisStore(redis_server.url, prefix=prefix)
    yield store
    store.close()


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as admin:
        yield admin


def claimed(store: RedisStore, job_id: str, owner: str = "w1") -> Claimed:
    return store.claim([job_id], owner, 60, max_crashes=3)[0].result


class TestAServerThatIsAway:
    def test_nothing_is_lost_when_the_server_is_killed_and_comes_back(self, prefix: str) -> None:
        with RedisServer("appendfsync always") as server:
            store = RedisStore(server.url, prefix=prefix)
            waiting, running, done = store.create([new(), new(), new()])
            store.claim([running.id, done.id], "w1", 60, max_crashes=3)
            store.finish([Finish(done.id, OK, "w1", 1)])

            server.kill()
            with pytest.raises(Unavailable, match="can't be used"):
                store.get([done.id])
            server.start()

            found = store.get([waiting.id, running.id, done.id])
            assert [each.status for each in found.values()] == [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED]
            assert store.finish([Finish(running.id, OK, "w1", 1)]) == [True]
            store.close()

    def test_a_server_that_stands_still_costs_bounded_time_and_executes_nothing_afterwards(self, prefix: str) -> None:
        with RedisServer() as server, redis.Redis.from_url(server.url) as admin:
            store = RedisStore(server.url, prefix=prefix, timeout_s=1.0)
            job = store.create([new()])[0]
            before = _executed(admin)

            with server.paused(), ThreadPoolExecutor(8) as pool:
                calls = [pool.submit(store.create, [new(id=f"late-{number}")]) for number in range(8)]
                errors = [call.exception(timeout=30) for call in calls]
            until(lambda: _executed(admin) > before)

            assert {type(error) for error in errors} == {Unavailable}
            assert store.get([f"late-{number}" for number in range(8)]) == {}
            assert claimed(store, job.id) is Claimed.MINE
            store.close()

    def test_an_error_and_a_name_show_no_password(self) -> None:
        store = RedisStore("redis://shop:open-sesame@127.0.0.1:1/0")

        with pytest.raises(Unavailable) as caught:
            store.create([new()])

        assert "open-sesame" not in f"{caught.value} {store!r}"
        assert "127.0.0.1:1" in str(caught.value)

    @pytest.mark.parametrize(
        "url", ["redis://shop:open-sesame@host:port/0", "sentinel://:open-sesame@h1:1;sentinel://:open-sesame@h2:x/0"]
    )
    def test_a_url_that_is_none_is_told_without_its_password(self, url: str) -> None:
        with pytest.raises(SettingsError) as caught:
            RedisStore(url)

        assert "open-sesame" not in str(caught.value)


def _executed(admin: redis.Redis) -> int:
    stats: Any = admin.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


class TestLostReplies:
    """The server executes a call, its reply is lost, the call is sent again: nothing happens twice."""

    @pytest.fixture
    def proxy(self, redis_server: RedisServer) -> Iterator[Proxy]:
        with Proxy.before(redis_server.url) as proxy:
            yield proxy

    @pytest.fixture
    def far(self, redis_server: RedisServer, proxy: Proxy, prefix: str) -> Iterator[RedisStore]:
        url = proxy.through(redis_server.url)
        far = RedisStore(url, prefix=prefix, timeout_s=15)  # nobody waits that long: connections are cut
        far.now()  # connected
        yield far
        far.close()

    def test_a_claim_is_mine_again_and_counts_one_attempt(
        self, store: RedisStore, far: RedisStore, proxy: Proxy
    ) -> None:
        job = store.create([new()])[0]

        result = _without_its_reply(
            proxy, lambda: claimed(far, job.id), lambda: store.get([job.id])[job.id].status is Status.RUNNING
        )

        assert result is Claimed.MINE
        assert store.get([job.id])[job.id].attempts == 1
        assert claimed(far, job.id) is Claimed.HERE

    def test_a_finish_is_true_again(self, store: RedisStore, far: RedisStore, proxy: Proxy) -> None:
        job = store.create([new()])[0]
        claimed(far, job.id)
        finish = Finish(job.id, OK, "w1", 1, notes=(NewNote("told", {}),))

        result = _without_its_reply(
            proxy, lambda: far.finish([finish]), lambda: store.get([job.id])[job.id].status is Status.SUCCEEDED
        )

        assert result == [True]
        assert [event.kind for event in store.events(job.id)] == [EventKind.END]
        assert [note.what for note in store.history(job.id)] == ["claimed", "told"]
        assert far.finish([finish]) == [False]

    def test_events_and_notes_are_not_doubled(self, store: RedisStore, far: RedisStore, proxy: Proxy) -> None:
        job = store.create([new()])[0]
        claimed(far, job.id)
        events = [NewEvent(EventKind.DELTA, {"text": text}) for text in "ab"]

        last = _without_its_reply(
            proxy, lambda: far.append(job.id, 1, events), lambda: len(store.events(job.id)) == len(events)
        )
        _without_its_reply(
            proxy, lambda: far.tell({job.id: [NewNote("told", {})]}), lambda: len(store.history(job.id)) == 2
        )

        assert last == 2
        assert [event.data["text"] for event in store.events(job.id)] == ["a", "b"]
        assert [note.what for note in store.history(job.id)] == ["claimed", "told"]

    def test_a_job_is_created_once_and_paid_for_once(self, store: RedisStore, far: RedisStore, proxy: Proxy) -> None:
        limits = {"default": Limit(jobs_per_s=0.001, burst=2)}
        first = new(1)

        jobs = _without_its_reply(
            proxy, lambda: far.create([first], limits=limits), lambda: first.id in store.get([first.id])
        )

        assert jobs == list(store.get([first.id]).values())
        assert store.create([new(2)], limits=limits)
        with pytest.raises(RateLimited):
            store.create([new(3)], limits=limits)

    def test_a_letter_is_buried_once(self, store: RedisStore, far: RedisStore, proxy: Proxy) -> None:
        _without_its_reply(
            proxy, lambda: far.bury(queue="q", reason="r", body="b"), lambda: store.stats().dead_letters == 1
        )

        assert len(store.dead_letters()) == 1

    def test_a_claim_whose_fate_was_never_learned_is_mine_when_its_message_comes_again(
        self, redis_server: RedisServer, store: RedisStore, proxy: Proxy, prefix: str
    ) -> None:
        far = RedisStore(proxy.through(redis_server.url), prefix=prefix, timeout_s=1.0)
        first, second = store.create([new(), new()])
        proxy.swallow("to_client")

        with pytest.raises(Unavailable):
            claimed(far, first.id)
        proxy.heal()
        assert claimed(far, second.id) is Claimed.MINE
        proxy.swallow("to_client")
        with pytest.raises(Unavailable):
            claimed(far, first.id)
        until(lambda: store.get([first.id])[first.id].status is Status.RUNNING)
        proxy.heal()

        assert claimed(far, first.id) is Claimed.MINE
        assert store.get([first.id])[first.id].attempts == 1
        far.close()


def _without_its_reply(proxy: Proxy, call: Callable[[], Any], is_executed: Callable[[], bool]) -> Any:
    """What the call returns although the connection was cut between its execution and the reply."""
    proxy.swallow("to_client")
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(call)
        until(is_executed)
        proxy.cut()
        proxy.heal()
        return result.result(timeout=40)


class TestManyAtOnce:
    def test_each_job_has_one_owner_among_two_processes_with_eight_threads(
        self, redis_server: RedisServer, store: RedisStore, prefix: str
    ) -> None:
        ids = [job.id for job in store.create([new(number) for number in range(500)])]

        with multiprocessing.get_context("spawn").Pool(2) as pool:
            races = [(redis_server.url, prefix, "a", ids), (redis_server.url, prefix, "b", ids[::-1])]
            a, b = pool.starmap(_race, races)

        assert not set(a) & set(b)
        assert sorted(a + b) == sorted(ids)
        jobs = store.get(ids).values()
        assert {job.attempts for job in jobs} == {1}
        assert {job.id for job in jobs if job.outcome and job.outcome.output == {"by": "a"}} == set(a)

    def test_one_callers_error_is_nobody_elses(self, store: RedisStore) -> None:
        store.create([new(0, idempotency_key="taken")])

        def create(number: int) -> str:
            try:
                return store.create([new(number, idempotency_key="taken" if number % 2 else f"k{number}")])[0].id
            except IdempotencyConflict:
                return "conflict"

        with ThreadPoolExecutor(16) as pool:
            ids = list(pool.map(create, range(1, 65)))

        assert ids[::2] == ["conflict"] * 32
        assert set(store.get(ids[1::2])) == set(ids[1::2])

    def test_who_waits_behind_an_interrupted_caller_is_served(
        self, redis_server: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = RedisStore(redis_server.url, prefix=prefix)
        is_sending, may_fail = threading.Event(), threading.Event()

        def interrupted(calls: str, names: Set[str]) -> list[Any]:
            monkeypatch.undo()
            is_sending.set()
            may_fail.wait(10)
            raise KeyboardInterrupt

        monkeypatch.setattr(store._quick.link, "exchange", interrupted)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(store.stats)
            assert is_sending.wait(10)
            second = pool.submit(store.stats)
            until(lambda: store._quick._waiting)
            may_fail.set()

            assert isinstance(first.exception(timeout=10), KeyboardInterrupt)
            assert isinstance(second.exception(timeout=10), Unavailable)
        assert store.stats().dead_letters == 0
        store.close()


def _race(url: str, prefix: str, owner: str, ids: list[str]) -> list[str]:
    """Claims and finishes what it gets."""
    store = RedisStore(url, prefix=prefix)

    def work(job_id: str) -> bool:
        claim = store.claim([job_id], owner, 60, max_crashes=3)[0]
        return claim.result is Claimed.MINE and store.finish(
            [Finish(job_id, Outcome.succeeded({"by": owner}), owner, 1)]
        ) == [True]

    with ThreadPoolExecutor(8) as pool:
        won = [job_id for job_id, is_won in zip(ids, pool.map(work, ids), strict=True) if is_won]
    store.close()
    return won


class TestListening:
    def test_an_end_and_an_event_by_another_process_are_heard(
        self, redis_server: RedisServer, store: RedisStore, prefix: str
    ) -> None:
        other = RedisStore(redis_server.url, prefix=prefix)
        job, quiet = store.create([new(), new()])
        seen, seen_quiet = store.changed(0, [job.id]), store.changed(0, [quiet.id])
        claimed(other, job.id)

        other.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "a"})])
        until(lambda: store.changed(seen, [job.id]) != seen)
        seen = store.changed(seen, [job.id])
        other.finish([Finish(job.id, OK, "w1", 1)])
        until(lambda: store.changed(seen, [job.id]) != seen)

        assert store.changed(seen_quiet, [quiet.id]) == seen_quiet
        other.close()

    def test_a_worker_hears_of_cancels_and_lost_leases(
        self, redis_server: RedisServer, store: RedisStore, prefix: str
    ) -> None:
        other = RedisStore(redis_server.url, prefix=prefix)
        flagged, lost = store.create([new(), new()])
        store.claim([flagged.id, lost.id], "w1", 0.0, max_crashes=3)
        seen = store.changed(0)

        other.request_cancel([flagged.id])
        until(lambda: store.changed(seen) != seen)
        seen = store.changed(seen)
        assert claimed(other, lost.id, "w2") is Claimed.MINE
        until(lambda: store.changed(seen) != seen)
        other.close()

    def test_waiting_costs_no_traffic(self, store: RedisStore, admin: redis.Redis) -> None:
        job = store.create([new()])[0]
        seen = store.changed(0, [job.id])
        before: Any = admin.info("stats")

        for _ in range(2000):
            assert store.changed(seen, [job.id]) == seen

        after: Any = admin.info("stats")
        own = 1  # this second look
        assert (
            after["total_commands_processed"] - before["total_commands_processed"] <= own + 1
        )  # it may be time to ping

    def test_who_listens_is_told_of_an_outage_and_hears_again_after_it(self, prefix: str) -> None:
        with RedisServer() as server:
            store, other = RedisStore(server.url, prefix=prefix), RedisStore(server.url, prefix=prefix)
            job = store.create([new()])[0]
            seen = store.changed(0, [job.id])

            server.restart()
            until(lambda: store.changed(seen, [job.id]) != seen)
            seen = store.changed(seen, [job.id])
            other.request_cancel([job.id])
            until(lambda: store.changed(seen, [job.id]) != seen)

            store.close()
            other.close()

    def test_a_server_that_is_away_makes_nobody_wait_for_a_number(self) -> None:
        store = RedisStore("redis://127.0.0.1:1/0")
        until(lambda: not store._listener._is_connected if store.changed(0, ["x"]) else False)

        assert store.changed(0, ["x"]) == store.changed(0, ["x"])
        store.close()


class TestForks:
    def test_a_child_has_connections_and_a_listener_of_its_own(self, store: RedisStore) -> None:
        job = store.create([new()])[0]
        seen = store.changed(0, [job.id])

        def use() -> None:
            store.create([new(2, id="from-child")])
            assert set(store.get([job.id, "from-child"])) == {job.id, "from-child"}
            number = store.changed(seen, [job.id])
            assert number != seen
            store.request_cancel([job.id])
            until(lambda: store.changed(number, [job.id]) != number)

        in_child(use)

        until(lambda: store.changed(seen, [job.id]) != seen)
        assert set(store.get(["from-child"])) == {"from-child"}

    def test_a_child_forked_while_other_threads_write_does_not_hang(self, store: RedisStore) -> None:
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                store.create([new()])

        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(write)
            try:
                for number in range(4):
                    in_child(lambda number=number: store.create([new(id=f"child-{number}")]))  # type: ignore[misc]  # bound by its default
            finally:
                stop.set()

        assert len(store.get([f"child-{number}" for number in range(4)])) == 4


class TestTime:
    def test_leases_are_judged_by_the_servers_clock(
        self, store: RedisStore, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.time", lambda: 0.0)
        job = store.create([new()])[0]

        claim = store.claim([job.id], "w1", 60, max_crashes=3)[0]

        seconds, micros = admin.time()  # type: ignore[misc]  # the client is not asynchronous
        assert claim.job is not None
        assert claim.job.lease_until == pytest.approx(seconds + micros / 1e6 + 60, abs=30)
        assert claim.job.updated_at <= store.now() <= admin.time()[0] + 2  # type: ignore[index]  # the client is not asynchronous

    def test_a_mark_of_now_is_never_before_the_row_it_marks(self, store: RedisStore) -> None:
        for number in range(20):
            job = store.create([new(number)])[0]
            store.mark_published([job.id], at=store.now())

            assert store.get([job.id])[job.id].published_at is not None


class TestAddresses:
    def test_the_settings_name_the_store_and_its_prefix(self, redis_server: RedisServer, prefix: str) -> None:
        store = open_store(read_settings(store_url=redis_server.url, queue_prefix=prefix))

        job = store.create([new()])[0]

        assert isinstance(store, RedisStore)
        with redis.Redis.from_url(redis_server.url) as admin:
            assert admin.exists(f"{{{prefix}}}:job:{job.id}")
        store.close()

    def test_it_works_with_tls_and_a_user_who_may_touch_nothing_but_its_keys(self, tmp_path: Path) -> None:
        rights = "on >open-sesame ~{shop}* &{shop}* -@all +@read +@write +@scripting +@pubsub +@connection +time"
        with RedisServer(tls=True, users={"shop": rights, "root": "on >root ~* &* +@all"}) as server:
            files = server.certificates
            assert files is not None
            store = RedisStore(server.url, prefix="shop", tls=Tls(files.ca, files.cert, files.key))
            stranger = RedisStore(server.url, prefix="shop", tls=Tls(files.stranger_ca, files.cert, files.key))

            job = store.create([new(deadline=1.0, subject="s", idempotency_key="k")])[0]
            seen = store.changed(0, [job.id])
            assert [each.id for each in store.expire_overdue()] == [job.id]
            until(lambda: store.changed(seen, [job.id]) != seen)
            assert store.erase([job.id]) == {job.id: Status.EXPIRED}
            assert store.sweep(result_ttl_s=-1).jobs == 1

            with pytest.raises(Unavailable, match="certificate"):
                stranger.stats()
            store.close()

    def test_sentinels_say_which_server_is_the_master(self, prefix: str) -> None:
        with RedisServer() as server, SentinelServer(server) as sentinel:
            store = RedisStore(f"{sentinel.url}?master={sentinel.master_name}", prefix=prefix)

            job = store.create([new()])[0]

            direct = RedisStore(server.url, prefix=prefix)
            assert set(direct.get([job.id])) == {job.id}
            assert store.changed(0, [job.id])
            store.close()
            direct.close()

    def test_a_unix_socket_may_be_named_as_kombu_or_redis_name_it(self, tmp_path: Path, prefix: str) -> None:
        with RedisServer(f"unixsocket {tmp_path}/redis.sock") as server:
            assert server.is_running
            for url in (f"redis+socket://{tmp_path}/redis.sock?virtual_host=1", f"unix://{tmp_path}/redis.sock?db=1"):
                store = RedisStore(url, prefix=prefix)
                store.create([new(id="same")])
                assert store.stats().by_status[Status.QUEUED] == 1
                store.close()


class TestVersions:
    def test_a_layout_one_version_ahead_still_works(self, store: RedisStore, admin: redis.Redis, prefix: str) -> None:
        admin.set(f"{{{prefix}}}:version", 2)

        assert store.create([new()])
        assert admin.get(f"{{{prefix}}}:version") == b"2"

    def test_a_layout_two_versions_ahead_is_refused(self, store: RedisStore, admin: redis.Redis, prefix: str) -> None:
        admin.set(f"{{{prefix}}}:version", 3)

        with pytest.raises(SettingsError, match="update the program"):
            store.attend("w1")

    def test_every_key_has_the_hash_tag_of_the_shop(self, store: RedisStore, admin: redis.Redis, prefix: str) -> None:
        job = store.create([new(subject="s", idempotency_key="k", deadline=9e9)])[0]
        claimed(store, job.id)
        store.finish([Finish(job.id, OK)])
        store.bury(queue="q", reason="r", body="b", job_id=job.id)

        keys: Any = admin.keys(f"*{prefix}*")
        assert len(keys) > 8
        assert all(key.startswith(f"{{{prefix}}}:".encode()) for key in keys)

        store.sweep(result_ttl_s=-1)
        left: Any = admin.keys(f"{{{prefix}}}:*")
        kept = {"n", "letter", "once", "version", "tallies"}
        assert {key.decode().partition(":")[2].partition(":")[0] for key in left} == kept
