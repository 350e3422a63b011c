"""Everything one worker process has between the broker and its models: built cheaply, opened at start, closed last."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from typing import Any

from celery import Celery
from celery.platforms import EX_OK
from celery.worker import state

from storehand.broker.depth import queue_depths
from storehand.broker.server_depth import ServerDepth
from storehand.broker.transport import queue_file
from storehand.celery_app import declared_queues
from storehand.payloads import open_payloads
from storehand.producer import Producer
from storehand.settings import Settings
from storehand.store import JobStore, open_store
from storehand_worker.counts import What
from storehand_worker.dead_queue import DeadQueue
from storehand_worker.depths import RecentDepths
from storehand_worker.discards import Discards
from storehand_worker.entry import register_entries
from storehand_worker.health import HealthServer
from storehand_worker.host import Host
from storehand_worker.intake import Intake
from storehand_worker.job_log import JobLog
from storehand_worker.last_call import LastCall
from storehand_worker.liveness import WATCHER, Checks, Liveness
from storehand_worker.loader import load_plugins
from storehand_worker.lost import Depths, no_depths
from storehand_worker.metrics import Metrics
from storehand_worker.observers import Observers
from storehand_worker.presence import Presence
from storehand_worker.reconcile import Reconciler
from storehand_worker.renewer import LeaseRenewer
from storehand_worker.runner import JobRunner
from storehand_worker.span_export import open_tracer
from storehand_worker.stream import EventPump
from storehand_worker.turnstile import Turnstile
from storehand_worker.watched_store import WatchedStore
from storehand_worker.watcher import Watcher

log = logging.getLogger(__name__)


class JobPath:
    """Stands on the Celery app as `app.job_path`, where pool, consumer, requests and entries find it."""

    store: JobStore
    host: Host
    observers: Observers
    runner: JobRunner
    watcher: Watcher
    discards: Discards
    pool: Any = None

    def __init__(self, app: Celery, settings: Settings) -> None:
        self.settings = settings
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.liveness = Liveness()
        self.presence = Presence(settings, self.owner)
        self.last_call = LastCall(
            settings.drain_s, code=lambda: int(state.should_stop or state.should_terminate or EX_OK)
        )
        self.metrics = Metrics(wait_objective_s=settings.wait_objective_s)
        self.metrics.know(tasks=settings.routes)  # the leader ends what is overdue, also of tasks it does not serve
        self.intake = Intake(app, settings)
        self.has_lost_engine = False
        self._app = app
        self._depths: Depths = no_depths
        self._closing: list[Any] = []

    def count(self, what: What, by: int = 1) -> None:
        getattr(self.metrics, what).inc(by)

    def open(self, *, soft_s: float, hard_s: float) -> None:
        """Answers probes first, then opens the store and loads plugins and models; raises what is wrong with them."""
        settings = self.settings
        self.presence.open()
        self._use(self.presence)
        self._tracer = self._use(open_tracer(settings, self.owner))
        plugins = load_plugins(settings)
        self.observers = Observers(plugins.manager, own={"metrics": self.metrics, "job log": JobLog()})
        metrics = self.metrics
        self.host = Host(
            settings, plugins, on_batch=self.observers.on_batch_done, on_call=metrics.on_call, on_load=metrics.on_load
        )
        checks = Checks(self.liveness, engines=self.host, check_health=self.observers.check_health)
        metrics.watch_worker(
            self.liveness, checks, slots=lambda: self.pool.limit if self.pool else settings.concurrency
        )
        self._use(HealthServer(settings, self.metrics.registry, checks)).start()
        watched = WatchedStore(self._use(open_store(settings)), metrics.store_errors.inc)
        metrics.watch_store(lambda: watched.is_up)
        self.store = watched.as_store  # loading models may take minutes; a bad file is told before
        self.store.attend(self.owner)
        self._use(self.host).load(progress=self.liveness.report)
        self.metrics.watch_engines(self.host)
        self._depths = self._depths_of_broker()
        self.metrics.watch_queues(self._depths, names=[queue.name for queue in declared_queues(settings)])
        self._build()
        self.last_call.start(self.pool)
        register_entries(self._app, self.host.tasks, soft_s=soft_s, hard_s=hard_s)
        self.observers.on_worker_start(list(self.host.tasks))

    def _depths_of_broker(self) -> Depths:
        if self.settings.is_embedded:
            file = queue_file(self.settings.broker_url.get_secret_value())
            return lambda: queue_depths(file)
        if not (self.settings.is_redis or self.settings.is_amqp):
            return no_depths
        server = self._use(ServerDepth(self.settings))
        return RecentDepths(server.read)

    def begin_draining(self, *, is_cold: bool = False) -> None:
        """Readiness turns red and the grace period begins, or ends if `is_cold`. Called at once, also from a signal
        handler."""
        self.liveness.is_draining = True
        self.last_call.begin(is_cold=is_cold)

    def close(self) -> None:
        """Takes down what `open` brought up, the newest first; an error in one does not keep the others up."""
        while self._closing:
            part = self._closing.pop()
            try:
                (part.stop if hasattr(part, "stop") else part.close)()
            except Exception:
                log.exception("%s did not close; the worker leaves all the same", type(part).__name__)
        if hasattr(self, "observers"):
            self.observers.on_worker_stop()

    @property
    def busy(self) -> int:
        """Threads that are still in a job."""
        return (self.pool.busy if self.pool else 0) + (self.runner.busy if hasattr(self, "runner") else 0)

    def _build(self) -> None:
        store, settings, owner, observers = self.store, self.settings, self.owner, self.observers
        pump = self._use(EventPump(store))
        turnstile = self._use(Turnstile(settings.job_places))
        self.watcher = self._use(
            Watcher(
                store,
                settings,
                observers,
                owner=owner,
                on_stuck=lambda stuck: _leave(f"{stuck} threads will not stop"),
                on_tick=self._tick,
                count=self.count,
            )
        )
        self.runner = JobRunner(
            store,
            self.host.tasks,
            lambda context, task: self.host.models(
                context, task.name, wait_for=context.wait_for, start=context.start, calls=context.calls
            ),
            observers,
            settings,
            owner=owner,
            watcher=self.watcher,
            pump=pump,
            turnstile=turnstile,
            count=self.count,
            tracer=self._tracer,
        )
        self.metrics.watch_jobs(lambda: self.watcher.in_hand)
        self.discards = Discards(store, observers, tenant=settings.tenant, count=self.count)
        bell = self._use(Producer(settings, store))
        reconciler = self._use(
            Reconciler(
                store,
                bell,
                observers,
                settings,
                owner=owner,
                depths=self._depths,
                on_rung=self.metrics.on_rung,
                on_payloads=open_payloads(settings).forget,
            )
        )
        for thread in (pump, turnstile, self.watcher, reconciler, *self._broker_threads()):
            thread.start()

    def _broker_threads(self) -> list[Any]:
        """What this broker needs beside a consumer."""
        settings = self.settings
        if settings.is_redis:
            return [self._use(LeaseRenewer(self._app, settings))]
        return [self._use(DeadQueue(self._app, settings, self.store, self.discards))] if settings.is_amqp else []

    def _tick(self) -> None:
        """The watcher has come round. An engine that is dead does not come back in this process."""
        self.liveness.tick(WATCHER)
        if self.presence.is_asked_to_drain and not self.liveness.is_draining:
            log.info("`storehand drain` asks this worker to leave; it drains")
            self.begin_draining()
            state.should_stop = EX_OK
        if self.liveness.is_draining and self.pool is not None:
            self.presence.tell(len(self.pool.in_hand()))
        if lost := self.host.lost():
            self.has_lost_engine = True
            _leave("; ".join(f"{model} is dead: {detail}" for model, detail in lost.items()))

    def _use(self, part: Any) -> Any:
        self._closing.append(part)
        return part


def _leave(reason: str) -> None:
    """What is stuck or broken holds memory and places; a fresh process is better. Celery's loop sees the flag."""
    if state.should_stop is None:
        log.critical("%s; the worker drains, leaves with code 1, and should be started anew", reason)
        state.should_stop = 1
