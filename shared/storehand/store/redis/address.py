"""Where the Redis server is, and how a connection to it is made. Knows the password and never shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from storehand.errors import SettingsError

if TYPE_CHECKING:
    from redis import ConnectionPool

SCHEMES = ("redis", "rediss", "sentinel", "redis+socket", "unix")
TIMEOUT_S = 5.0
"""Of a connect, and of the wait for one reply."""

_SENTINEL_PORT = 26379


class Connection(Protocol):
    """What we use of redis-py's; its `_sock` too, to wait for it and for others at once."""

    _sock: Any

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send_command(self, *command: object) -> None: ...

    def can_read(self, timeout: float) -> bool: ...

    def read_response(self, disable_decoding: bool = False) -> Any: ...


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. Without `ca_file` the system's authorities count; `cert_file` and `key_file` are the client's."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def options(self) -> dict[str, Any]:
        named = {"ssl_ca_certs": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
        return {name: str(file) for name, file in named.items() if file is not None}


class Address:
    """`str` of it has no password. SettingsError for a URL that is none, and where the redis package is missing."""

    def __init__(self, url: str, tls: Tls, *, timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._name = _masked(url)
        try:
            self._connect = _connector(url, tls, timeout_s)
        except ImportError as error:
            raise SettingsError("store_url needs the redis package: install storehand[redis]") from error
        except ValueError as error:
            raise SettingsError(f"store_url {self._name} can't be read: {_plain(error)}") from None

    def __str__(self) -> str:
        return self._name

    def connect(self) -> Connection:
        """A new connection, of the caller alone; it answers within `timeout_s` or raises an error of redis."""
        connection = cast(Connection, self._connect())
        try:
            connection.connect()
        except BaseException:
            connection.disconnect()
            raise
        return connection


def _connector(url: str, tls: Tls, timeout_s: float) -> Callable[[], object]:
    scheme = urlsplit(url).scheme
    if scheme == "sentinel":
        return _sentinel_pool(url, tls, timeout_s).make_connection
    from redis import ConnectionPool

    options = _options(timeout_s) | (tls.options() if scheme == "rediss" else {})
    if scheme in ("redis", "rediss"):
        options["socket_keepalive"] = True
    return ConnectionPool.from_url(_as_redis_reads(url), **options).make_connection


def _options(timeout_s: float) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "protocol": 2,
        "retry": Retry(NoBackoff(), 0),  # what may be tried again, and how long, is decided where it is known
        "max_connections": 2**31,  # the pool counts every connection it ever made; after 100 it would make no more
    }  # fmt: skip


def _as_redis_reads(url: str) -> str:
    """kombu and redis-py write a unix socket differently; both may be given."""
    split = urlsplit(url)
    if split.scheme not in ("redis+socket", "unix"):
        return url
    query = [("db" if name == "virtual_host" else name, value) for name, value in parse_qsl(split.query)]
    return f"unix://{split.netloc}{split.path}?{urlencode(query)}"


def _sentinel_pool(url: str, tls: Tls, timeout_s: float) -> ConnectionPool:
    """`sentinel://user:password@host:26379;sentinel://host2:26379/0?master=name`. User and password are the master's;
    `sentinel_username` and `sentinel_password` those of the sentinels; `ssl=true`, or a file of Tls, encrypts to all of
    them. Without `master` it is `mymaster`."""
    from redis.sentinel import Sentinel, SentinelConnectionPool

    *others, last = url.split(";")
    split = urlsplit(last)
    query = dict(parse_qsl(split.query))
    parts = [urlsplit(each if "://" in each else f"sentinel://{each}") for each in [*others, last]]
    hosts = [(part.hostname, part.port or _SENTINEL_PORT) for part in parts if part.hostname]
    if not hosts:
        raise ValueError("it needs a host")
    is_encrypted = query.get("ssl") == "true" or bool(tls.options())
    options = {**_options(timeout_s), **({"ssl": True, **tls.options()} if is_encrypted else {})}
    login = next((part for part in parts if part.password), split)
    database = int(split.path.strip("/") or query.get("db") or 0)
    names = {"username": query.get("sentinel_username"), "password": query.get("sentinel_password")}
    sentinels = Sentinel(hosts, sentinel_kwargs={**options, **{k: v for k, v in names.items() if v}})
    return SentinelConnectionPool(
        query.get("master", "mymaster"), sentinels, db=database, username=_decoded(login.username),
        password=_decoded(login.password), **options,
    )  # fmt: skip


def _decoded(value: str | None) -> str | None:
    return unquote(value) if value else None


def _masked(url: str) -> str:
    """Scheme, hosts and path: no user, no password, no query, which may have one too."""
    parts = [part.partition("?")[0] for part in url.split(";")]
    return ";".join(
        f"{head}{mark}{rest.rpartition('@')[2]}" for head, mark, rest in (p.partition("://") for p in parts)
    )


def _plain(error: Exception) -> str:
    """Python's own errors about numbers repeat the text they could not read."""
    return str(error) if "needs" in str(error) or "Redis URL" in str(error) else "a port or database is no number"
