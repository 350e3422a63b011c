"""Signed messages: an HMAC over what a message makes the worker do, so that write access to the broker is not enough.

What is signed: task, id, arguments, callbacks, eta, expiry, time limits, and when. The queue is not. A message that is
sent twice does no harm while its job's row lives: the row answers. Later it is refused, see `accepts`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storehand.message import TASK_PREFIX

if TYPE_CHECKING:
    from pydantic import SecretStr

    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

HEADER = "storehand_signature"
_TIMES = ("eta", "expires", "timelimit")


def sign(
    key: str | SecretStr,
    task: str,
    task_id: str,
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    now: float | None = None,
) -> dict[str, Any]:
    """The headers for `send_task(task, args, kwargs, task_id=task_id, headers=...)` without callbacks, eta, expiry and
    limits. A producer that uses those, too, calls `sign_messages` once instead."""
    return {HEADER: _signature(key, task, task_id, [list(args), dict(kwargs or {}), {}], {}, _at(now))}


def sign_messages(key: str | SecretStr) -> None:
    """From now on every message of this process to a Storehand task is signed, whichever Celery app sends it; and its
    headers no longer repeat its arguments, which Celery puts there for people to look at. A later call's key counts."""
    from celery.signals import before_task_publish

    def on_publish(sender: Any = None, body: Any = None, headers: Any = None, **_: Any) -> None:
        if isinstance(sender, str) and sender.startswith(TASK_PREFIX) and isinstance(headers, dict):
            headers |= {"argsrepr": "", "kwargsrepr": ""}
            headers[HEADER] = _signature(key, sender, headers["id"], body, headers, _at(None))

    before_task_publish.connect(on_publish, weak=False, dispatch_uid="storehand.signing")


def is_trusted(settings: Settings, message: Any) -> bool:
    """May say what happens to jobs: signed, where that is asked for; then small enough to be read, too."""
    if not settings.require_signature:
        return True
    is_small = len(message.body or b"") <= settings.message_max_bytes
    return is_small and accepts(settings.signing_keys, message, max_age_s=settings.result_ttl_s)


def accepts(keys: Sequence[SecretStr], message: Any, *, max_age_s: float, now: float | None = None) -> bool:
    """Whether one of the keys has signed this kombu message, at most `max_age_s` ago. Never raises.

    The age bounds replays: it is the time for which a finished job's row is kept, so that there is always one of both,
    a row that answers or a signature too old."""
    try:
        headers = message.headers
        given = headers[HEADER]
        at, digest = given["at"], given["hmac"]
        if not isinstance(at, int) or not isinstance(digest, str) or at < (now or time.time()) - max_age_s:
            return False
        body = message.payload
        wanted = [_signature(key, headers["task"], headers["id"], body, headers, at)["hmac"] for key in keys]
        return any(hmac.compare_digest(each.encode(), digest.encode()) for each in wanted)
    except Exception:  # whatever an unsigned message may be
        return False


def _signature(
    key: str | SecretStr, task: str, task_id: str, body: Any, headers: Mapping[str, Any], at: int
) -> dict[str, Any]:
    secret = key if isinstance(key, str) else key.get_secret_value()
    text = _canonical(task, task_id, body, headers, at)
    return {"at": at, "hmac": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}


def _canonical(task: str, task_id: str, body: Any, headers: Mapping[str, Any], at: int) -> str:
    """One spelling for the same content on both sides of the broker, by kombu's own JSON."""
    from kombu.utils import json as kombu_json

    dumps: Any = kombu_json.dumps  # kombu ships no types

    args, kwargs, embed = body
    content = {
        "v": 1,
        "task": task,
        "id": task_id,
        "at": at,
        "args": args,
        "kwargs": kwargs,
        "callbacks": {name: value for name, value in dict(embed or {}).items() if value},
        "times": {name: headers.get(name) for name in _TIMES if _says(headers.get(name))},
    }
    return str(dumps(content, sort_keys=True, separators=(",", ":")))


def _says(value: Any) -> bool:
    return any(each is not None for each in value) if isinstance(value, list | tuple) else value is not None


def _at(now: float | None) -> int:
    return int(time.time() if now is None else now)
