"""Rings the broker for jobs that stand in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby
from typing import TYPE_CHECKING, Any

from storehand.breaker import Breaker
from storehand.errors import Unavailable
from storehand.forks import Gate, abandon, guard_forks
from storehand.job import Job, Priority
from storehand.message import Doorbell, doorbell
from storehand.publishing import connection_arguments, insist
from storehand.signing import sign

if TYPE_CHECKING:
    from celery import Celery

    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays
    from storehand.store import JobStore

_CONNECTIONS = 8
"""Most connections to the broker at once; more publishing threads wait for one."""

_BATCH = 500


class Producer:
    """Thread-safe; connects at the first ring, which is also when Celery is imported. Its connections are its own, not
    those of kombu's global pools, which a shop's Celery in the same process may use and a fork would share."""

    def __init__(self, settings: Settings, store: JobStore, *, app: Celery | None = None) -> None:
        self._settings = settings
        self._store = store
        self._app = app
        self._pool: Any = None
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self.gate = Gate()
        guard_forks(self)

    def ring(self, jobs: Sequence[Job], *, envelope: bool = False) -> None:
        """Publishes a message per job, or with `envelope` one per `envelope_items` jobs of the same task, priority and
        tenant, and marks the rows. Unavailable, after `publish_timeout_s` at the latest, when the broker can't be
        reached: then no row is marked, and the second message that some of them may get later is harmless. While it is
        known to be away only one call in two seconds tries; the others are refused at once."""
        if not jobs:
            return
        began = self._store.now()
        groups = _groups(jobs, self._settings.envelope_items if envelope else 1)

        def publish() -> None:
            with self._publishing() as (app, producer), _batch(producer) if len(groups) > 1 else nullcontext():
                for group in groups:
                    self._publish(app, producer, group, began)

        self._insist(publish)
        self._store.mark_published([job.id for job in jobs], at=began)

    def revoke(self, job_id: str) -> None:
        """Tells the workers at once what the row tells them within `watch_s`. Unavailable without a broker."""

        def revoke() -> None:
            with self._publishing() as (app, producer):
                app.control.revoke(job_id, terminate=True, connection=producer.connection)

        self._insist(revoke)

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.force_close_all()
            pool.connections.force_close_all()

    @property
    def is_connected(self) -> bool:
        """Whether this process has rung before, so that another message is cheap."""
        return self._pool is not None

    def after_fork(self) -> None:
        abandon(self._pool)
        self._pool = None
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self.gate = Gate()

    def _insist(self, publish: Callable[[], None]) -> None:
        self._breaker.check()
        try:
            insist(publish, self._settings.publish_timeout_s)
        except Unavailable as error:
            self._breaker.failed(error.message)
            raise
        self._breaker.worked()

    def _publish(self, app: Celery, producer: Any, jobs: Sequence[Job], now: float) -> None:
        bell = doorbell(jobs, now=now)
        app.send_task(
            bell.name,
            kwargs=dict(bell.kwargs),
            task_id=bell.task_id,
            headers={**bell.headers, **self._signed(bell)},
            kwargsrepr=f"{len(jobs)} job(s)",  # in logs and Flower; an envelope would list all its ids
            queue=self._settings.queue(jobs[0].task, jobs[0].priority),
            producer=producer,
            ignore_result=True,
            mandatory=True,  # RabbitMQ would confirm a message for a queue that somebody has deleted, and drop it
            retry=False,  # `insist` does that, within bounds
            add_to_parent=False,  # a shop's own task that submits jobs must not collect them
        )

    def _signed(self, bell: Doorbell) -> dict[str, Any]:
        keys = self._settings.signing_keys
        return sign(keys[0], bell.name, bell.task_id, kwargs=bell.kwargs) if keys else {}

    @contextmanager
    def _publishing(self) -> Iterator[tuple[Celery, Any]]:
        from kombu.exceptions import KombuError, LimitExceeded

        app, pool = self._connected()
        wait_s = self._settings.publish_timeout_s / 2
        try:
            with self.gate, pool.acquire(block=True, timeout=wait_s) as producer, _as_kombu_errors(producer):
                yield app, producer
        except LimitExceeded as error:
            raise Unavailable(f"all {_CONNECTIONS} connections wait for the broker") from error
        except (KombuError, OSError) as error:
            raise Unavailable(f"the broker can't be reached: {str(error) or type(error).__name__}") from error

    def _connected(self) -> tuple[Celery, Any]:
        with self._lock:
            if self._app is None:
                from storehand.celery_app import make_celery

                self._app = make_celery(self._settings)
            if self._pool is None:
                from kombu.pools import ProducerPool

                arguments = connection_arguments(self._settings)
                connections = self._app.connection_for_write(**arguments).Pool(_CONNECTIONS)
                pool: Any = ProducerPool
                self._pool = pool(connections, limit=_CONNECTIONS, Producer=self._app.amqp.Producer)
            return self._app, self._pool


@contextmanager
def _as_kombu_errors(producer: Any) -> Iterator[None]:
    """Each transport has connection errors of its own."""
    from kombu.exceptions import OperationalError

    connection = producer.connection
    try:
        yield
    except (*connection.connection_errors, *connection.channel_errors) as error:
        connection.collect()  # says nothing more to a broker that may not listen; the next use connects anew
        raise OperationalError(str(error)) from error


def _groups(jobs: Sequence[Job], size: int) -> list[list[Job]]:
    """Jobs that may share a message, in the order they came, at most `size` in one."""
    if size == 1:
        return [[job] for job in jobs]

    def shared(job: Job) -> tuple[str, Priority, str]:
        return job.task, job.priority, job.tenant

    groups: list[list[Job]] = []
    for _, run in groupby(sorted(jobs, key=shared), key=shared):
        alike = list(run)
        groups += [alike[start : start + size] for start in range(0, len(alike), size)]
    return groups


def _batch(producer: Any) -> AbstractContextManager[Any]:
    """One round trip, or one commit, for many messages where the transport can."""
    if not hasattr(producer, "batch"):  # kombu before 5.7
        return nullcontext()
    batch: AbstractContextManager[Any] = producer.batch(_BATCH)
    return batch
