"""Celery's consumer, which the loss of its broker can neither kill nor hold."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.utils.threads import bound_open_broker_sockets
from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)

STOP_S = 3.0
"""How long a silent broker may take to answer the last words of a worker that leaves."""


class SteadyConsumer(Consumer):
    """Jobs in hand go on while it reconnects."""

    app: Any
    connection: Any

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self.app.job_path.liveness.has_broker = False
        super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Closing a dead connection gives its messages back, which needs the broker: on Redis it fails with whatever is
        no longer there, and the worker would leave for that."""
        self.app.job_path.liveness.has_broker = False
        try:
            with warnings.catch_warnings():  # what Celery 6 will do by default is settled in our settings
                warnings.simplefilter("ignore", CPendingDeprecationWarning)
                super().on_connection_error_after_connected(exc)
        except Exception as error:
            log.warning(
                "the lost connection could not be closed in order (%s); a new one is made", type(error).__name__
            )
            self.connection = None

    def stop(self) -> None:
        """The drain comes after this: a broker that does not answer must not keep it waiting."""
        if self.connection is not None:
            bound_open_broker_sockets(self.connection, STOP_S)
        super().stop()
