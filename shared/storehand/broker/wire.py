"""A kombu message as two columns: its envelope as JSON, its body as it is (text or bytes, never encoded twice)."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from storehand.broker.errors import MalformedRow


def encode(message: Mapping[str, Any]) -> tuple[str, str | bytes]:
    """The envelope and the body of a message, ready for the file."""
    envelope = {name: value for name, value in message.items() if name != "body"}
    body = message["body"]
    return json.dumps(envelope, separators=(",", ":"), default=str), body if isinstance(body, bytes) else str(body)


def decode(envelope: object, body: object) -> dict[str, Any]:
    """The message as kombu's virtual `Message` takes it, its body as bytes. Raises MalformedRow for anything else."""
    if not isinstance(envelope, str):
        raise MalformedRow("the envelope is no text")
    try:
        message = json.loads(envelope)
    except (ValueError, RecursionError) as error:
        raise MalformedRow(f"the envelope is no JSON: {error}") from error
    properties = message.get("properties") if isinstance(message, dict) else None
    if not isinstance(properties, dict):
        raise MalformedRow("the envelope has no properties")
    headers = message.setdefault("headers", {})
    info = properties.setdefault("delivery_info", {})
    if not isinstance(headers, dict) or not isinstance(info, dict):
        raise MalformedRow("headers or delivery_info is no object")
    message["body"] = _bytes(body, properties.pop("body_encoding", None))
    return message


def expiration_s(message: Mapping[str, Any]) -> float | None:
    """The message's own time to live; kombu writes it as milliseconds in a string.

    None for a Celery job: its worker reads `expires` in the headers and stores that the job expired. Dropped here, its
    owner would never hear of it.
    """
    headers = message.get("headers")
    if isinstance(headers, Mapping) and "task" in headers:
        return None
    raw = message["properties"].get("expiration")
    try:
        return None if raw is None else max(0.0, float(raw) / 1000)
    except (TypeError, ValueError):
        return None


def _bytes(body: object, encoding: object) -> bytes:
    if not isinstance(body, (str, bytes)):
        raise MalformedRow("the body is neither text nor bytes")
    try:
        raw = body.encode() if isinstance(body, str) else body
        return b64decode(raw, validate=True) if encoding == "base64" else raw
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedRow(f"the body can't be decoded: {error}") from error
