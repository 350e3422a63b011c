"""redis-server: append-only file on, without eviction; TLS, users and Sentinel when asked for."""

from __future__ import annotations

import itertools
import socket
import ssl
from pathlib import Path
from typing import ClassVar

from tests.servers.certificates import Certificates
from tests.servers.server import Server, answers, program

DATABASES = 4096


class RedisServer(Server):
    """`url` is database 0; `fresh_url()` the next unused one.

    options: lines of redis.conf, e.g. `RedisServer("appendfsync always", "maxmemory-policy allkeys-lru")`.
    tls: listens with TLS only and asks every client for a certificate (`certificates`).
    users: ACL rules, `{"shop": "on >secret ~* &* +@all"}`; the default user is off then. `url` carries the first.
    """

    programs: ClassVar[tuple[str, ...]] = ("redis-server",)
    package: ClassVar[str] = "redis-server"

    def __init__(self, *options: str, tls: bool = False, users: dict[str, str] | None = None) -> None:
        super().__init__()
        self.options = options
        self.certificates = Certificates(self.folder / "tls") if tls else None
        self._users = users or {}
        self._databases = itertools.count(1)

    @property
    def url(self) -> str:
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        scheme = "rediss" if self.certificates else "redis"
        return f"{scheme}://{self._login}127.0.0.1:{self.port}/{number}"

    def fresh_url(self) -> str:
        return self.database_url(next(self._databases) % DATABASES)

    @property
    def _login(self) -> str:
        for name, rules in self._users.items():
            password = next(rule[1:] for rule in rules.split() if rule.startswith(">"))
            return f"{name}:{password}@"
        return ""

    def _prepare(self) -> None:
        lines = [
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"databases {DATABASES}",
            "appendonly yes",
            'save ""',
            "daemonize no",
            *self._listeners(),
            *(f"user {name} {rules}" for name, rules in self._users.items()),
            *(["user default off"] if self._users else []),
            *self.options,
        ]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")

    def _listeners(self) -> list[str]:
        if self.certificates is None:
            return [f"port {self.port}"]
        made = self.certificates
        files = [f"tls-cert-file {made.cert}", f"tls-key-file {made.key}", f"tls-ca-cert-file {made.ca}"]
        return ["port 0", f"tls-port {self.port}", *files]

    def _command(self) -> list[str]:
        return [program("redis-server"), str(self.folder / "redis.conf")]

    def _is_up(self) -> bool:
        return _pong(self.port, self.certificates)


class SentinelServer(Server):
    """A Sentinel (`redis-server --sentinel`) that watches one master by the name `storehand`."""

    programs: ClassVar[tuple[str, ...]] = ("redis-server",)
    package: ClassVar[str] = "redis-server"
    master_name: ClassVar[str] = "storehand"

    def __init__(self, master: RedisServer) -> None:
        super().__init__()
        self._master = master

    @property
    def url(self) -> str:
        return f"sentinel://127.0.0.1:{self.port}/0"

    def fresh_url(self) -> str:
        return f"sentinel://127.0.0.1:{self.port}/{self._master.fresh_url().rpartition('/')[2]}"

    def _prepare(self) -> None:
        configuration = self.folder / "sentinel.conf"
        if not configuration.exists():  # Sentinel writes what it learns into it
            watched = f"sentinel monitor {self.master_name} 127.0.0.1 {self._master.port} 1"
            after = f"sentinel down-after-milliseconds {self.master_name} 1000"
            failover = f"sentinel failover-timeout {self.master_name} 3000"
            lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", watched, after, failover]
            configuration.write_text("\n".join(lines) + "\n")

    def _command(self) -> list[str]:
        return [program("redis-server"), str(self.folder / "sentinel.conf"), "--sentinel"]

    def _is_up(self) -> bool:
        return _pong(self.port, None)


def _pong(port: int, certificates: Certificates | None) -> bool:
    """Answers, be it that it wants a login first; not while it loads its file."""
    if not answers(port):
        return False
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=2) as plain,
            _secured(plain, certificates) if certificates else plain as wire,
        ):
            wire.sendall(b"PING\r\n")
            return wire.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _secured(plain: socket.socket, certificates: Certificates) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(Path(certificates.cert), Path(certificates.key))
    return context.wrap_socket(plain, server_hostname="127.0.0.1")
