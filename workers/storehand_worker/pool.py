"""Celery's pool, as a worker with models needs it: threads that can be cancelled, given up and drained.

Borrowed from Celery beyond `BasePool`: kombu's `Hub.call_soon`, `call_later` and `run_once`, and the callbacks that
`Request` hands over.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from billiard.einfo import ExceptionInfo
from celery.concurrency.base import BasePool

from storehand.errors import Cancelled
from storehand_worker.counts import What
from storehand_worker.delivery import Delivery, Parked, delivering
from storehand_worker.drain import drain
from storehand_worker.running import Limits
from storehand_worker.threads import Threads

log = logging.getLogger(__name__)

Callback = Callable[..., Any]

OWN_ERRORS, OWN_ERROR_PAUSE_S = 3, 1.0
"""What is not the job's fault is tried again, but not for ever."""


class Message:
    """One message in hand; Celery's requests hold it by weak reference as their apply result.

    `waiters` are the callbacks of its deliveries, the newest first. Settled means: no callback will be called any more.
    """

    def __init__(self, pid: int, task_id: str | None, waiter: Callback, run: Callable[[], Any]) -> None:
        self.pid = pid
        self.task_id = task_id
        self.waiters = [waiter]
        self.run = run
        self.delivery = Delivery()
        self.accept: Callback = _nothing
        self.on_timeout: list[Callback] = []
        self.is_settled = False
        self.is_started = False
        self.is_running = False  # has a thread
        self.own_errors = 0

    def terminate(self, signal: Any = None) -> None:
        """Celery calls this beside `terminate_job`, which has done all there is to do."""


