"""Remote commands of Celery: looking and stopping single jobs is obeyed, the rest is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.worker.control import Panel

from storehand import Client
from storehand.celery_app import make_celery
from storehand.job import Status
from storehand_worker.remote_control import SAFE, obeyed
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

UNSAFE = (
    "shutdown", "pool_grow", "pool_shrink", "pool_restart", "autoscale", "time_limit", "rate_limit", "add_consumer",
    "cancel_consumer", "election", "memdump", "memsample", "objgraph",
)  # fmt: skip


@pytest.fixture(scope="module", params=["embedded"])
def broker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def control(shop: Shop, worker: WorkerProcess) -> Iterator[Any]:
    app: Any = make_celery(shop.settings)
    yield app.control
    app.close()


def test_every_command_of_this_celery_was_judged() -> None:
    celerys = {name for name, do in Panel.data.items() if do.__module__ == "celery.worker.control"}

    assert celerys == SAFE | set(UNSAFE)


def test_commands_of_installed_packages_are_obeyed() -> None:
    def drain(state: Any) -> None: ...

    shutdown = Panel.data["shutdown"]
    found = obeyed({"drain": drain, "shutdown": shutdown})

    assert found["drain"] is drain
    assert "not obeyed" in found["shutdown"](None)["error"]


def test_unsafe_commands_are_not_obeyed(control: Any, worker: WorkerProcess, client: Client) -> None:
    for name in UNSAFE:
        control.broadcast(
            name, arguments={"queue": "shop", "n": 5, "task_name": "storehand.probe", "rate_limit": "1/h"}
        )

    refused = [f"the remote command {name} is not obeyed" for name in UNSAFE]
    until(lambda: all(line in worker.log_text() for line in refused), timeout_s=30)
    assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"
    assert worker.exit_code() is None


def test_looking_and_stopping_a_job_is(control: Any, client: Client) -> None:
    handle = client.submit(ProbeInput(work_s=60))
    until(lambda: handle.status is Status.RUNNING)

    assert handle.id in repr(control.inspect(timeout=5, limit=1).active())
    control.revoke(handle.id, terminate=True)

    until(lambda: handle.status is Status.CANCELLED)


def test_it_can_be_turned_off_as_a_whole_and_cancel_works_by_the_row(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_control="none")
    app: Any = make_celery(shop.settings)
    with shop.worker(), Client(shop.settings) as client:
        handle = client.submit(ProbeInput(work_s=60))
        until(lambda: handle.status is Status.RUNNING)

        assert not app.control.ping(timeout=0.5)
        handle.cancel()
        until(lambda: handle.status is Status.CANCELLED)
    app.close()
