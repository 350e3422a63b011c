"""What comes out of a Redis list, made safe: a message that kombu can take, or one that says why it is none.

What is refused travels on as a message of the content type REFUSED, so that it goes the way of every other one: kept by
the broker until it is settled, laid aside by the guard, given back while the store is away.
"""

from __future__ import annotations

import binascii
import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

REFUSED = "application/x-storehand-refused"
"""Content type of what stands for a message that can't be read; its header `problem` says why."""

KEPT_BYTES = 64 * 1024
"""As much of what can't be read is kept for people to look at."""

_TAIL_BYTES = 64 * 1024
_HEADROOM_BYTES = 64 * 1024
_PRIORITIES = range(10)
_TEXTS = ("content-type", "content-encoding")


class _Refused(ValueError):
    """The item is no message; the text says why and quotes nothing of it."""


def read_item(raw: bytes, queue: str, *, max_bytes: int) -> dict[str, Any]:
    """The message in an item of a queue. Its tag and its way back are ours, whatever the publisher wrote there: a tag
    that was used before would overwrite another message's, and an unknown exchange would lose it."""
    try:
        message = _parsed(raw, max_bytes)
        properties = _properties(message)
        _check(message, properties)
    except _Refused as refused:
        return _stand_in(raw, queue, str(refused))
    was_redelivered = properties.get("delivery_info", {}).get("redelivered") is True
    properties["delivery_tag"] = str(uuid.uuid4())
    way_back: dict[str, Any] = {"exchange": "", "routing_key": queue}
    properties["delivery_info"] = way_back | ({"redelivered": True} if was_redelivered else {})
    return message


def _parsed(raw: bytes, max_bytes: int) -> dict[str, Any]:
    if len(raw) > max_bytes * 4 // 3 + _HEADROOM_BYTES:  # base64, and the headers
        raise _Refused(f"it has {len(raw)} bytes, over the {max_bytes} a message may have")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        raise _Refused("the item in the queue is no JSON") from None
    if not isinstance(message, dict):
        raise _Refused("the item in the queue is no JSON object")
    return message


def _properties(message: Mapping[str, Any]) -> dict[str, Any]:
    properties = message.get("properties")
    if not isinstance(properties, dict):
        raise _Refused("it has no properties")
    if not isinstance(properties.get("delivery_info", {}), dict):
        raise _Refused("its delivery_info is no object")
    return properties


def _check(message: dict[str, Any], properties: dict[str, Any]) -> None:
    if not isinstance(message.get("headers") or {}, dict):
        raise _Refused("its headers are no object")
    if not all(isinstance(message.get(name), str | None) for name in _TEXTS):
        raise _Refused("its content type or encoding is no text")
    body, encoding = message.get("body"), properties.get("body_encoding")
    if not isinstance(body, str) or not body:
        raise _Refused("it has no body")
    if encoding == "base64":
        try:
            b64decode(body, validate=True)
        except (ValueError, binascii.Error):
            raise _Refused("its body is no base64") from None
    elif encoding is not None:
        raise _Refused("its body_encoding is unknown")
    else:
        _check_text(body)
    if properties.get("priority") not in _PRIORITIES:  # kombu stumbles over an infinite one when it gives back
        properties.pop("priority", None)


def _check_text(body: str) -> None:
    try:
        body.encode()
    except UnicodeEncodeError:
        raise _Refused("its body is no UTF-8") from None


def _stand_in(raw: bytes, queue: str, problem: str) -> dict[str, Any]:
    return {
        "body": b64encode(raw[:KEPT_BYTES]).decode(),
        "content-type": REFUSED,
        "content-encoding": "binary",
        "headers": {**_named(raw), "problem": problem},
        "properties": {
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
            "body_encoding": "base64",
        },
    }


def _named(raw: bytes) -> dict[str, str]:
    """Task and id, so that whoever waits for the job hears of it: kombu writes the headers after the body."""
    tail = raw[-_TAIL_BYTES:].decode("utf-8", "replace")
    start = tail.rfind('"headers": {')
    if start < 0:
        return {}
    try:
        headers, _ = json.JSONDecoder().raw_decode(tail, start + len('"headers": '))
    except (ValueError, RecursionError):
        return {}
    return {name: headers[name] for name in ("task", "id") if isinstance(headers.get(name), str)}
