"""doctor says how things stand and what to do."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.cli.checks import Check, Light
from storehand.cli.doctor import examine
from storehand.cli.exits import extra_missing
from storehand.cli.origins import mask
from storehand.cli.probes import data_folder, environment
from storehand.cli.reach import broker, store, workers
from storehand.client import Client
from storehand.contracts import DescriptionInput
from storehand.errors import Unavailable
from storehand.settings import Settings


def lights(checks):
    return {check.name: check.light for check in checks}


def named(checks, name):
    return next(check for check in checks if check.name == name)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def settings(tmp_path, free_port):
    return Settings(data_dir=tmp_path / "shop", synchronous="NORMAL", http_port=free_port)


def test_a_fresh_installation_has_nothing_red_and_doctor_makes_no_files(settings):
    checks = [check for probe in (environment, data_folder, broker, store, workers) for check in probe(settings)]

    assert Light.RED not in lights(checks).values()
    assert not settings.data_dir.exists()
    assert named(checks, "running").advice == "start one: `storehand worker`"


def test_what_waits_is_counted_in_broker_and_store(settings):
    with Client(settings) as client:
        client.submit(DescriptionInput(product="Kettle"))
        client.submit(DescriptionInput(product="电热水壶"))

    assert named(broker(settings), "waiting").detail == "storehand.text.standard 2 (in hand 0)"
    assert "2 queued" in named(store(settings), "jobs").detail


def test_the_guarantee_of_the_synchronous_mode_is_said(settings):
    full = Settings(data_dir=settings.data_dir, synchronous="FULL")

    assert "power loss may take the last ones" in named(store(settings), "guarantee").detail
    assert named(store(full), "guarantee").detail.endswith("survives process death and power loss")


def test_an_unreachable_broker_is_red_quickly_and_its_password_is_masked(tmp_path, free_port):
    settings = Settings(data_dir=tmp_path, broker_url=f"amqp://shop:geheim@127.0.0.1:{free_port}//")

    [check] = broker(settings)

    assert check.light is Light.RED
    assert "geheim" not in check.detail
    assert f"amqp://shop:***@127.0.0.1:{free_port}" in check.detail


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:geheim@host:6379/0", "redis://:***@host:6379/0"),
        ("amqp://shop:ge:heim@host//", "amqp://shop:***@host//"),
        ("amqp://shop:p%40ss@host//", "amqp://shop:***@host//"),
        ("amqp://shop:p@ss/w@host//", "amqp://shop:***@host//"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("sqlite:///tmp/a@b/jobs.db", "sqlite:///tmp/a@b/jobs.db"),
    ],
)
def test_a_password_never_shows(url, shown):
    assert mask(url) == shown


def test_workers_are_not_looked_for_behind_a_broker_that_is_away(tmp_path, free_port):
    settings = Settings(data_dir=tmp_path, broker_url=f"amqp://127.0.0.1:{free_port}//")

    assert lights(workers(settings)) == {"running": Light.GREY}


def test_a_readyz_that_is_red_is_quoted(tmp_path):
    class Sick(BaseHTTPRequestHandler):
        def do_GET(self):  # http.server's name
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"the engine of 'text' is dead")

        def log_message(self, *args):
            pass

    settings = Settings(data_dir=tmp_path)
    with Client(settings) as client:
        client.submit(DescriptionInput(product="Kettle"))
    with HTTPServer(("127.0.0.1", 0), Sick) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        checks = list(workers(Settings(data_dir=tmp_path, http_port=server.server_port)))
        server.shutdown()

    assert named(checks, "/readyz").light is Light.RED
    assert "503 the engine of 'text' is dead" in named(checks, "/readyz").detail
    assert named(checks, "running").light is Light.YELLOW


def test_dead_letters_are_yellow_and_the_advice_names_the_command_that_shows_them(settings):
    with Client(settings) as client:
        client.store.bury(queue="storehand.text.standard", reason="no JSON", body="{oops")

    letters = named(store(settings), "dead letters")

    assert (letters.light, letters.detail) == (Light.YELLOW, "1")
    assert "`storehand dead list`" in letters.advice


def test_a_queue_that_no_running_worker_reads_is_yellow_with_the_worker_to_start(settings):
    with Client(settings) as client:
        client.submit(DescriptionInput(product="Kettle"))

    unread = named(workers(settings), "storehand.text.standard")

    assert (unread.light, unread.detail) == (Light.YELLOW, "1 waiting, and no running worker reads it")
    assert "`storehand worker --queues text`" in unread.advice


def test_a_port_that_is_chosen_at_start_is_not_asked(tmp_path):
    settings = Settings(data_dir=tmp_path, synchronous="NORMAL", http_port=0)
    with Client(settings) as client:
        client.submit(DescriptionInput(product="Kettle"))

    readyz = named(workers(settings), "/readyz")

    assert readyz.light is Light.GREY
    assert "stands in the worker's log" in readyz.detail


def test_a_misspelt_setting_is_found_with_its_right_name(settings, monkeypatch):
    monkeypatch.setenv("STOREHAND_LEASE", "20")
    monkeypatch.setenv("STOREHAND_MODELS__text__model", "starter")

    checks = list(environment(settings))

    assert named(checks, "STOREHAND_LEASE").advice == "did you mean STOREHAND_LEASE_S?"
    assert not [check for check in checks if "MODELS" in check.name]


def test_a_config_file_that_is_not_there_is_red(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("STOREHAND_CONFIG", str(tmp_path / "nothing.toml"))

    assert named(environment(settings), "file").light is Light.RED


def test_a_folder_that_cannot_be_made_is_red(tmp_path):
    (tmp_path / "file").touch()

    checks = list(data_folder(Settings(data_dir=tmp_path / "file" / "shop")))

    assert named(checks, "writable").light is Light.RED


def test_a_probe_that_breaks_is_one_red_line_and_the_others_go_on(settings):
    def broken(settings):
        yield Check("a", "fine", Light.GREEN, "ok")
        raise ZeroDivisionError("sick")

    def unavailable(settings):
        raise Unavailable("no store")

    assert [check.light for check in examine(broken, settings)] == [Light.GREEN, Light.RED]
    assert [(check.name, check.detail) for check in examine(unavailable, settings)] == [("unavailable", "no store")]


@pytest.fixture
def doctor(tmp_path, monkeypatch, free_port):
    monkeypatch.setenv("STOREHAND_HTTP_PORT", str(free_port))

    def run(*args):
        return CliRunner().invoke(build_app(), ["doctor", "--data-dir", str(tmp_path / "shop"), *args])

    return run


def test_every_setting_says_where_it_comes_from(doctor, monkeypatch, tmp_path):
    file = tmp_path / "shop.toml"
    file.write_text('lease_s = 20\n[models.text]\nmodel = "starter"\n')
    monkeypatch.setenv("STOREHAND_CONFIG", str(file))
    monkeypatch.setenv("STOREHAND_BROKER_URL", "redis://:geheim@127.0.0.1:1/0")

    told = doctor("--json").stdout

    found = {each["name"]: each for each in json.loads(told)["settings"]}
    assert set(found) == set(Settings.model_fields)
    assert found["data_dir"]["source"] == "argument"
    assert found["broker_url"] == {
        "name": "broker_url", "value": "redis://:***@127.0.0.1:1/0", "source": "STOREHAND_BROKER_URL"
    }  # fmt: skip
    assert (found["lease_s"]["value"], found["lease_s"]["source"]) == (20, str(file))
    assert found["models"]["source"] == str(file)
    assert found["drain_s"]["source"] == "default"
    assert "geheim" not in told


def test_something_red_exits_1(doctor, monkeypatch):
    monkeypatch.setenv("STOREHAND_MODELS__text__model", "/no/such/folder")

    result = doctor("--json")

    red = [check for check in json.loads(result.stdout)["checks"] if check["light"] == "red"]
    assert result.exit_code == 1
    assert {(check["area"], check["name"]) for check in red} >= {("models", "text")}
    assert all(check["advice"] for check in red)


def test_settings_that_contradict_each_other_are_told_not_traced(doctor, monkeypatch):
    monkeypatch.setenv("STOREHAND_SOFT_TIME_LIMIT_S", "900")

    result = doctor()

    assert result.exit_code == 2
    assert result.stderr.startswith("settings: ")
    assert "soft_time_limit_s must not be over time_limit_s" in result.stderr


def test_a_machine_without_the_worker_is_not_ill(settings):
    def worker_side(settings):
        raise extra_missing("doctor", "no module 'pluggy'")

    [check] = examine(worker_side, settings)

    assert check.light is Light.GREY
    assert "storehand[worker,models]" in check.advice
