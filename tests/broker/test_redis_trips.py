"""What is said about messages on Redis travels together, and nothing of it gets lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from kombu import Connection, Queue
from kombu.asynchronous import Hub

from tests.servers import RedisServer
from tests.waiting import until

TRANSPORT = "storehand.broker.redis_transport:Transport"


class Desk:
    """A consumer in an event loop, as a worker has it, and a look into the database."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self.hub = Hub()
        self.connection = Connection(url, transport=TRANSPORT)
        self.messages: list[Any] = []
        self.connection.register_with_event_loop(self.hub)
        self.channel = self.connection.channel()
        self.consumer = self.connection.Consumer([Queue("work")], channel=self.channel, on_message=self.messages.append)
        self.consumer.consume()

    def publish(self, number: int) -> None:
        with self.connection.SimpleQueue("work") as queue:
            for each in range(number):
                queue.put({"n": each})

    def turn(self, is_done: Callable[[], bool]) -> None:
        def turned() -> bool:
            self.hub.call_later(0.05, lambda: None)
            self.hub.run_once()
            return is_done()

        until(turned)

    def unacked(self) -> tuple[int, int]:
        return int(self.redis.hlen("unacked")), int(self.redis.zcard("unacked_index"))

    def commands(self, name: str) -> int:
        stats: Any = self.redis.info("commandstats")
        return int(stats.get(f"cmdstat_{name}", {}).get("calls", 0))


@pytest.fixture
def desk(redis_server: RedisServer) -> Iterator[Desk]:
    opened = Desk(redis_server.fresh_url())
    yield opened
    opened.connection.close()
    opened.hub.close()
    opened.redis.close()


def test_a_message_in_hand_is_noted_before_the_turn_ends_and_forgotten_when_it_is_acked(desk: Desk) -> None:
    desk.publish(3)
    desk.turn(lambda: len(desk.messages) == 3)

    assert desk.unacked() == (3, 3)
    for message in desk.messages:
        message.ack()
    desk.turn(lambda: desk.unacked() == (0, 0))


def test_many_acks_are_one_command(desk: Desk) -> None:
    desk.publish(20)
    desk.turn(lambda: len(desk.messages) == 20)
    before = desk.commands("zrem")
    for message in desk.messages:
        message.ack()
    desk.turn(lambda: desk.unacked() == (0, 0))

    assert desk.commands("zrem") == before + 1


def test_acks_are_written_when_the_connection_is_closed(desk: Desk) -> None:
    desk.publish(2)
    desk.turn(lambda: len(desk.messages) == 2)
    desk.messages[0].ack()
    desk.connection.close()

    assert desk.unacked() == (0, 0)
    assert desk.redis.llen("work") == 1  # the other one is given back


def test_a_message_that_is_put_back_right_away_comes_again(desk: Desk) -> None:
    desk.publish(1)
    desk.turn(lambda: bool(desk.messages))
    desk.messages[0].requeue()
    desk.turn(lambda: len(desk.messages) == 2)

    assert desk.messages[1].delivery_info["redelivered"]
    assert desk.unacked() == (1, 1)


def test_a_refusal_of_the_server_is_no_silence(desk: Desk) -> None:
    desk.redis.set("unacked_index", "no sorted set")
    desk.publish(1)

    with pytest.raises(redis.ResponseError):
        desk.turn(lambda: time.monotonic() < 0)
    desk.redis.delete("unacked_index")
