"""A worker per module and combination of broker and store: starting one takes about a second. One with models takes
several: it serves the whole run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu import pools

from storehand import Client
from storehand.celery_app import make_celery
from storehand.contracts import INPUTS
from storehand.job import Outcome
from tests.pipeline.combinations import chosen, places
from tests.pipeline.workers import Shop, WorkerProcess


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "combination" in metafunc.fixturenames:
        names = chosen(metafunc.definition)
        metafunc.parametrize("combination", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def combination(request: pytest.FixtureRequest) -> str:
    """Broker and store of this test: `embedded`, `redis+redis`, `rabbitmq+postgres`, ..."""
    return str(request.param)


@pytest.fixture(scope="module")
def shared_places(combination: str, request: pytest.FixtureRequest) -> dict[str, object]:
    """Where the module's shop has its queues and rows."""
    return places(combination, request.getfixturevalue)


@pytest.fixture
def own_places(combination: str, request: pytest.FixtureRequest) -> dict[str, object]:
    """The same for a shop of the test's own, whose workers come and go."""
    return places(combination, request.getfixturevalue)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shared_places: dict[str, object]) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), **shared_places)


@pytest.fixture(scope="module")
def worker(shop: Shop) -> Iterator[WorkerProcess]:
    with shop.worker() as running:
        yield running


@pytest.fixture(scope="session")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose worker serves all five tasks on the bundled models, and the probe."""
    shop = Shop(tmp_path_factory.mktemp("five"), plugins=json.dumps(["probe", *sorted(INPUTS)]))
    with shop.worker(patience_s=120):
        yield shop


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def celery(shop: Shop) -> Iterator[Any]:
    """A plain producer: knows the queues and task names, nothing else of us."""
    app = make_celery(shop.settings)
    yield app
    app.close()
    pools.reset()  # kombu keeps an app's connections for the life of the process


@pytest.fixture(scope="module")
def send(celery: Any) -> Callable[..., str]:
    """Publishes a plain Celery message; the task id is the job id."""

    def publish(input_: dict[str, Any] | None = None, *, task: str = "storehand.probe", **options: Any) -> str:
        kwargs = options.pop("kwargs", {"input": input_ or {}})
        return str(celery.send_task(task, kwargs=kwargs, **options).id)

    return publish


@pytest.fixture(scope="module")
def outcome_of(client: Client) -> Callable[..., Outcome]:
    """Waits for the row and its outcome: a plain producer's row is written by the worker."""

    def wait(job_id: str, timeout_s: float = 10.0) -> Outcome:
        from tests.waiting import until

        def found() -> Outcome | None:
            job = client.store.get([job_id]).get(job_id)
            return job.outcome if job else None

        return until(found, timeout_s=timeout_s)  # type: ignore[return-value]  # until returns what is truthy

    return wait
