"""A broker and a store as a shop would have them, and one scene after the other on them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.fleet import Fleet, RemoteWorker
from tests.pipeline.workers import Shop
from tests.rigs.namespace import Namespace
from tests.rigs.proxy import Proxy
from tests.servers import PostgresServer, RabbitServer, RedisServer, Server, fresh_name

SERVERS: dict[str, type[Server]] = {"redis": RedisServer, "rabbitmq": RabbitServer, "postgres": PostgresServer}


@dataclass(frozen=True)
class Combination:
    broker: str
    store: str

    def __str__(self) -> str:
        return f"{self.broker}+{self.store}"


COMBINATIONS = (
    Combination("embedded", "sqlite"),
    Combination("redis", "redis"),
    Combination("rabbitmq", "redis"),
    Combination("rabbitmq", "postgres"),
    Combination("redis", "postgres"),
)


class Stand:
    """A context manager: the servers of a combination, up. Broker and store are servers of their own."""

    def __init__(self, combination: Combination) -> None:
        self.combination = combination
        self.broker = _server(combination.broker)
        self.store = _store_server(combination.store)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            for server in (self.broker, self.store):
                if server is not None:
                    self._stack.enter_context(server)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @staticmethod
    def missing(combination: Combination) -> str:
        """Why it can't run here; empty where it can."""
        reasons = [SERVERS[name].missing() for name in (combination.broker, combination.store) if name in SERVERS]
        return "; ".join(reason for reason in reasons if reason)


class Scene:
    """A context manager: a fresh shop on a stand, with its workers. With `is_proxied` both sides reach broker and store
    through proxies of their own. With `has_network` one worker more runs in a network of its own (`namespace`)."""

    def __init__(
        self,
        stand: Stand,
        folder: Path,
        *,
        workers: int,
        is_proxied: bool,
        has_network: bool = False,
        **settings: object,
    ) -> None:
        self.stand = stand
        self._folder = folder
        self._workers = workers
        self._is_proxied = is_proxied
        self._has_network = has_network
        self._settings = settings
        self._stack = ExitStack()
        self.worker_side: dict[str, Proxy] = {}
        self.client_side: dict[str, Proxy] = {}
        self.namespace: Namespace | None = None

    def __enter__(self) -> Self:
        with self._stack:
            self._open()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _open(self) -> None:
        urls = {
            f"{what}_url": server.fresh_url()
            for what, server in (("broker", self.stand.broker), ("store", self.stand.store))
            if server is not None
        }
        self.real_urls = dict(urls)
        worker_urls: dict[str, object] = dict(urls)
        if self._is_proxied:
            for name, url in self.real_urls.items():
                self.worker_side[name] = self._stack.enter_context(Proxy.before(url))
                self.client_side[name] = self._stack.enter_context(Proxy.before(url))
                worker_urls[name] = self.worker_side[name].through(url)
                urls[name] = self.client_side[name].through(url)
        self._folder.mkdir(parents=True, exist_ok=True)
        self.shop = Shop(self._folder, queue_prefix=fresh_name("c"), **{**urls, **self._settings})
        guests = [self._remote_worker()] if self._has_network else []
        self.fleet = self._stack.enter_context(Fleet(self.shop, self._workers, worker_urls, guests=guests))

    def _remote_worker(self) -> RemoteWorker:
        self.namespace = self._stack.enter_context(Namespace())
        urls: dict[str, object] = {}
        for name, url in self.real_urls.items():  # the servers listen on our loopback only
            door = self._stack.enter_context(Proxy.before(url, host=self.namespace.outside))
            urls[name] = door.through(url)
        return RemoteWorker(self.shop, "remote", self.namespace, urls)


def _store_server(name: str) -> Server | None:
    """With `everysec` a Redis that is killed may lose what it had answered, when the disk is slow: that is no store."""
    return RedisServer("appendfsync always") if name == "redis" else _server(name)


def _server(name: str) -> Server | None:
    return SERVERS[name]() if name in SERVERS else None
