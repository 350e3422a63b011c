from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from kombu import Consumer, Exchange, Queue
from kombu.exceptions import ChannelError

from storehand.broker import dead_messages, drop_dead, oldest_ready_age_s, queue_depths, requeue_dead
from tests.broker.conftest import Connect
from tests.broker.talk import Reader, execute, send


def test_messages_come_in_the_order_sent_and_are_gone_when_acknowledged(path: Path, connect: Connect) -> None:
    send(connect(), "q", *range(5))
    reader = Reader(connect(), "q")

    assert reader.read() == [0, 1, 2, 3, 4]
    assert queue_depths(path) == {"q": (0, 5)}
    for message in reader.messages:
        message.ack()
    assert queue_depths(path) == {}


def test_a_prefetch_limits_what_is_in_hand(path: Path, connect: Connect) -> None:
    send(connect(), "q", *range(5))
    reader = Reader(connect(), "q", prefetch=2)

    assert reader.read() == [0, 1]
    reader.messages[0].ack()
    assert reader.read() == [2]
    assert queue_depths(path) == {"q": (2, 2)}


def test_a_requeued_message_keeps_its_place_and_says_that_it_was_delivered_before(connect: Connect) -> None:
    send(connect(), "q", "a", "b")
    first = Reader(connect(), "q", prefetch=1)
    assert first.read() == ["a"]
    assert first.messages[0].delivery_info["redelivered"] is False
    first.channel.basic_cancel(next(iter(first.channel._consumers)))
    first.messages[0].requeue()

    second = Reader(connect(), "q")

    assert second.read() == ["a", "b"]
    assert [message.delivery_info["redelivered"] for message in second.messages] == [True, False]


def test_a_rejected_message_is_gone(path: Path, connect: Connect) -> None:
    send(connect(), "q", "a")
    reader = Reader(connect(), "q")
    reader.read()

    reader.messages[0].reject()

    assert queue_depths(path) == {}


def test_a_closed_connection_hands_back_and_a_late_acknowledgement_changes_nothing(
    path: Path, connect: Connect
) -> None:
    send(connect(), "q", "a")
    reader = Reader(connect(), "q")
    reader.read()

    reader.connection.release()
    reader.messages[0].ack()

    assert queue_depths(path) == {"q": (1, 0)}
    assert Reader(connect(), "q").read() == ["a"]


def test_an_error_in_a_callback_leaves_the_other_messages_to_others(connect: Connect) -> None:
    send(connect(), "q", *range(5))
    reader = Reader(connect(), "q")

    def fail(_: Any) -> None:
        raise ValueError("on purpose")

    reader.channel._deliver_to["q"] = fail
    with pytest.raises(ValueError, match="on purpose"):
        reader.channel.pump(5)

    assert Reader(connect(), "q").read() == [1, 2, 3, 4]


def test_consumers_that_never_acknowledge_leave_nothing_behind(path: Path, connect: Connect) -> None:
    send(connect(), "q", *range(3))

    assert Reader(connect(), "q", no_ack=True).read() == [0, 1, 2]
    assert queue_depths(path) == {}


def test_a_consumer_wakes_up_for_a_message_without_polling(connect: Connect) -> None:
    reader, sender = Reader(connect(), "q"), connect()
    reader.read()
    presence = reader.connection.transport.presence()
    presence.drain()

    send(sender, "q", 1)

    started = time.monotonic()
    presence.wait(5.0)
    assert time.monotonic() - started < 4.0
    assert reader.read() == [1]


def test_a_message_for_another_queue_wakes_nobody(connect: Connect) -> None:
    reader = Reader(connect(), "q")
    reader.read()
    presence = reader.connection.transport.presence()
    presence.drain()

    send(connect(), "other", 1)

    with pytest.raises(BlockingIOError):
        presence._socket.recv(1)


def test_fanout_and_topic_reach_the_queues_of_other_processes(connect: Connect) -> None:
    news, logs = Exchange("news", "fanout", durable=False), Exchange("logs", "topic", durable=False)
    one = Queue("one", news, auto_delete=True)
    two = Queue("two", logs, routing_key="task.#", auto_delete=True)
    reading = connect()
    got: list[Any] = []
    with Consumer(reading.channel(), [one, two], callbacks=[lambda body, _: got.append(body)], no_ack=True):
        producer = connect().Producer()
        producer.publish("all", exchange=news, routing_key="x", declare=[news])
        producer.publish("fits", exchange=logs, routing_key="task.sent.now", declare=[logs])
        producer.publish("does not", exchange=logs, routing_key="worker.online", declare=[logs])
        while len(got) < 2:
            reading.drain_events(timeout=5)
        with pytest.raises(TimeoutError):
            reading.drain_events(timeout=0.05)
    assert sorted(got) == ["all", "fits"]


def test_times_to_live_of_message_and_queue_are_honoured(path: Path, connect: Connect) -> None:
    connection = connect()
    Queue("short", Exchange(""), routing_key="short", message_ttl=0.01)(connection.channel()).queue_declare()
    send(connection, "short", "by the queue")
    send(connection, "q", "by the message", expiration=0.01)
    send(connection, "q", "stays", expiration=60)
    time.sleep(0.02)  # the clock of the file is the wall clock

    assert Reader(connect(), "short", "q").read() == ["stays"]
    connection.transport.housekeep()
    assert queue_depths(path) == {"q": (0, 1), "short": (0, 0)}


