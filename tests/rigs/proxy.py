"""A TCP proxy that can refuse, cut, swallow and delay, and heal again: an outage without touching either end."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Way = Literal["both", "to_server", "to_client"]

_CHUNK = 65536


class Proxy:
    """A context manager with a thread of its own. `target` is (host, port); the methods may be called from anywhere.

    A black hole takes connections and bytes and says nothing; what it has swallowed goes on once it is healed, as TCP
    resends what a dead link has lost.
    """

    def __init__(self, target: tuple[str, int], *, host: str = "127.0.0.1") -> None:
        self._target = target
        self._host = host
        self._port = 0
        self._delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._is_open: dict[str, asyncio.Event] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def before(cls, url: str, *, host: str = "127.0.0.1") -> Self:
        """A proxy before the server a URL names."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls((parts.hostname, parts.port), host=host)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def port(self) -> int:
        return self._port

    @property
    def connections(self) -> int:
        """How many run through it now."""
        return len(self._writers) // 2

    def through(self, url: str) -> str:
        """The URL that leads through here."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}{at}{self._host}:{self._port}").geturl()

    def cut(self) -> None:
        """Resets every connection; new ones are let through."""
        self._call(self._reset())

    def refuse(self) -> None:
        """Resets every connection and refuses new ones."""
        self._call(self._stop())

    def swallow(self, way: Way = "both") -> None:
        """Black hole: from now on nothing comes through, and nobody is told."""
        self._call(self._shut(("to_server", "to_client") if way == "both" else (way,)))

    def slow_down(self, delay_s: float) -> None:
        """Every chunk is late by this much."""
        self._delay_s = delay_s

    def heal(self) -> None:
        self._delay_s = 0.0
        self._call(self._reopen())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._is_open = self._is_open or {"to_server": asyncio.Event(), "to_client": asyncio.Event()}
        for way in self._is_open.values():
            way.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, backlog=512)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _abort(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open["to_server"].wait()
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        ends = {writer, far_writer}
        self._writers |= ends
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, self._is_open["to_server"])),
            asyncio.ensure_future(self._pump(far_reader, writer, self._is_open["to_client"])),
        ]
        try:
            await asyncio.gather(*pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event) -> None:
        while data := await reader.read(_CHUNK):
            await is_open.wait()
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            writer.write(data)
            await writer.drain()
        await is_open.wait()  # a black hole swallows the end of a connection too
        raise ConnectionError("closed by its end")

    async def _shut(self, ways: tuple[str, ...]) -> None:
        for way in ways:
            self._is_open[way].clear()

    async def _reopen(self) -> None:
        await self._listen()

    async def _reset(self) -> None:
        for writer in list(self._writers):
            _abort(writer)

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._reset()

    async def _close(self) -> None:
        await self._stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Closes with a RST, as a machine does that knows nothing of this connection."""
    held = writer.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
