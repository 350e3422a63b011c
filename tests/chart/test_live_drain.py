"""SIGTERM under load, through the chart's own hook and grace: nobody is killed, nothing is lost, nothing runs twice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.contracts import INPUTS
from storehand.handle import JobHandle
from storehand.job import Status
from tests.chart.kubelet import PodProcess, Stopped
from tests.chart.pods import pods
from tests.chart.render import render
from tests.pipeline.combinations import places
from tests.pipeline.probe_plugin import ProbeInput, ProbeOutput
from tests.pipeline.workers import Shop
from tests.waiting import until

SECRETS = {"broker": {"existingSecret": "urls"}, "store": {"existingSecret": "urls"}}


class Cluster:
    """One pool as the chart installs it, on the broker and store of `combination`."""

    def __init__(self, folder: Path, where: dict[str, object], **pool: Any) -> None:
        kind = "rabbitmq" if str(where["broker_url"]).startswith("amqp") else "redis"
        quick = {"lease_s": 2, "reconcile_s": 0.5, "publish_grace_s": 1}
        self.documents = render(
            SECRETS,
            {
                "broker": {"type": kind},
                "routes": dict.fromkeys(INPUTS),  # none: the probe's family is `default`
                "pools": {"probe": {"queues": ["default"], "plugins": ["probe"], "settings": quick, **pool}},
            },
        )
        self.pod = next(pod for pod in pods(self.documents) if pod.pool == "probe")
        self._secrets = {name: str(url) for name, url in where.items()}
        self.shop = Shop(folder, **where)
        self.client_settings = self.shop.settings
        self.shop.overrides.clear()  # what a pod is told comes from the chart alone

    def pod_process(self, name: str) -> PodProcess:
        return PodProcess(self.shop, name, self.pod, self.documents, self._secrets)


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    with Client(cluster.client_settings) as opened:
        yield opened


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    combination, pool = getattr(request, "param", ("redis+redis", HAND_BACK))
    return Cluster(tmp_path, places(combination, request.getfixturevalue), **pool)


HAND_BACK: dict[str, Any] = {"concurrency": 8, "slots": 8, "drain": {"seconds": 1}}
FINISH: dict[str, Any] = {"concurrency": 8, "slots": 8, "timeLimitSeconds": 20, "drain": {"policy": "finish"}}


class Load:
    """A context manager: jobs come all the time, short and long ones, more than one worker has slots for."""

    def __init__(self, client: Client, *, every_s: float = 0.08) -> None:
        self.handles: list[JobHandle[ProbeOutput]] = []
        self._client = client
        self._every_s = every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._submit)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _submit(self) -> None:
        for number in itertools.count():
            self.handles.append(self._client.submit(ProbeInput(work_s=6.0 if number % 6 == 0 else 0.3)))
            if self._is_over.wait(self._every_s):
                return


def _one_of_two_pods_is_stopped(cluster: Cluster, client: Client) -> list[JobHandle[ProbeOutput]]:
    """Under load, in order, and every job is answered."""
    old, new = cluster.pod_process("old"), cluster.pod_process("new")
    with ExitStack() as running:
        for pod in (old, new):
            running.push(pod).start()
        until(lambda: old.is_ready() and new.is_ready(), timeout_s=60, every_s=0.1)
        with Load(client) as load:
            until(lambda: _running(load.handles, old) >= 4, timeout_s=60, every_s=0.1)
            stopped = old.stop()
        outcomes = [handle.outcome(timeout=60) for handle in load.handles]

    _assert_orderly(stopped, cluster, old)
    assert {outcome.code for outcome in outcomes} == {"ok"}
    return load.handles


def test_a_pod_that_is_stopped_under_load_finishes_or_hands_back_what_it_has(cluster: Cluster, client: Client) -> None:
    handles = _one_of_two_pods_is_stopped(cluster, client)

    assert {(handle.job.attempts, handle.job.crashes) for handle in handles} == {(1, 0)}
    again, handed_back = _noted_twice(cluster, "starts"), _handed_back(handles, client)
    assert again <= handed_back  # not equal: one may be claimed and go back before its code begins
    assert _noted_twice(cluster, "ends") <= handed_back  # its code may come to its end while the row goes back
    assert again, "the worker was too quick for this test"


@pytest.mark.long
@pytest.mark.parametrize("cluster", [("redis+redis", FINISH), ("rabbitmq+postgres", FINISH)], indirect=True, ids=str)
def test_a_pod_that_may_finish_hands_nothing_back(cluster: Cluster, client: Client) -> None:
    _one_of_two_pods_is_stopped(cluster, client)

    assert set(cluster.shop.noted("starts").values()) == set(cluster.shop.noted("ends").values()) == {1}


@pytest.mark.long
@pytest.mark.parametrize(
    "cluster", [("redis+redis", HAND_BACK), ("rabbitmq+postgres", HAND_BACK)], indirect=True, ids=str
)
def test_a_rollout_of_three_pods_under_load_loses_nothing(cluster: Cluster, client: Client) -> None:
    """As a Deployment with maxSurge 1 and maxUnavailable 0 does it: the new pod is ready before an old one goes."""
    with ExitStack() as running, Load(client, every_s=0.04) as load:
        old = [running.enter_context(cluster.pod_process(f"old-{number}")) for number in range(3)]
        for number, pod in enumerate(old):
            running.enter_context(cluster.pod_process(f"new-{number}"))
            _assert_orderly(pod.stop(), cluster, pod)
        load.end()
        outcomes = [handle.outcome(timeout=120) for handle in load.handles]

    assert len(outcomes) > 200
    assert {outcome.code for outcome in outcomes} == {"ok"}
    assert {(handle.job.attempts, handle.job.crashes) for handle in load.handles} == {(1, 0)}
    assert _noted_twice(cluster, "starts") | _noted_twice(cluster, "ends") <= _handed_back(load.handles, client)


def _running(handles: list[JobHandle[ProbeOutput]], worker: PodProcess) -> int:
    rows = [handle.job for handle in handles]
    return sum(row.status is Status.RUNNING and str(row.owner) in worker.log_text() for row in rows)


def _assert_orderly(stopped: Stopped, cluster: Cluster, worker: PodProcess) -> None:
    said = f"{stopped}\n{worker.log_text()}"
    assert not stopped.was_killed, said
    assert (stopped.exit_code, stopped.hook_code) == (0, 0), said
    assert stopped.seconds < cluster.pod.spec["terminationGracePeriodSeconds"], said


def _noted_twice(cluster: Cluster, what: str) -> set[str]:
    return {job for job, times in cluster.shop.noted(what).items() if times > 1}


def _handed_back(handles: list[JobHandle[ProbeOutput]], client: Client) -> set[str]:
    return {
        handle.id
        for handle in handles
        if "handed_back" in {note.what for note in client.store.history(handle.id)}
        and "claimed" in {note.what for note in client.store.history(handle.id)}
    }