def test_stale_temporary_queues_are_swept_and_consumed_ones_are_not(path: Path, connect: Connect) -> None:
    connection = connect()
    fanout = Exchange("news", "fanout")
    for name in ("left", "used"):
        Queue(name, fanout, auto_delete=True)(connection.channel()).declare()
    Queue("kept", fanout, durable=True)(connection.channel()).declare()
    reader = Reader(connect(), "used")
    execute(path, "UPDATE queue SET seen = seen - 61")

    reader.connection.transport.housekeep()

    assert set(queue_depths(path)) == {"used", "kept"}
    assert execute(path, "SELECT queue FROM binding ORDER BY queue") == [("kept",), ("used",)]


def test_an_empty_queue_can_be_declared_sized_purged_and_deleted(path: Path, connect: Connect) -> None:
    channel = connect().channel()
    with pytest.raises(ChannelError):
        channel.queue_declare("q", passive=True)

    channel.queue_declare("q")
    send(connect(), "q", 1, 2)

    assert channel.queue_declare("q", passive=True).message_count == 2
    assert channel.queue_purge("q") == 2
    channel.queue_delete("q")
    assert queue_depths(path) == {}


def test_a_batch_is_one_commit_and_an_error_discards_it(path: Path, connect: Connect) -> None:
    connection = connect()
    producer = connection.Producer()
    with producer.batch():
        for number in range(10):
            producer.publish(number, exchange="", routing_key="q")
        assert queue_depths(path) == {}
    assert queue_depths(path) == {"q": (10, 0)}

    with pytest.raises(ValueError), connection.default_channel.batch():
        send(connection, "q", "never")
        raise ValueError
    assert queue_depths(path) == {"q": (10, 0)}
    assert 0 <= oldest_ready_age_s(path, "q") < 60


def test_reserved_places_stay_free_for_interactive_messages(connect: Connect) -> None:
    send(connect(), "a.bulk", *range(10))
    reader = Reader(
        connect(reserved={"queues_ending": ".interactive", "count": 2}), "a.bulk", "a.interactive", prefetch=4
    )
    assert reader.read() == [0, 1]

    send(connect(), "a.interactive", "x", "y", "z")

    assert reader.read() == ["x", "y"]
    reader.messages[-1].ack()
    assert reader.read() == ["z"]


def test_a_message_whose_workers_die_too_often_lies_in_the_dead_letters(path: Path, connect: Connect) -> None:
    send(connect(), "q", "killer")
    for _ in range(2):
        reader = Reader(connect(max_deliveries=2), "q")
        assert reader.read() == ["killer"]
        execute(path, "UPDATE message SET owner='dead'")
        execute(path, "INSERT OR REPLACE INTO consumer VALUES('q', 'dead', 'dead.sock')")
        reader.connection.release()

    last = connect(max_deliveries=2)
    last.connect()
    last.transport.housekeep()

    assert queue_depths(path) == {}
    (dead,) = dead_messages(path)
    assert (dead.queue, dead.deliveries, dead.reason) == ("q", 2, "lost its worker 2 times")
    assert requeue_dead(path, [dead.id]) == 1
    assert Reader(connect(), "q").read() == ["killer"]
    assert dead_messages(path) == []


def test_orderly_hand_backs_do_not_count_and_rejections_do(path: Path, connect: Connect) -> None:
    send(connect(), "q", "often")
    for _ in range(4):
        reader = Reader(connect(max_deliveries=2), "q")
        assert reader.read() == ["often"]
        reader.connection.release()
    reader = Reader(connect(max_deliveries=2), "q", prefetch=1)
    reader.read()
    reader.messages[-1].requeue()
    reader.read()
    reader.messages[-1].requeue()

    assert queue_depths(path) == {}
    assert [dead.reason for dead in dead_messages(path)] == ["rejected 2 times"]
    assert drop_dead(path) == 1


def test_garbage_in_the_file_goes_to_the_dead_letters_and_the_next_message_is_delivered(
    path: Path, connect: Connect
) -> None:
    send(connect(), "q", "before")
    insert = "INSERT INTO message(queue, at, envelope, body) VALUES('q', 0, "
    for values in (
        "'not json', '')",
        "'{}', '')",
        "7, 8)",
        "CAST(x'ff' AS TEXT), '')",
        """'{"properties": {}}', CAST(x'ff' AS TEXT))""",
        """'{"properties": {"body_encoding": "base64"}}', '%%')""",
    ):
        execute(path, insert + values)
    execute(path, "INSERT INTO message(queue, at, envelope, body, owner) VALUES('q', 0, 'x', 'y', CAST(x'ff' AS TEXT))")
    send(connect(), "q", "after")

    reader = Reader(connect(), "q")

    assert reader.read() == ["before", "after"]
    assert len(dead_messages(path)) == 7
    assert all(dead.reason.startswith("malformed: ") for dead in dead_messages(path))
