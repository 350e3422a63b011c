"""The brokers and stores that a benchmark runs on, started for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import PostgresServer, RabbitServer, RedisServer, Server

NAMES = ("embedded", "redis", "rabbitmq")


@dataclass(frozen=True)
class Ground:
    """A broker, and the stores that go with it. Each call gives a URL of its own, so that nobody meets another's
    messages; an empty one means the default, a file in the worker's own folder."""

    name: str
    broker: Callable[[Path], str]
    stores: Mapping[str, Callable[[], str]]


@contextmanager
def ground(name: str) -> Iterator[Ground]:
    with ExitStack() as stack:

        def up(server: Server) -> Callable[[], str]:
            return stack.enter_context(server).fresh_url

        if name == "embedded":
            yield Ground(name, lambda folder: f"embedded://{folder}/queue.db", {"sqlite": str})
            return
        redis = up(RedisServer())
        urls = redis if name == "redis" else up(RabbitServer())
        stores = {"redis": redis, "postgres": up(PostgresServer())}
        yield Ground(name, lambda folder: urls(), stores)
