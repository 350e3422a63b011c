"""What the worker does at its start and end, as a step of Celery's own blueprint."""

from __future__ import annotations

import gc
import logging
import math
import os
import sys
from typing import Any

from celery import bootsteps, signals

from storehand.brokers import most_in_hand, queue_names, transport_options
from storehand.errors import StorehandError
from storehand_worker.pool import EnginePool
from storehand_worker.prefetch import share_prefetch

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.001
"""How long a thread may hold the interpreter while others want it. With Python's 5 ms, a chat among dozens of bulk
threads waited its turn at every step: p95 286 and 298 ms against 182 and 84 (`python -m tests.bench.chat_behind_bulk
--bulk 500 --chats 60`, two interleaved pairs); bulk throughput did not fall."""

LOOP_TICK_S = 0.5
"""Also how soon SIGTERM is seen: a signal alone does not end the loop's wait for events."""


class JobPathStep(bootsteps.StartStopStep):
    """Opens the job path before the consumer takes its first message; refuses what can't work."""

    requires = ("celery.worker.components:Pool",)
    label = "job path"

    def __init__(self, parent: Any, autoscale: Any = None, **options: Any) -> None:
        _refuse(parent, autoscale)
        self._path = parent.app.job_path
        super().__init__(parent, **options)

    def create(self, parent: Any) -> None:
        settings = self._path.settings
        self._is_ours_to_choose = parent.app.amqp.queues._consume_from is None  # no -Q
        if self._is_ours_to_choose:
            parent.app.amqp.queues.select(queue_names(settings))
        if parent.concurrency != settings.concurrency:  # -c: the share for interactive jobs follows it
            settings = settings.model_copy(update={"concurrency": parent.concurrency})
            parent.app.conf.broker_transport_options = transport_options(settings)
        share_prefetch(parent.app, settings)
        self._most_in_hand = most_in_hand(settings)

    def start(self, parent: Any) -> None:
        self._path.pool = parent.pool
        parent.pool.widen(self._most_in_hand)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        log.info("this worker is %s; %s", self._path.owner, _broker_words(self._path.settings))
        try:
            self._path.open(soft_s=parent.soft_time_limit or math.inf, hard_s=parent.time_limit or math.inf)
        except StorehandError as error:
            log.critical("the worker can't start: %s: %s", error.code, error.message)
            self._path.close()
            raise SystemExit(1) from error
        except BaseException:
            self._path.close()
            raise
        if self._is_ours_to_choose:
            self._leave_to_others(parent.app)
        _settle_memory()

    def _leave_to_others(self, app: Any) -> None:
        """A family none of whose tasks is loaded here is another worker's: reading it would fail that one's jobs.
        `default` stays with a worker that loads all plugins: tasks that nobody has end there, and say so."""
        settings = self._path.settings
        loaded = {settings.routes.get(name, "default") for name in self._path.host.tasks}
        if settings.plugins is None:
            loaded.add("default")
        left = [family for family in settings.families() if family not in loaded]
        if left:
            log.info("no plugin here serves the queues of %s; they are left to other workers", ", ".join(left))
            app.amqp.queues.select(queue_names(settings, [each for each in settings.families() if each in loaded]))

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        """Called at each connect, just before the first message may come."""
        liveness = self._path.liveness
        liveness.tick()
        liveness.serve()
        hub.call_repeatedly(LOOP_TICK_S, liveness.tick)

    def stop(self, parent: Any) -> None:
        """Before the pool drains."""
        self._path.begin_draining()


def _settle_memory() -> None:
    """What has been loaded stays for good. Looking through it again and again took the collector a quarter of a second
    each time, in which no thread ran Python."""
    gc.collect()
    gc.freeze()


def _refuse(worker: Any, autoscale: Any) -> None:
    pool = worker.pool_cls
    if not (isinstance(pool, type) and issubclass(pool, EnginePool)):
        raise SystemExit(
            f"the pool {getattr(pool, '__module__', pool)} can't run this worker: forked children can't share a GPU, "
            "and no stock pool can cancel a job or keep its time limit; leave -P out"
        )
    if autoscale:
        raise SystemExit(
            "--autoscale grows threads, which would only wait for the same models; set -c once and add workers instead"
        )


def _broker_words(settings: Any) -> str:
    if not settings.is_embedded:
        return "queue and job store are shared with other hosts"
    return (
        f"embedded mode, for one host: queue and job store are files in {settings.data_dir}. For more hosts set "
        "STOREHAND_BROKER_URL=redis://host:6379/0 or amqp://user:password@host//"
    )


def leave(sender: Any = None, **_: Any) -> None:
    """Celery's last signal, after the connection is closed. Threads that still run must not hold the process."""
    path = getattr(getattr(sender, "app", None), "job_path", None)
    if path is None:
        return
    path.close()
    if path.busy or path.has_lost_engine:  # a broken device or a thread inside it may never let the process end
        code = sender.exitcode or 0
        log.warning("%d threads are still in a job that was handed back or given up; leaving without them", path.busy)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def connect(app: Any) -> None:
    signals.worker_shutdown.connect(leave, weak=False, dispatch_uid="storehand.leave")
    signals.worker_shutting_down.connect(  # sent by the signal handler itself: the loop may be busy for a while
        lambda how=None, **_: app.job_path.begin_draining(is_cold=how == "Cold"),
        weak=False,
        dispatch_uid="storehand.draining",
    )
