"""Commands to Redis that are sent at once and whose replies are read later, many together.

What they say is on its way as early as with a round trip each; only the wait for the replies is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Sending:
    """One connection of a channel's pool, used by the thread of the event loop alone."""

    def __init__(self, pool_of_channel: Callable[[], Any]) -> None:
        self._pool_of_channel = pool_of_channel
        self._pool: Any = None
        self._connection: Any = None
        self._owed = 0

    def send(self, *commands: tuple[Any, ...]) -> None:
        """Raises what the connection raises; whether the server has seen them is unknown then."""
        connection = self._connected()
        packed = b"".join(part for command in commands for part in connection.pack_command(*command))
        try:
            connection.send_packed_command([packed], check_health=not self._owed)
        except BaseException:
            self.close()
            raise
        self._owed += len(commands)

    def collect(self) -> None:
        """Reads all replies that are owed; raises the first that is an error."""
        refusal: Exception | None = None
        while self._owed:
            self._owed -= 1
            try:
                self._connection.read_response()
            except Exception as error:
                if not _is_reply(error):
                    self.close()
                    raise
                refusal = refusal or error
        if refusal is not None:
            raise refusal

    def close(self) -> None:
        connection, self._connection, self._owed = self._connection, None, 0
        if connection is not None:
            connection.disconnect()
            self._pool.release(connection)

    def _connected(self) -> Any:
        pool = self._pool_of_channel()
        if self._connection is None or pool is not self._pool:
            self.close()
            self._connection, self._pool = pool.get_connection(), pool
        return self._connection


def _is_reply(error: Exception) -> bool:
    """The server has answered with an error: the connection is as good as before."""
    from redis.exceptions import ResponseError

    return isinstance(error, ResponseError)
