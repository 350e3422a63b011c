"""The rig itself: servers keep their data through `kill -9`, stand still when paused, and share nothing."""

from __future__ import annotations

import pytest
from kombu import Connection

from tests.servers import PrometheusServer, RedisServer, Scrape, Server
from tests.servers.server import answers
from tests.waiting import until


@pytest.fixture
def redis() -> RedisServer:
    reason = RedisServer.missing()
    if reason:
        pytest.skip(reason)
    return RedisServer("appendfsync always")  # everysec may hold writes back while the disk is busy


def _publish(url: str, word: str) -> None:
    with Connection(url) as connection, connection.SimpleQueue("words") as words:
        words.put(word, serializer="json")


def _taken(url: str) -> object:
    with Connection(url) as connection, connection.SimpleQueue("words") as words:
        message = words.get(timeout=10)
        message.ack()
        return message.payload


def test_a_killed_redis_comes_back_on_its_port_with_what_it_had(redis):
    with redis:
        _publish(redis.url, "before")
        redis.kill()
        assert not answers(redis.port)
        redis.start()

        assert _taken(redis.url) == "before"


def test_a_closed_server_leaves_neither_process_nor_files(redis):
    with redis:
        pass

    assert not answers(redis.port)
    assert not redis.folder.exists()


@pytest.mark.parametrize("name", ["redis_server", "rabbit_server"])
def test_a_fresh_url_is_a_place_of_its_own(name, request):
    server: Server = request.getfixturevalue(name)
    one, other = server.fresh_url(), server.fresh_url()

    _publish(one, "mine")

    with Connection(other) as connection, connection.SimpleQueue("words") as words, pytest.raises(words.Empty):
        words.get(block=False)
    assert _taken(one) == "mine"


def test_a_fresh_database_is_empty(postgres_server):
    url = postgres_server.fresh_url()

    assert (
        postgres_server.run_sql("CREATE TABLE rows (id int); SELECT count(*) FROM rows", url.rpartition("/")[2]) == "0"
    )


def test_a_prometheus_scrapes_itself_and_evaluates_the_rules_it_is_given(tmp_path):
    reason = PrometheusServer.missing()
    if reason:
        pytest.skip(reason)
    rules = tmp_path / "rules.yaml"
    rules.write_text('{"groups": [{"name": "one", "rules": [{"alert": "Up", "expr": "up == 1"}]}]}')
    with PrometheusServer(every_s=0.2, rules=[rules]) as server:
        server.scrape(Scrape("itself", f"127.0.0.1:{server.port}", {"pool": "chat"}))

        assert until(lambda: server.alerts(), timeout_s=30)[0]["pool"] == "chat"
        assert [each.value for each in server.query("up")] == [1.0]
