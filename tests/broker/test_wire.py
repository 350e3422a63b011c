from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storehand.broker import wire
from storehand.broker.errors import MalformedRow

MESSAGE: dict[str, Any] = {
    "body": '{"title": "红茶"}',
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "headers": {"id": "1"},
    "properties": {"delivery_info": {}, "expiration": "1500"},
}


def test_a_message_comes_back_as_it_went_and_its_body_is_stored_once() -> None:
    envelope, body = wire.encode(MESSAGE)

    assert body == MESSAGE["body"]
    assert "红茶" not in envelope
    back = wire.decode(envelope, body)
    assert back == {**MESSAGE, "body": MESSAGE["body"].encode()}


def test_a_binary_body_stays_binary() -> None:
    envelope, body = wire.encode({**MESSAGE, "body": b"\x00\xff"})

    assert body == b"\x00\xff"
    assert wire.decode(envelope, body)["body"] == b"\x00\xff"


def test_a_time_to_live_is_read_in_seconds_and_nonsense_is_none() -> None:
    assert wire.expiration_s(MESSAGE) == 1.5
    assert wire.expiration_s({"properties": {"expiration": "soon"}}) is None
    assert wire.expiration_s({"properties": {}}) is None


def test_a_celery_job_has_no_time_to_live_its_worker_says_that_it_expired() -> None:
    assert wire.expiration_s({**MESSAGE, "headers": {"task": "storehand.description"}}) is None


@pytest.mark.parametrize(
    ("envelope", "body"),
    [
        (None, "{}"),
        ("not json", "{}"),
        ("[1]", "{}"),
        ("{}", "{}"),
        ('{"properties": []}', "{}"),
        ('{"properties": {"delivery_info": 3}}', "{}"),
        ('{"properties": {}, "headers": 3}', "{}"),
        ('{"properties": {}}', None),
        ('{"properties": {}}', 7),
        ('{"properties": {}}', "\udcff"),
        ('{"properties": {"body_encoding": "base64"}}', "%%%"),
        ("[" * 100_000, "{}"),
    ],
)
def test_what_is_no_message_is_malformed(envelope: object, body: object) -> None:
    with pytest.raises(MalformedRow):
        wire.decode(envelope, body)


WORDS = st.sampled_from(["headers", "delivery_info", "body_encoding", "base64", "expiration", "乱"])


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.none() | st.integers() | WORDS, lambda inner: st.dictionaries(WORDS, inner)))
def test_any_json_is_a_message_or_malformed_and_never_another_error(value: Any) -> None:
    try:
        message = wire.decode(json.dumps({"properties": value}), "")
    except MalformedRow:
        return
    assert isinstance(message["properties"]["delivery_info"], dict)
