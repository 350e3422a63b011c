"""Items of a Redis list, read without a server."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from storehand.broker.inbound import REFUSED, read_item


def _item(**changed: Any) -> bytes:
    properties = {
        "body_encoding": "base64",
        "delivery_tag": "theirs",
        "delivery_info": {"exchange": "x"},
        "priority": 3,
    }
    return json.dumps({"body": "W10=", "headers": {"id": "a"}, "properties": properties, **changed}).encode()


def test_a_message_keeps_what_it_says_and_gets_a_tag_and_a_way_back_of_ours() -> None:
    first, second = (read_item(_item(), "q", max_bytes=1000) for _ in range(2))

    assert (first["body"], first["headers"], first["properties"]["priority"]) == ("W10=", {"id": "a"}, 3)
    assert first["properties"]["delivery_info"] == {"exchange": "", "routing_key": "q"}
    assert "theirs" != first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]


def test_that_it_came_before_is_kept() -> None:
    again = read_item(_item(properties={"delivery_info": {"redelivered": True}}), "q", max_bytes=1000)

    assert again["properties"]["delivery_info"]["redelivered"] is True


def test_an_item_over_the_limit_keeps_its_start_and_the_names_at_its_end() -> None:
    raw = json.dumps({"body": "A" * 500_000, "headers": {"task": "storehand.chat", "id": "j1", "x": 1}}).encode()

    message = read_item(raw, "q", max_bytes=1000)

    assert message["content-type"] == REFUSED
    assert {"task": "storehand.chat", "id": "j1"}.items() <= message["headers"].items()
    assert base64.b64decode(message["body"]) == raw[: 64 * 1024]


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps({"headers": text, "properties": {}}).encode()))
def test_whatever_it_is_kombu_can_take_what_comes_out(raw: bytes) -> None:
    message = read_item(raw, "q", max_bytes=1000)

    assert isinstance(message["properties"]["delivery_tag"], str)
    assert isinstance(message["headers"], dict)
    json.dumps(message)
