"""Celery's consumer, which no message can kill: what it can't digest is laid aside and dropped once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

from storehand.broker.inbound import REFUSED
from storehand.errors import StorehandError, Unavailable, UnknownTask, Unsigned
from storehand.message import TASK_PREFIX
from storehand.signing import is_trusted
from storehand_worker.callbacks import call_errbacks
from storehand_worker.discards import refusal
from storehand_worker.later import leave_eta_to_row
from storehand_worker.remote_control import restrict
from storehand_worker.steady import SteadyConsumer

log = logging.getLogger(__name__)

AGAIN_S = 1.0
TOO_WIDE = (Exception, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""Some transports list these as connection errors; here they mean a message that can't be understood."""


class GuardedConsumer(SteadyConsumer):
    """Four kinds of malformed message make the stock consumer leave and, redelivered, leave again."""

    app: Any
    timer: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.app.storehand_settings.remote_control != "all":
            restrict(self)

    class Blueprint(Consumer.Blueprint):
        """Without native delayed delivery: it declares 28 queues, and an eta of ours is the store's `not_before`."""

        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")
        )

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[..., None]:
        handle = super().create_task_handler(*args, **kwargs)
        of_the_broker = tuple(
            error for error in (*self.connection_errors, *self.channel_errors) if error not in TOO_WIDE
        )
        max_bytes = self.app.storehand_settings.message_max_bytes

        def on_task_received(message: Any) -> None:
            problem = known_problem(message, max_bytes=max_bytes)
            if problem is not None:
                self._lay_aside(message, refusal(problem))
                return
            if not is_trusted(self.app.storehand_settings, message):
                self._lay_aside(message, Unsigned())
                return
            leave_eta_to_row(message)
            try:
                handle(message)
            except of_the_broker:
                raise
            except Unavailable as error:
                self._give_back(message, error)
            except Exception as error:  # its text may quote the message, and goes into the log
                self._lay_aside(message, refusal(f"Celery can't read it ({type(error).__name__})"))

        return on_task_received

    def update_strategies(self) -> None:
        """Celery's own tasks (`celery.map` and others) call any task outside of our entry: no message may name them."""
        super().update_strategies()
        for name in [name for name in self.strategies if name.startswith("celery.")]:
            del self.strategies[name]

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._lay_aside(message, refusal(f"its body can't be decoded: {type(exc).__name__}"))

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._lay_aside(message, refusal("it is no Celery message"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        if self.app.job_path.intake.pass_on(message):
            message.ack_log_error(log, self.connection_errors)
            return
        name = str(message.headers.get("task"))[:100]
        served = ", ".join(sorted(each for each in self.app.tasks if each.startswith(TASK_PREFIX)))
        error = UnknownTask(f"no plugin of this worker brings {name!r}; it serves {served}")
        self._lay_aside(message, error, then=lambda: call_errbacks(self.app, message))

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._lay_aside(message, refusal(exc))

    def _lay_aside(self, message: Any, error: StorehandError, *, then: Callable[[], None] = lambda: None) -> None:
        if message.acknowledged:
            log.warning("a message that is acked already could not be handled: %s", error.message)
            return
        is_ours = is_trusted(self.app.storehand_settings, message)
        try:
            self.app.job_path.discards.bury(message, error, is_trusted=is_ours)
        except Unavailable as away:
            self._give_back(message, away)
            return
        if is_ours:
            then()
        message.ack_log_error(log, self.connection_errors)  # rejected, RabbitMQ would lay it aside once more

    def _give_back(self, message: Any, error: Unavailable) -> None:
        """The store is away, so nothing can be written about this message: it comes again in a moment."""
        log.warning("%s; a message is given back in %.0f s", error.message, AGAIN_S)
        if not message.acknowledged:
            self.timer.call_after(AGAIN_S, message.reject_log_error, (log, self.connection_errors), {"requeue": True})


def known_problem(message: Any, *, max_bytes: int) -> str | None:
    """What is wrong with a message before anybody reads its body, if anything."""
    if message.content_type == REFUSED:
        return str(message.headers.get("problem") or "it can't be read")
    size_bytes = len(message.body or b"")
    if size_bytes > max_bytes:
        return f"its body has {size_bytes} bytes, over the {max_bytes} a message may have"
    return None
