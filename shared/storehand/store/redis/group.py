"""What many threads want at the same time goes to the server in one round trip."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from typing import Any

from storehand.errors import StorehandError, Unavailable
from storehand.store.redis.link import Link, refusal

_MOST = 64
"""Calls of one round trip: nobody else is served while the server executes them."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Call:
    """One caller's wish and what became of it. `tokens`: how many parts of it need a name of their own."""

    __slots__ = ("error", "name", "reply", "serial", "text", "tokens", "turn")

    def __init__(self, name: str, arguments: tuple[Any, ...], tokens: int) -> None:
        self.name = name
        self.text = _encode(arguments)[1:-1]
        self.tokens = tokens
        self.serial = 0  # until it is sent
        self.reply: Any = None
        self.error: StorehandError | None = None
        self.turn = threading.Lock()
        self.turn.acquire()


class Group:
    """Whoever comes while nobody is sending sends; who comes meanwhile waits, and one of them sends next for all."""

    def __init__(self, make_link: Callable[[str], Link]) -> None:
        self._nonce = secrets.token_hex(6)
        self.link = make_link(self._nonce)
        self._serial = 1
        self._waiting: list[Call] = []
        self._leader: Call | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def run(self, name: str, *arguments: Any) -> Any:
        """The value of this function of the script. Unavailable when it can't be had."""
        return self.value(self.start(name, *arguments, tokens=1))

    def start(self, name: str, *arguments: Any, tokens: int) -> Call:
        """Returns when it is executed, or can't be."""
        call = Call(name, arguments, tokens)
        with self._lock:
            self._waiting.append(call)
            is_leader = self._leader is None
            if is_leader:
                self._leader = call
        try:
            if not is_leader:
                call.turn.acquire()
            if call is self._leader:
                self._send_all()
        except BaseException:
            self._leave(call)
            raise
        return call

    @staticmethod
    def value(call: Call) -> Any:
        if call.error is not None:
            raise call.error
        is_good, value = call.reply
        if not is_good:
            raise refusal(value)
        return value

    def token(self, call: Call, part: int = 0) -> str:
        """What the script knows this part of a call by."""
        return f"{self._nonce}.{call.serial + part}"

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._leader is None:
                self.link.close()

    def _send_all(self) -> None:
        with self._lock:
            calls = self._waiting[:_MOST]
            del self._waiting[:_MOST]
        try:
            if self._is_closed:
                raise Unavailable("the store is closed")
            names = {call.name for call in calls}
            for call, reply in zip(calls, self.link.exchange(self._text(calls), names), strict=True):
                call.reply = reply
        except BaseException as error:
            with self._lock:  # who came meanwhile has waited as long as this took: that was its own try
                calls += self._waiting
                self._waiting.clear()
            for call in calls:
                call.error = _own(error)
            if not isinstance(error, StorehandError):
                raise
        finally:
            self._pass_on(calls)

    def _text(self, calls: list[Call]) -> str:
        texts = []
        for call in calls:
            call.serial = self._serial
            self._serial += call.tokens
            texts.append(
                f'["{call.name}",{call.serial},{call.text}]' if call.text else f'["{call.name}",{call.serial}]'
            )
        return f"[{','.join(texts)}]"

    def _pass_on(self, done: list[Call]) -> None:
        """The next leader first: it sends while the others go home."""
        with self._lock:
            self._leader = self._waiting[0] if self._waiting else None
            if self._leader is not None:
                self._leader.turn.release()
            elif self._is_closed:
                self.link.close()
        for call in done:
            if call.turn.locked():
                call.turn.release()

    def _leave(self, call: Call) -> None:
        """Its thread was interrupted before it had its turn."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
            is_leader = call is self._leader
        if is_leader:
            self._pass_on([])


def _own(error: BaseException) -> StorehandError:
    """Each caller raises an exception of its own."""
    if isinstance(error, StorehandError):
        return type(error)(error.message, details=error.details)
    return Unavailable(f"the call was interrupted: {type(error).__name__}")
