"""The store as a worker sees it: up or away, and how often it was away."""

from __future__ import annotations

import pytest

from storehand.errors import Unavailable
from storehand.job import NewJob
from storehand.store.sqlite import SqliteStore
from storehand_worker.watched_store import WatchedStore


class Away(SqliteStore):
    """Loses its disk when it is told so."""

    is_away = False

    def upkeep(self, **options):
        if self.is_away:
            raise Unavailable("gone")
        return super().upkeep(**options)


@pytest.fixture
def store(tmp_path):
    store = Away(tmp_path / "jobs.db", synchronous="NORMAL")
    yield store
    store.close()


def test_it_answers_as_the_store_does(store):
    watched = WatchedStore(store, lambda: None).as_store

    [job] = watched.create([NewJob(task="echo", input={})])

    assert watched.get([job.id]) == store.get([job.id])


def test_a_call_that_finds_nobody_is_counted_and_the_next_good_one_says_up(store):
    errors: list[int] = []
    watched = WatchedStore(store, lambda: errors.append(1))
    store.is_away = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            watched.as_store.upkeep()
    seen = [watched.is_up]
    watched.as_store.now()  # this host's clock, no sign of life
    seen.append(watched.is_up)
    store.is_away = False
    watched.as_store.upkeep()

    assert (seen, watched.is_up, len(errors)) == ([False, False], True, 2)
