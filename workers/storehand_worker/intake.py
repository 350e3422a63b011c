"""The intake queue, into which plain producers send every task: what is another family's goes on to its queue."""

from __future__ import annotations

import logging
from typing import Any

from storehand.errors import Unavailable
from storehand.job import Priority
from storehand.message import TASK_PREFIX
from storehand.settings import Settings

log = logging.getLogger(__name__)


class Intake:
    """All workers read the intake queue, also those that serve some families only."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def pass_on(self, message: Any) -> bool:
        """Publishes a message from the intake to the queue of its task's family, if this worker does not read that one.
        False where there is nowhere to pass it: the caller ends it. Unavailable while the broker does not take it."""
        queue = self._queue_of_others(message)
        if queue is None:
            return False
        try:
            self._publish(message, queue)
        except Exception as error:  # every transport has its own
            raise Unavailable(f"a message can't be passed on to {queue.name} ({type(error).__name__})") from error
        log.debug("message %s is passed on to %s, whose workers have its task", message.headers.get("id"), queue.name)
        return True

    def _queue_of_others(self, message: Any) -> Any:
        """Only from the intake: so no message is passed on twice."""
        task, queues = message.headers.get("task"), self._app.amqp.queues
        from_intake = (message.delivery_info or {}).get("routing_key") == self._settings.queue_prefix
        if not from_intake or not isinstance(task, str) or not task.startswith(TASK_PREFIX):
            return None
        name = self._settings.queue(task.removeprefix(TASK_PREFIX), Priority.STANDARD)
        return None if name in queues.consume_from else queues.get(name)

    def _publish(self, message: Any, queue: Any) -> None:
        properties = message.properties or {}
        with self._app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                message.body,
                exchange=queue.exchange,
                routing_key=queue.routing_key,
                declare=[queue],
                headers={name: value for name, value in message.headers.items() if name != "compression"},  # unpacked
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                correlation_id=properties.get("correlation_id"),
                reply_to=properties.get("reply_to"),
            )
