"""kombu's AMQP transport, for which properties that can't be read are no reason to leave the connection.

RabbitMQ hands on headers that it does not understand itself. An error while they are read ends the connection; the
message comes again, and again.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from
from typing import Any

from amqp.basic_message import Message
from amqp.method_framing import frame_handler
from amqp.serialization import PROPERTY_CLASSES, GenericContent
from kombu.log import get_logger
from kombu.transport import pyamqp

from storehand.broker.inbound import REFUSED

log = get_logger(__name__)

_CONTENT_HEADER = 2
_PROPERTIES_AT = 12
"""Class id, weight and body size stand before the properties."""

Frame = tuple[int, int, Any]


def guarded_frame_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], Any]:
    """amqp's own, with properties that can't be read exchanged for ones that say so."""
    on_frame = frame_handler(connection, callback)

    def on_guarded_frame(frame: Frame) -> Any:
        kind, channel, buffer = frame
        if kind != _CONTENT_HEADER:
            return on_frame(frame)
        class_id, body_bytes = unpack_from(">HxxQ", buffer)
        try:
            if body_bytes:  # then nobody is called yet, and the error is that of the properties
                return on_frame(frame)
            PROPERTY_CLASSES[class_id](buffer, _PROPERTIES_AT)
        except Exception as error:
            log.warning("the properties of a message can't be read (%s); it will be laid aside", type(error).__name__)
            frame = (kind, channel, bytes(buffer[:_PROPERTIES_AT]) + _REFUSED_PROPERTIES)
        return on_frame(frame)

    return on_guarded_frame


def _serialized(**properties: Any) -> bytes:
    content: GenericContent = Message(**properties)
    return content._serialize_properties()


_REFUSED_PROPERTIES = _serialized(
    content_type=REFUSED, application_headers={"problem": "its properties or headers can't be read"}
)


CONFIRM_S = 10.0
"""Longest wait of a worker for the broker's word that it has a message: callbacks, and what is passed on. Without it a
cut network holds a thread for ever; the job's outcome is stored before."""


class Channel(pyamqp.Channel):
    """Leaves bodies as the bytes they came as: kombu decodes those of messages that are read, and what is laid aside
    should be what came."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "auto_decode": False})

    def basic_publish_confirm(self, *args: Any, **options: Any) -> Any:
        options["confirm_timeout"] = options.get("confirm_timeout") or CONFIRM_S
        return super().basic_publish_confirm(*args, **options)


class Connection(pyamqp.Connection):
    Channel = Channel

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, frame_handler=guarded_frame_handler, **options)


class Transport(pyamqp.Transport):
    """For amqp:// and amqps://."""

    Connection = Connection
