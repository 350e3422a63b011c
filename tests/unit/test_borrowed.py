"""What the job path uses of Celery and kombu beyond their documented interface: each must still be there."""

from __future__ import annotations

import inspect

import pytest
from amqp.serialization import GenericContent
from celery import bootsteps
from celery.app.amqp import Queues
from celery.concurrency.base import BasePool
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.pidbox import Pidbox
from celery.worker.request import Request
from kombu import Queue, transport
from kombu.asynchronous import Hub
from kombu.transport import redis

from storehand.broker import guarded


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (Request, "_announce_revoked", ["self", "reason", "terminated", "signum", "expired"]),
        (Request, "_announce_cancelled", ["self", "emit_retry"]),
        (Request, "terminate", ["self", "pool", "signal"]),
        (Request, "cancel", ["self", "pool", "signal", "emit_retry"]),
        (Request, "reject", ["self", "requeue"]),
        (Request, "on_timeout", ["self", "soft", "timeout"]),
        (Consumer, "on_decode_error", ["self", "message", "exc"]),
        (Consumer, "on_unknown_message", ["self", "body", "message"]),
        (Consumer, "on_unknown_task", ["self", "body", "message", "exc"]),
        (Consumer, "on_invalid_task", ["self", "body", "message", "exc"]),
        (Consumer, "update_strategies", ["self"]),
        (Hub, "run_once", ["self"]),
        (redis.Channel, "_brpop_read", ["self", "options"]),
        (redis.Channel, "_do_restore_message", ["self", "payload", "exchange", "routing_key", "pipe", "leftmost"]),
        (redis.Channel, "_handle_message", ["self", "client", "r"]),
        (redis.Channel, "_flush_brpop_reauth", ["self"]),
        (redis.QoS, "restore_by_tag", ["self", "tag", "client", "leftmost"]),
        (GenericContent, "inbound_header", ["self", "buf", "offset"]),
        (Request, "send_event", ["self", "type", "fields"]),
        (Request, "info", ["self", "safe"]),
        (Pidbox, "start", ["self", "c"]),
        (BasePool, "terminate_job", ["self", "pid", "signal"]),
    ],
)
def test_a_borrowed_method_takes_what_we_give_it(owner: type, name: str, arguments: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == arguments


def test_a_request_keeps_its_payload_where_we_look() -> None:
    assert isinstance(inspect.getattr_static(Request, "_payload"), type(inspect.getattr_static(Request, "chord")))


def test_queues_tell_whether_a_choice_was_made() -> None:
    queues = Queues([Queue("a"), Queue("b")])
    assert queues._consume_from is None

    queues.select(["b"])

    assert list(queues.consume_from) == ["b"]


def test_a_worker_leaves_when_the_flag_is_set() -> None:
    before = state.should_stop
    state.should_stop = 1
    try:
        with pytest.raises(SystemExit):
            state.maybe_shutdown()
    finally:
        state.should_stop = before


def test_steps_stop_in_the_reverse_of_their_start() -> None:
    assert inspect.signature(bootsteps.Blueprint.send_all).parameters["reverse"].default is True


def test_transports_are_looked_up_where_ours_are_registered() -> None:
    assert set(guarded._TRANSPORTS) <= set(transport.TRANSPORT_ALIASES)
    assert isinstance(transport._transport_cache, dict)
