"""`storehand schema` and `storehand plugins`: what this installation can do."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from tests.pipeline.workers import Shop


@pytest.fixture
def cli():
    return lambda *args: CliRunner().invoke(build_app(), list(args))


@pytest.fixture
def probe_is_installed(tmp_path, monkeypatch):
    Shop(tmp_path)  # lays the probe plugin's distribution down, as pip would
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("STOREHAND_DATA_DIR", str(tmp_path))


def test_a_schema_speaks_camel_case(cli):
    given = json.loads(cli("schema", "description").stdout)
    answered = json.loads(cli("schema", "description", "--output").stdout)

    assert {"product", "nVariants", "locale"} <= set(given["properties"])
    assert "positiveNotes" in given["$defs"]["Product"]["properties"]
    assert "chosen" in answered["properties"]


def test_the_list_shows_the_words_of_the_contracts_as_they_are(cli):
    listed = cli("schema").stdout

    assert "`variants[chosen]` is the one to use" in listed


def test_tasks_of_plugins_have_schemas_too(cli, probe_is_installed):
    listed = cli("schema").stdout
    given = json.loads(cli("schema", "probe").stdout)

    tasks = ["chat", "copy", "description", "probe", "recommendation", "sentiment"]
    assert [line.split()[0] for line in listed.splitlines()[1:]] == tasks
    assert "workS" in given["properties"]


def test_a_task_nobody_brings_is_named_with_those_that_are_there(cli):
    result = cli("schema", "descripton")

    assert result.exit_code == 2
    assert "no task 'descripton' here; there are: chat, copy, description, recommendation, sentiment" in result.stderr


def test_plugins_are_listed_with_where_they_come_from(cli, probe_is_installed):
    found = {each["name"]: each for each in json.loads(cli("plugins", "--json").stdout)}

    assert (found["probe"]["distribution"], found["probe"]["version"]) == ("storehand-probe", "1")
    assert (found["probe"]["tasks"], found["probe"]["state"]) == (["probe"], "ready")
    assert found["sentiment"]["roles"] == {"sentiment": "classify"}


def test_a_plugin_that_is_not_enabled_is_listed_as_such(cli, probe_is_installed, monkeypatch):
    monkeypatch.setenv("STOREHAND_PLUGINS", '["sentiment"]')

    found = {each["name"]: each["state"] for each in json.loads(cli("plugins", "--json").stdout)}

    assert (found["probe"], found["sentiment"]) == ("not enabled", "ready")


def test_a_broken_plugin_is_red_with_its_reason(cli, tmp_path, monkeypatch):
    info = tmp_path / "storehand_sick-2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-sick\nVersion: 2\n")
    (info / "entry_points.txt").write_text("[storehand]\nsick = storehand_no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    result = cli("plugins")

    line = next(line for line in result.stdout.splitlines() if line.startswith("sick"))
    assert result.exit_code == 1
    assert "storehand-sick 2" in line
    assert "broken: its import failed: ModuleNotFoundError" in line
