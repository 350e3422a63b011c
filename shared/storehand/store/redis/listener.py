"""Hears what happens to jobs: one thread and one connection per process, no traffic while nothing happens."""

from __future__ import annotations

import logging
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterable, Sequence

from storehand.store.redis.address import Address, Connection

log = logging.getLogger(__name__)

FLAGS = ""
"""Stands for no job: what all workers hear."""

_CONFIRMED_S = 1.0
_ROUND_S = 5.0
"""How often a silent connection is tried, and what nobody asks for any more is dropped."""

_KEPT_S = 60.0
_PAUSES_S = (0.05, 0.2, 1.0, 2.0)


class _Ear:
    """For one channel: when it last heard something, by the listener's count."""

    __slots__ = ("asked_at", "heard", "is_on")

    def __init__(self) -> None:
        self.heard = 0
        self.is_on = False
        self.asked_at = 0.0


class Listener:
    """Starts with the first question, ends when nobody has asked for a minute."""

    def __init__(self, address: Address, *, prefix: str) -> None:
        self._address = address
        self._on = f"{{{prefix}}}:on:"
        self._flags = f"{{{prefix}}}:flags"
        self._ears: dict[str, _Ear] = {}
        self._changed = threading.Condition()
        self._count = (random.getrandbits(30) + 1) << 32  # numbers of two processes are not taken for one another
        self._base = self._count
        self._to_add: list[str] = []
        self._is_connected = True  # until a try has failed
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._waker: socket.socket | None = None

    def number(self, ids: Sequence[str]) -> int:
        """Changes when one of these hears something, and when it begins to listen, also anew. Returns once all of them
        listen, or after a second."""
        if not ids:
            return self._base
        now = time.monotonic()
        with self._changed:
            ears = [self._ears.get(each) or self._new_ear(each) for each in ids]
            for ear in ears:
                ear.asked_at = now
            if not all(ear.is_on for ear in ears):
                self._await(ears)
            return max(self._base, max(ear.heard for ear in ears))

    def hear(self, ids: Iterable[str]) -> None:
        """What this process has just written itself: known before the server says it."""
        with self._changed:
            for each in ids:
                self._note(self._ears.get(each))

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            thread = self._thread
            self._wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    def abandon(self) -> object:
        """In a forked child: what must not be closed."""
        return self._waker

    def _new_ear(self, name: str) -> _Ear:
        ear = self._ears[name] = _Ear()
        self._to_add.append(name)
        return ear

    def _await(self, ears: Sequence[_Ear]) -> None:
        if self._is_closed:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="storehand-listener", daemon=True)
            self._thread.start()
        self._wake()
        if self._is_connected:
            self._changed.wait_for(lambda: all(ear.is_on for ear in ears) or not self._is_connected, _CONFIRMED_S)

    def _wake(self) -> None:
        if self._waker is not None:
            try:
                self._waker.send(b"!")
            except OSError:  # it is awake, or on its way out
                return

    def _note(self, ear: _Ear | None) -> None:
        if ear is not None:
            self._count += 1
            ear.heard = self._count

    def _run(self) -> None:
        failures = 0
        woken, waker = _pipe()
        with woken, waker:
            self._waker = waker
            while not self._is_over():
                try:
                    connection = self._address.connect()
                    try:
                        failures = 0
                        self._listen(connection, woken)
                    finally:
                        connection.disconnect()
                except Exception as error:  # a border: whatever is wrong, those who wait must not wait for ever
                    self._lost(error, is_first=not failures)
                    _pause(woken, _PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
                    failures += 1

    def _is_over(self) -> bool:
        with self._changed:
            if not self._is_closed and (self._ears or self._to_add):
                return False
            self._thread, self._waker = None, None
            return True

    def _lost(self, error: Exception, *, is_first: bool) -> None:
        with self._changed:
            self._is_connected = False
            for ear in self._ears.values():
                ear.is_on = False
            self._changed.notify_all()
        if is_first:
            log.info("nobody tells of changes in the job store %s (%s); listening again soon", self._address, error)

    def _listen(self, connection: Connection, woken: socket.socket) -> None:
        with self._changed:
            self._is_connected, self._to_add = True, list(self._ears)
        next_round, has_pinged = time.monotonic() + _ROUND_S, False
        with selectors.DefaultSelector() as selector:
            selector.register(connection._sock, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._is_closed:
                self._add(connection)
                has_news = connection.can_read(0)
                if not has_news:
                    selector.select(max(0.0, next_round - time.monotonic()))
                    _drain(woken)
                while connection.can_read(0):
                    self._take(connection.read_response(disable_decoding=True))
                    has_pinged = False
                if time.monotonic() >= next_round:
                    if has_pinged:
                        raise TimeoutError("it does not answer")
                    if not self._drop_unasked(connection):
                        return
                    connection.send_command("PING")
                    next_round, has_pinged = time.monotonic() + _ROUND_S, True

    def _add(self, connection: Connection) -> None:
        with self._changed:
            names, self._to_add = self._to_add, []
        if names:
            connection.send_command("SUBSCRIBE", *map(self._channel, names))

    def _take(self, message: object) -> None:
        if not isinstance(message, list):
            return
        kind, channel = message[0], message[1].decode("utf-8", "surrogatepass")
        with self._changed:
            ear = self._ears.get(FLAGS if channel == self._flags else channel[len(self._on) :])
            if ear is None or kind not in (b"message", b"subscribe"):
                return
            self._note(ear)  # before it listened something may have been missed
            if kind == b"subscribe":
                ear.is_on = True
                self._changed.notify_all()

    def _drop_unasked(self, connection: Connection) -> bool:
        """False: nobody asks for anything any more."""
        with self._changed:
            before = time.monotonic() - _KEPT_S
            names = [name for name, ear in self._ears.items() if ear.asked_at < before]
            for name in names:
                del self._ears[name]
            is_needed = bool(self._ears)
        if names:
            connection.send_command("UNSUBSCRIBE", *map(self._channel, names))
        return is_needed

    def _channel(self, name: str) -> bytes:
        return (self._flags if name == FLAGS else self._on + name).encode("utf-8", "surrogatepass")


def _pipe() -> tuple[socket.socket, socket.socket]:
    woken, waker = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    return woken, waker


def _drain(woken: socket.socket) -> None:
    try:
        while woken.recv(4096):
            pass
    except BlockingIOError:
        return


def _pause(woken: socket.socket, seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ)
        selector.select(seconds)
    _drain(woken)
