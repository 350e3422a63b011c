"""The rules of SECURITY.md for a Redis user and a RabbitMQ user: client and worker live with them, and with no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from storehand import Client
from storehand.celery_app import make_celery
from storehand.job import Status
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.servers import RabbitServer, RedisServer
from tests.waiting import until

PAGE = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
RULES = re.search(r"^ACL SETUSER storehand (.*)$", PAGE, re.MULTILINE)
PATTERN = re.search(r"^rabbitmqctl set_permissions -p shop storehand '(.*)' '(.*)' '(.*)'$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def redis_with_users() -> Iterator[RedisServer]:
    assert RULES is not None
    rules = RULES[1].replace(">PASSWORD", ">shop-password")
    users = {"storehand": rules, "admin": "on >admin-password ~* &* +@all"}
    with RedisServer(users=users) as server:
        yield server


def _use(shop: Shop, worker: WorkerProcess) -> None:
    """Both kinds of submit, a stream, cancel, and what an operator asks."""
    celery = make_celery(shop.settings)
    with Client(shop.settings) as client:
        assert client.submit(ProbeInput(text="one")).result(timeout=20).text == "one"
        assert (
            len([handle.result(timeout=20) for handle in client.submit_many([ProbeInput() for _ in range(40)])]) == 40
        )
        assert list(client.submit(ProbeInput(text="a b", mode="stream")).stream(timeout=20))
        slow = client.submit(ProbeInput(work_s=60))
        until(lambda: slow.status is Status.RUNNING)
        asked = celery.control.inspect(timeout=5, limit=1)  # or it waits all of that for others to answer
        assert asked.ping()
        assert slow.id in repr(asked.active())
        slow.cancel()
        until(lambda: slow.status is Status.CANCELLED)
    celery.close()


def test_a_redis_user_with_these_rules_suffices_for_queue_and_store(
    redis_with_users: RedisServer, tmp_path: Path
) -> None:
    admin = redis.Redis(port=redis_with_users.port, username="admin", password="admin-password")
    shop = Shop(tmp_path, broker_url=redis_with_users.url, store_url=redis_with_users.url)
    with shop.worker("-E") as worker:
        _use(shop, worker)

        denied = [entry["object"] for entry in admin.acl_log()]
        admin.close()
    assert denied == []


@pytest.mark.parametrize("command", ["CONFIG GET *", "GET shop:cart", "FLUSHALL", "KEYS *", "ACL LIST"])
def test_the_redis_user_may_do_nothing_else(redis_with_users: RedisServer, command: str) -> None:
    with redis.Redis.from_url(redis_with_users.url) as user, pytest.raises(redis.exceptions.NoPermissionError):
        user.execute_command(*command.split())


def test_a_rabbitmq_user_with_these_permissions_suffices(rabbit_server: RabbitServer, tmp_path: Path) -> None:
    assert PATTERN is not None
    host = rabbit_server.fresh_url().rpartition("/")[2]
    rights = ", ".join(f'<<"{right}">>'.replace("\\", "\\\\") for right in PATTERN.groups())
    auth = "rabbit_auth_backend_internal"
    rabbit_server.call(f'{auth}:add_user(<<"storehand">>, <<"shop-password">>, <<"tests">>)')
    rabbit_server.call(f'{auth}:set_permissions(<<"storehand">>, <<"{host}">>, {rights}, <<"tests">>)')
    url = f"amqp://storehand:shop-password@127.0.0.1:{rabbit_server.port}/{host}"
    shop = Shop(tmp_path, broker_url=url)
    with shop.worker("-E") as worker:
        _use(shop, worker)

        assert not re.search("ACCESS_REFUSED|AccessRefused", worker.log_text())
