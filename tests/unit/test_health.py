"""One HTTP port tells whether the worker is started, alive and ready, and why not."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from storehand.engine import EngineHealth, EngineState
from storehand.errors import SettingsError
from storehand.settings import Settings
from storehand_worker import health
from storehand_worker.health import HealthServer
from storehand_worker.liveness import DEAD_S, LOOP, STALE_S, STEP_DEAD_S, WATCHER, Checks, Liveness


class Engines:
    def __init__(self) -> None:
        self.state = EngineState.OK
        self.step_age_s = 0.0

    def health(self):
        return {"small": EngineHealth(self.state, "CUDA is gone", self.step_age_s)}


class Worker:
    """The parts of a worker that the checks look at, on a clock of our own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.complaints: list[str] = []
        self.engines = Engines()
        self.liveness = Liveness(clock=lambda: self.now)
        self.checks = Checks(self.liveness, engines=self.engines, check_health=lambda: self.complaints)
        self.liveness.is_started = True


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def server(worker, tmp_path):
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    with HealthServer(Settings(data_dir=tmp_path, http_port=0), registry, worker.checks) as server:
        yield server


def get(server: HealthServer, path: str, **headers: str) -> tuple[int, str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_a_worker_that_is_well_is_green_on_every_probe(server):
    for path in ("/livez", "/readyz", "/startupz"):
        status, kind, body = get(server, path)

        assert (status, kind) == (200, "application/json; charset=utf-8")
        assert json.loads(body) == {"ok": True, "reasons": []}


def test_metrics_come_as_text_or_as_openmetrics(server):
    status, kind, body = get(server, "/metrics?debug=1")
    _, open_kind, open_body = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert (status, kind.split(";")[0]) == (200, "text/plain")
    assert "things_total 1.0" in body
    assert open_kind.startswith("application/openmetrics-text")
    assert open_body.endswith("# EOF\n")


def test_a_red_probe_answers_503_with_its_reasons(server, worker):
    worker.complaints = ["商店: the licence ended"]

    status, _, body = get(server, "/readyz")

    assert status == 503
    assert json.loads(body) == {"ok": False, "reasons": ["商店: the licence ended"]}


def test_an_unknown_path_says_what_there_is_and_only_get_is_answered(server):
    status, _, body = get(server, "/")
    posted = urllib.request.Request(f"http://127.0.0.1:{server.port}/livez", data=b"x", method="POST")

    assert status == 404
    assert "/readyz" in body
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(posted, timeout=5)
    refused.value.close()
    assert refused.value.code == 501


def test_a_port_that_is_taken_stops_the_start_and_says_what_to_set(server, worker, tmp_path):
    second = HealthServer(Settings(data_dir=tmp_path, http_port=server.port), CollectorRegistry(), worker.checks)

    with pytest.raises(SettingsError, match=rf"127.0.0.1:{server.port}.*STOREHAND_HTTP_PORT"):
        second.start()


def test_closing_frees_the_port(server, worker, tmp_path):
    port = server.port
    server.close()

    with HealthServer(Settings(data_dir=tmp_path, http_port=port), CollectorRegistry(), worker.checks) as again:
        assert again.port == port
    assert server.port == 0


def test_start_up_is_red_and_tells_what_it_is_busy_with(worker):
    worker.liveness.is_started = False
    worker.liveness.report("loading starter/text for the role text")

    assert worker.checks.started() == ["still starting: loading starter/text for the role text"]
    assert worker.checks.ready() == worker.checks.started()
    assert worker.checks.live() == []


def test_a_draining_worker_is_alive_but_not_ready(worker):
    worker.liveness.is_draining = True

    assert worker.checks.ready() == ["draining: it finishes what it has and takes nothing new"]
    assert worker.checks.live() == []


def test_an_event_loop_that_stands_still_is_first_not_ready_and_much_later_not_alive(worker):
    worker.liveness.tick()

    worker.now = STALE_S[LOOP] + 1
    unready, alive = worker.checks.ready(), worker.checks.live()
    worker.now = DEAD_S[LOOP] + 1

    assert unready == ["the loop has not come round for 61 s: is the broker reachable?"]
    assert alive == []
    assert worker.checks.live() == ["the loop has not come round for 901 s: is the broker reachable?"]


def test_a_watcher_that_stands_still_ends_the_worker_soon(worker):
    worker.liveness.tick(WATCHER)
    worker.now = DEAD_S[WATCHER] + 1

    assert worker.checks.live() == worker.checks.ready() == ["the watcher has not come round for 31 s"]
    worker.liveness.tick(WATCHER)
    assert worker.checks.live() == []


def test_a_dead_engine_is_red_a_degraded_one_still_serves(worker):
    worker.engines.state = EngineState.DEGRADED
    degraded = worker.checks.live() + worker.checks.ready()
    worker.engines.state = EngineState.DEAD

    assert degraded == []
    assert worker.checks.live() == worker.checks.ready() == ["small is dead: CUDA is gone"]


def test_an_engine_that_hangs_on_its_device_is_not_alive(worker):
    worker.engines.step_age_s = STEP_DEAD_S - 1
    slow = worker.checks.live()
    worker.engines.step_age_s = STEP_DEAD_S + 1

    assert slow == []
    assert worker.checks.live() == worker.checks.ready() == ["small has work and has made no step for 301 s"]


def spoken(server: HealthServer, request: bytes, *, timeout_s: float = 5) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s) as line:
        line.sendall(request)
        answer = b""
        while part := line.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "<script>"])
def test_nothing_but_get_is_answered_and_nothing_said_is_repeated(server, method):
    answer = spoken(server, f"{method} /metrics?<script> HTTP/1.0\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.0 501")
    assert b"things_total" not in answer
    assert b"script" not in answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    "path", ["/", "/etc/passwd", "/../../etc/passwd", "/metrics/../livez", "//", "/%2e%2e/", "/favicon.ico", "/debug"]
)
def test_no_other_path_has_anything(server, path):
    answer = spoken(server, f"GET {path} HTTP/1.0\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.0 404")
    assert b"root:" not in answer


def test_the_banner_names_no_version(server):
    head = spoken(server, b"GET /livez HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[0]

    assert b"Server: storehand\r\n" in head
    assert b"Python" not in head


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000 + b"\r\n"]
)
def test_junk_gets_an_answer_or_none_and_the_port_lives(server, junk):
    with contextlib.suppress(OSError):
        spoken(server, junk + b"\r\n\r\n")

    assert get(server, "/livez")[0] == 200


@pytest.mark.long
def test_who_speaks_slowly_is_cut_off_in_time_and_who_comes_in_crowds_is_bounded(server, monkeypatch):
    monkeypatch.setattr(health, "SLOW_CLIENT_S", 0.5)
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(health.MOST_CLIENTS + 6)]
    try:
        for line in slow:
            with contextlib.suppress(OSError):
                line.sendall(b"GET /livez HTTP/1.0\r\nX: ")
        assert threading.active_count() <= health.MOST_CLIENTS + 10
        ends = [_end_of(line) for line in slow]
        assert len(ends) == len(slow)
        assert get(server, "/livez")[0] == 200
    finally:
        for line in slow:
            line.close()


def _end_of(line: socket.socket) -> bytes:
    try:
        return line.recv(1000)
    except ConnectionError:
        return b""
