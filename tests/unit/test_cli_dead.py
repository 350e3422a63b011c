"""`storehand dead`: what was laid aside can be looked at, tried again and dropped without opening a database."""

from __future__ import annotations

import json
import time

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.settings import Settings
from storehand.store import open_store

BODY = '{"jobs": "电热水壶",\n "oops'


@pytest.fixture
def cli(tmp_path):
    return lambda *args: CliRunner().invoke(build_app(), ["dead", *args, "--data-dir", str(tmp_path)])


@pytest.fixture
def store(tmp_path):
    opened = open_store(Settings(data_dir=tmp_path, synchronous="NORMAL"))
    yield opened
    opened.close()


def test_dead_letters_are_listed_newest_first_with_their_reasons(cli, store):
    store.bury(queue="storehand.text.standard", reason="the body is no JSON", body=BODY)
    store.bury(queue="storehand.encoder.bulk", reason="its worker died under it", body="{}", job_id="job-7")

    machine = json.loads(cli("list", "--json").stdout)
    head, first, second = [line.split() for line in cli().stdout.splitlines() if line.strip()]

    assert [(each["id"], each["queue"], each["job_id"]) for each in machine] == [
        ("2", "storehand.encoder.bulk", "job-7"),
        ("1", "storehand.text.standard", None),
    ]
    assert machine[1]["reason"] == "the body is no JSON"
    assert machine[1]["at"] == pytest.approx(time.time(), abs=60)
    assert head == ["id", "when", "queue", "job", "reason"]
    assert (first[0], first[3:5]) == ("2", ["storehand.encoder.bulk", "job-7"])
    assert " ".join(second).endswith("storehand.text.standard the body is no JSON")


def test_show_prints_the_body_as_it_came_and_the_reason_beside_it(cli, store):
    store.bury(queue="storehand.text.standard", reason="the body is no JSON", body=BODY, job_id="job-7")

    told = cli("show", "1")

    assert told.exit_code == 0
    assert told.stdout == BODY + "\n"
    assert "storehand.text.standard, job job-7: the body is no JSON" in told.stderr
    assert json.loads(cli("show", "1", "--json").stdout)["body"] == BODY


def test_a_dead_letter_that_does_not_exist_is_a_usage_error(cli, store):
    result = cli("show", "9")

    assert result.exit_code == 2
    assert result.stderr.startswith("job_not_found: there is no dead letter 9")
    assert "`storehand dead list` lists them" in result.stderr


def test_none_at_all_is_said_and_is_an_empty_list_for_machines(cli, store):
    assert "0 dead letter(s)" in cli().stderr
    assert json.loads(cli("--json").stdout) == []


def test_the_limit_says_how_many_there_are(cli, store):
    for number in range(3):
        store.bury(queue="q", reason=f"reason {number}", body="")

    assert "3 dead letter(s), 2 shown" in cli("--limit", "2").stderr
