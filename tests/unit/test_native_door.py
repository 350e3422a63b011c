"""What docs/clients.md promises to those who use no client of ours: the shop's own Celery app, other languages."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

import storehand.broker  # noqa: F401  # as the page says, for the shop's app
from storehand import Client
from storehand.job import Outcome
from storehand.message import read_call
from tests.unit import workers_hand

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
PYTHON = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(data_dir=tmp_path, synchronous="NORMAL") as client:
        yield client


@pytest.fixture
def shop(client: Client) -> Iterator[Celery]:
    shop = Celery("shop", broker=client.settings.broker_url.get_secret_value(), set_as_current=False)
    yield shop
    shop.close()


def received(client: Client) -> Any:
    """The one message in the intake queue: its headers and its parts."""
    with client.producer._publishing() as (_, producer):
        message = producer.channel.basic_get("storehand", no_ack=True)
        assert message is not None
        assert message.content_type == "application/json"
        return message.headers, json.loads(message.body)


def test_a_shops_own_app_sends_a_job_with_a_link(client: Client, shop: Celery) -> None:
    save = shop.signature("shop.save_description", args=("kettle",), queue="celery")

    with shop.connection_for_write() as connection:
        sent = shop.send_task(
            "storehand.description",
            kwargs={"input": {"product": "Kettle, 1.7 L"}, "options": {"priority": "bulk"}},
            queue="storehand",
            declare=[],
            link=save,
            ignore_result=True,
            connection=connection,
        )

    headers, (args, kwargs, embed) = received(client)
    call = read_call(headers["task"], headers["id"], args, kwargs)
    assert call.ids == (sent.id,)
    assert call.new_jobs[0].input == {"product": "Kettle, 1.7 L"}
    assert embed["callbacks"][0]["task"] == "shop.save_description"


def test_the_message_that_the_page_shows_to_other_languages_is_a_job(client: Client) -> None:
    text = PAGE.read_text(encoding="utf-8")
    headers = json.loads(re.search(r"^headers: +(.*)$", text, re.MULTILINE)[1])  # type: ignore[index]  # it is there
    body = re.search(r"^body: +(.*)$", text, re.MULTILINE)[1]  # type: ignore[index]  # it is there

    with client.producer._publishing() as (_, producer):
        producer.publish(
            body, exchange="", routing_key="storehand", headers=headers,
            content_type="application/json", content_encoding="utf-8", correlation_id=headers["id"],
        )  # fmt: skip

    headers, (args, kwargs, _) = received(client)
    assert read_call(headers["task"], headers["id"], args, kwargs).new_jobs[0].input["product"]["name"] == "Kettle"


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_every_python_example_of_the_page_can_be_read(number: int) -> None:
    assert ast.parse(PYTHON[number]).body


def test_the_five_lines_run_as_they_stand(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STOREHAND_DATA_DIR", str(tmp_path))
    outcome = Outcome.succeeded(workers_hand.description("Boils 1.7 L."))

    with workers_hand.Answering(client.store, lambda job: outcome):
        exec(compile(PYTHON[0], str(PAGE), "exec"), {})

    assert capsys.readouterr().out == "Boils 1.7 L.\n"
