"""One connection to the server: sends the calls of one group at a time, again when a reply was lost."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Set
from typing import Any

from storehand.errors import SettingsError, Unavailable
from storehand.store.redis.address import Address, Connection
from storehand.store.redis.clock import ServerClock
from storehand.store.redis.script import Script, script, scripts

log = logging.getLogger(__name__)

VERSION = 1
"""Of the layout. Fields and keys are only ever added, so that a program one version behind works beside a newer one."""

_PATIENCE = 2
"""In timeouts: for so long a call is tried again, and the server executes none that comes later."""

_TRIES = 3
_PAUSE_S = 0.05
_ALWAYS = 1e18


class Link:
    """Not for two threads at a time. `nonce` names this link's calls; `test_clock` stands for the server's."""

    def __init__(
        self, address: Address, *, prefix: str, nonce: str, clock: ServerClock, test_clock: Callable[[], float] | None
    ) -> None:
        self._address = address
        self._tag = f"{{{prefix}}}"
        self._nonce = nonce
        self._clock = clock
        self._test_clock = test_clock
        self._connection: Connection | None = None

    def exchange(self, calls: str, names: Set[str]) -> list[Any]:
        """The reply to each of these calls, which are executed once or, when this raises Unavailable, perhaps. `names`
        are the functions they call."""
        from redis.exceptions import RedisError

        end, tries = time.monotonic() + _PATIENCE * self._address.timeout_s, 0
        while True:
            try:
                return self._exchange(calls, script(names), end)
            except (RedisError, OSError) as error:
                self.close()
                tries += 1
                if tries == _TRIES or time.monotonic() + _PAUSE_S >= end:
                    raise Unavailable(f"the job store {self._address} can't be used: {_line(error)}") from error
                time.sleep(_PAUSE_S)
            except BaseException:
                self.close()  # half a reply may be on its way
                raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def abandon(self) -> Connection | None:
        """In a forked child: what must not be closed."""
        return self._connection

    def _exchange(self, calls: str, by: Script, end: float) -> list[Any]:
        if self._connection is None:
            self._connection = self._address.connect()
            self._greet(end)
        replies = self._send(calls, by, end)
        if replies is None:  # the server's clock was set: now we know its time
            replies = self._send(calls, by, end)
        if replies is None:
            raise OSError("it answers too late")
        return replies

    def _greet(self, end: float) -> None:
        """Learns the server's time and whether its layout is one this program knows. Leaves the scripts there, so that
        a call is one round trip."""
        hello = f'[["hello",0,{VERSION}]]'
        [[is_good, stands]] = self._send(hello, script(["hello"]), end, is_first=True) or [[False, "no time"]]
        if not is_good:
            raise refusal(stands)
        if stands > VERSION + 1:
            self.close()
            raise SettingsError(
                f"the job store has layout version {stands}, this program knows {VERSION} and can work beside one"
                " version more: update the program"
            )
        known = self._ask("SCRIPT", "EXISTS", *(each.sha for each in scripts()))
        for each, is_known in zip(scripts(), known, strict=True):
            if not is_known:
                self._ask("SCRIPT", "LOAD", each.source)

    def _send(self, calls: str, by: Script, end: float, *, is_first: bool = False) -> list[Any] | None:
        """None: the server found that it was too late."""
        from redis.exceptions import NoScriptError

        asked_at = time.monotonic()
        valid_until = _ALWAYS if is_first else self._clock.estimate() + max(0.0, end - asked_at)
        now = "" if self._test_clock is None else repr(self._test_clock())
        arguments = (1, self._tag, calls.encode("utf-8", "surrogatepass"), repr(valid_until), now, self._nonce)
        try:
            text = self._ask("EVALSHA", by.sha, *arguments)
        except NoScriptError:
            text = self._ask("EVAL", by.source, *arguments)
        told, replies = json.loads(text)
        self._clock.learn(float(told), asked_at=asked_at)
        return None if replies is False else replies

    def _ask(self, *command: object) -> Any:
        assert self._connection is not None
        self._connection.send_command(*command)
        return self._connection.read_response(disable_decoding=True)


def refusal(text: str) -> Exception:
    """What an error inside the script means: a server that does not want to, or a mistake of ours."""
    word = text.lstrip("-").partition(" ")[0]
    if word in ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "NOPERM", "MASTERDOWN", "LOADING"):
        return Unavailable(f"the job store refuses: {text}")
    return RuntimeError(f"the job store's script failed: {text}")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