class EnginePool(BasePool):
    """Threads for messages. A message of a job that runs here already joins it; one whose job runs elsewhere is parked,
    without a thread."""

    body_can_be_buffer = True
    signal_safe = False
    limit: int
    app: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._threads = Threads("storehand-job", self.limit)
        self._pids = count(1)
        self._lock = threading.Lock()
        self._in_hand: dict[int, Message] = {}
        self._by_task_id: dict[str, Message] = {}
        self._is_stopped = False
        self.hub: Any = None

    # What Celery calls.

    def on_apply(  # pyright: ignore[reportIncompatibleMethodOverride]  # the base class returns nothing
        self,
        target: Callback,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        accept_callback: Callback | None = None,
        timeout_callback: Callback | None = None,
        soft_timeout: float | None = None,
        timeout: float | None = None,
        correlation_id: str | None = None,
        **_: Any,
    ) -> Message:
        waiter = callback or _nothing
        accept = accept_callback or _nothing
        on_timeout = timeout_callback or _nothing
        running = self._join(correlation_id, waiter, on_timeout)
        if running is not None:
            accept(running.pid, time.monotonic())
            return running
        message = Message(next(self._pids), correlation_id, waiter, lambda: target(*(args or ()), **(kwargs or {})))
        message.accept = accept
        message.on_timeout = [on_timeout]
        limits = self._limits(soft_timeout, timeout)
        message.delivery = Delivery(limits, on_give_up=lambda outcome: self._give_up(message))
        if self._is_stopped:  # an eta that came due during the drain
            message.delivery.close()
        with self._lock:
            self._in_hand[message.pid] = message
            if correlation_id:
                self._by_task_id[correlation_id] = message
        self._threads.submit(lambda: self._work(message))
        return message

    def register_with_event_loop(self, loop: Any) -> None:
        """Kept, because kombu's `get_event_loop` forgets the loop when a reconnect resets it."""
        self.hub = loop

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """`revoke(terminate=True)`: the request writes the outcome and acks, the job is asked to stop."""
        message = self._in_hand.get(pid)
        if message is not None:
            self._settle(message)
            message.delivery.stop(Cancelled("revoked"))

    def hand_back_job(self, pid: int) -> None:
        """A cold shutdown: the message goes back to the broker, the job to whoever comes next."""
        message = self._in_hand.get(pid)
        if message is not None:
            self.hand_back(message)

    def on_stop(self) -> None:
        if not self._is_stopped:  # a cold shutdown stops twice
            self._is_stopped = True
            drain(self, self.app.job_path.last_call.left_s)

    def on_terminate(self) -> None:
        self.on_stop()

    def _get_info(self) -> dict[str, Any]:
        limits = self._limits(None, None)
        return {
            **super()._get_info(),
            "processes": [os.getpid()] * self.limit,  # exporters count them
            "threads": self._threads.started,
            "timeouts": [_or_none(limits.soft_s), _or_none(limits.hard_s)],
            "in-hand": len(self._in_hand),
        }

    # The way of one message.

    def _join(self, task_id: str | None, waiter: Callback, on_timeout: Callback) -> Message | None:
        """The message is in hand already and was delivered again: after a reconnect the broker knows no better."""
        with self._lock:
            running = self._by_task_id.get(task_id or "")
            if running is None or running.is_settled:
                return None
            running.waiters.insert(0, waiter)  # the newest first: the channel of an older one may be dead
            running.on_timeout.insert(0, on_timeout)
        self._count("reattached")
        for each in running.delivery.running():
            each.note("joined")
        log.info("message %s came again while it is in hand; it joins", task_id)
        return running

    def _work(self, message: Message) -> None:
        if not self._begin(message):
            return
        try:
            if not message.is_started:  # a parked message has said so before
                message.is_started = True
                message.accept(message.pid, time.monotonic())
            with delivering(message.delivery):
                result = message.run() if not message.is_settled else None  # accepting may have terminated it
        except Parked as parked:
            self._park(message, parked.pause_s)
            return
        except BaseException:
            message.own_errors += 1
            if message.own_errors < OWN_ERRORS:
                log.exception("message %s met an error of our own; it is tried again", message.task_id)
                self._park(message, OWN_ERROR_PAUSE_S)
                return
            log.exception("message %s meets errors of our own; it is dropped, its row stays", message.task_id)
            result = (1, ExceptionInfo(), 0.0)
        for waiter in self._settle(message):
            _safely(waiter, result)
        self._forget(message)

    def _begin(self, message: Message) -> bool:
        with self._lock:
            message.is_running = not message.is_settled
        if not message.is_running:
            self._forget(message)
        return message.is_running

    def _park(self, message: Message, pause_s: float) -> None:
        """A place of the prefetch, but no thread."""
        message.is_running = False
        if message.is_settled:
            self._forget(message)
            return
        if self._is_stopped:
            self.hand_back(message)
            return

        def again() -> None:
            self._threads.submit(lambda: self._work(message))

        self._count("parked")
        if self.hub is None:
            timer = threading.Timer(pause_s, again)
            timer.daemon = True
            timer.start()
        else:
            self.hub.call_soon(self.hub.call_later, pause_s, again)  # the timer belongs to the loop's thread

    def _settle(self, message: Message) -> list[Callback]:
        """Whoever comes first gets the callbacks, all others none."""
        with self._lock:
            if message.is_settled:
                return []
            message.is_settled = True
            if message.task_id and self._by_task_id.get(message.task_id) is message:
                del self._by_task_id[message.task_id]
            return message.waiters

    def _forget(self, message: Message) -> None:
        with self._lock:
            self._in_hand.pop(message.pid, None)

    def _give_up(self, message: Message) -> None:
        """The watcher, at the hard limit, after the row was written: answers the message without its thread."""

        def tell() -> None:
            for on_timeout in message.on_timeout:
                _safely(on_timeout, False, message.delivery.limits.hard_s)

        if self._settle(message):
            self._threads.replace_one()
            if self.hub is None:
                tell()
            else:
                self.hub.call_soon(tell)  # it publishes callbacks and acks, which is the loop's business

    def _limits(self, soft_s: float | None, hard_s: float | None) -> Limits:
        soft_s = soft_s or self.options.get("soft_timeout") or math.inf
        hard_s = hard_s or self.options.get("timeout") or math.inf
        return Limits(soft_s, hard_s)

    def requests_of(self, pid: int | None) -> list[Any]:
        """Celery's requests that wait for this message, the newest first."""
        message = self._in_hand.get(pid or 0)
        return [getattr(waiter, "__self__", None) for waiter in message.waiters] if message else []

    def widen(self, limit: int) -> None:
        """There may be a thread for each of so many messages: RabbitMQ's prefetch counts per queue."""
        self._threads.widen(limit)

    # For the drain.

    def in_hand(self) -> list[Message]:
        with self._lock:
            return list(self._in_hand.values())

    def close_deliveries(self) -> None:
        """From now on nothing new starts for the messages in hand."""
        for message in self.in_hand():
            message.delivery.close()

    def hand_back(self, message: Message, *, message_returns: bool = True) -> None:
        """Its callbacks are never called, so it stays unacked and the broker gives it to somebody else; where it can't,
        `message_returns` is false and the reconciler rings."""
        if self._settle(message):
            message.delivery.close()
            self.app.job_path.runner.settler.hand_back(message.delivery.running(), message_returns=message_returns)
        if not message.is_running:
            self._forget(message)

    @property
    def busy(self) -> int:
        """Threads in a job."""
        return self._threads.busy

    def _count(self, what: What) -> None:
        self.app.job_path.count(what)


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _safely(callback: Callback, *args: Any) -> None:
    try:
        callback(*args)
    except Exception:  # the channel of an older delivery may be gone, and acking there is not possible any more
        log.debug("a delivery could not be acked; the broker has taken it back", exc_info=True)


def _or_none(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
