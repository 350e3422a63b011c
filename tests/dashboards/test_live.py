"""Real workers, exporter and Prometheus under load: every query of every dashboard gets an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand_worker.operation.dashboards import DASHBOARDS
from storehand_worker.operation.dashboards.foreign import OPTIONAL
from storehand_worker.operation.preview.answers import Filled, ask
from storehand_worker.operation.preview.board import read
from storehand_worker.operation.preview.source import Prometheus
from storehand_worker.operation.preview.variables import Window
from tests.dashboards.foreign_exporter import foreign_exporter
from tests.dashboards.scene import RELEASE, Scene, scene
from tests.servers import PrometheusServer
from tests.servers.prometheus import Scrape
from tests.waiting import until

pytestmark = pytest.mark.long

LOADED_S = 120.0
"""Models are loaded, jobs of all tasks have ended, the slowest recording rule has run."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if reason := PrometheusServer.missing():
        pytest.skip(reason)
    with scene(tmp_path_factory.mktemp("scene")) as play, play.load(per_s=3):
        play.nightly_run(20)
        yield play


def asked(server: PrometheusServer) -> list[Filled]:
    end = time.time()
    return [ask(read(name), Prometheus(server.url), Window(end - 60, end, 2), {}) for name in DASHBOARDS]


def empty(server: PrometheusServer) -> set[str]:
    return {f"{panel.title}: {answer.expr}" for filled in asked(server) for panel, answer in filled.empty()}


def _is_optional(query: str) -> bool:
    return any(name in query for name in OPTIONAL)


def test_only_what_other_exporters_bring_is_empty_and_with_those_nothing_is(loaded):
    server = loaded.server
    until(lambda: all(map(_is_optional, empty(server))), timeout_s=LOADED_S, every_s=2)
    foreign = {answer.expr for filled in asked(server) for _, answer in filled.empty()}

    assert all(any(name in expr for expr in foreign) for name in OPTIONAL)
    with foreign_exporter() as target:
        server.scrape(*server.scrapes, Scrape("foreign", target, RELEASE))
        until(lambda: not empty(server), timeout_s=60, every_s=1)


def test_a_worker_that_drains_is_marked_and_the_pictures_are_drawn(loaded, tmp_path):
    loaded.nightly_run(300)
    until(lambda: loaded.server.query('storehand_jobs_in_hand{instance="text-1"} > 16'), timeout_s=120, every_s=0.2)
    loaded.first.ask_to_leave()  # with so much in hand that its leaving is scraped, however slow the machine

    until(
        lambda: "text drains" in {mark.title for filled in asked(loaded.server) for mark in filled.marks}, timeout_s=120
    )
    for name in DASHBOARDS:
        file = tmp_path / f"{name}.png"
        options = ["--prometheus", loaded.server.url, "--out", str(file), "--list-empty", "--last", "2m"]
        done = CliRunner().invoke(build_app(), ["preview", name, *options])
        assert done.exit_code == 0, done.output
        assert file.stat().st_size > 50_000
