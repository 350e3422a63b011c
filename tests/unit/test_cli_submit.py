"""`submit`, `result`, `stream`, `cancel` and `jobs` on a store without a worker."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.job import EventKind, Outcome
from storehand.settings import Settings
from storehand.store import Finish, NewEvent, open_store

KETTLE = '{"product": "Kettle, 1.7 L"}'
OUTPUT = {"text": "一把好壶"}


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREHAND_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STOREHAND_SYNCHRONOUS", "NORMAL")

    def run(*args, stdin=None):
        return CliRunner().invoke(build_app(), list(args), input=stdin)

    return run


@pytest.fixture
def store(cli, tmp_path):
    opened = open_store(Settings(data_dir=tmp_path))
    yield opened
    opened.close()


def submitted(cli, *options, task="description", data=KETTLE):
    return cli("submit", task, data, *options).stdout.strip()


def ended(store, job_id, outcome, *, texts=()):
    [claim] = store.claim([job_id], "w", 30, max_crashes=3)
    store.append(job_id, claim.job.attempts, [NewEvent(EventKind.DELTA, {"text": text}) for text in texts])
    assert store.finish([Finish(job_id, outcome, owner="w", attempt=claim.job.attempts)]) == [True]


def failed(code="invalid_input", message="no such colour"):
    from storehand.errors import error_class

    return Outcome.of_error(error_class(code)(message))


def test_only_the_id_goes_to_stdout(cli, store):
    result = cli("submit", "description", KETTLE, "--priority", "interactive", "--tenant", "shop-7")

    [job] = store.find()
    assert result.exit_code == 0
    assert result.stdout == f"{job.id}\n"
    assert f"storehand result {job.id}" in result.stderr
    assert (job.priority, job.tenant, job.input["product"]["name"]) == ("interactive", "shop-7", "Kettle")


def test_input_comes_from_stdin_too(cli, store):
    cli("submit", "description", "-", stdin='{"product": "电热水壶，1.7升"}')

    assert store.find()[0].input["product"]["name"] == "电热水壶"


def test_deadline_and_delay_count_from_now(cli, store):
    submitted(cli, "--deadline", "90s", "--delay", "1m")

    job = store.find()[0]
    assert job.deadline - job.created_at == pytest.approx(90, abs=5)
    assert job.not_before - job.created_at == pytest.approx(60, abs=5)


def test_the_same_key_gives_the_first_job_and_another_input_is_refused(cli):
    first = submitted(cli, "--idempotency-key", "sku-1")

    again = submitted(cli, "--idempotency-key", "sku-1")
    other = cli("submit", "description", '{"product": "Lamp"}', "--idempotency-key", "sku-1")

    assert again == first
    assert other.exit_code == 2
    assert other.stderr.startswith("idempotency_conflict: ")


@pytest.mark.parametrize(
    ("task", "data", "message"),
    [
        ("description", "{oops", "invalid_input: the input is not JSON"),
        ("description", '{"produkt": "Kettle"}', "invalid_input: .*produkt"),
        ("descripton", KETTLE, "unknown_task: no task 'descripton' is known here, only .*description"),
    ],
)
def test_a_wrong_submit_writes_nothing_and_exits_2(cli, store, task, data, message):
    result = cli("submit", task, data)

    assert result.exit_code == 2
    assert not store.find()
    assert re.match(message, result.stderr)


@pytest.mark.parametrize("data", ["{oops", '{"produkt": "Kettle"}'])
def test_the_hint_at_the_schema_names_the_task(cli, data):
    assert "→ `storehand schema description` prints" in cli("submit", "description", data).stderr


def test_an_unknown_task_goes_out_when_the_caller_insists(cli, store):
    submitted(cli, "--unchecked", task="tagline", data='{"anything": 1}')

    assert store.find()[0].task == "tagline"


def test_lines_are_many_jobs_in_bulk(cli, store, tmp_path):
    file = tmp_path / "catalogue.jsonl"
    file.write_text('{"product": "Kettle"}\n\n{"product": "台灯"}\n', encoding="utf-8")

    result = cli("submit", "description", f"@{file}", "--lines", "--idempotency-key", "spring")

    jobs = {job.id: job for job in store.find()}
    found = [jobs[line] for line in result.stdout.splitlines()]
    assert [job.input["product"]["name"] for job in found] == ["Kettle", "台灯"]
    assert [job.idempotency_key for job in found] == ["spring/1", "spring/2"]
    assert {job.priority for job in found} == {"bulk"}


def test_one_bad_line_is_named_and_no_line_is_sent(cli, store):
    result = cli("submit", "description", "-", "--lines", stdin='{"product": "Kettle"}\n{"product": ""}\n')

    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert not store.find()


def test_an_answer_that_is_not_there_yet_exits_3(cli):
    job_id = submitted(cli)

    at_once = cli("result", job_id)
    after_a_while = cli("result", job_id, "--timeout", "0.05s")

    assert (at_once.exit_code, after_a_while.exit_code) == (3, 3)
    assert "is queued" in at_once.stderr
    assert f"storehand result {job_id} --timeout 60s" in after_a_while.stderr


def test_a_submit_that_waits_in_vain_says_how_to_ask_again(cli, store):
    result = cli("submit", "description", KETTLE, "--wait", "--timeout", "0.05s")

    assert result.exit_code == 3
    assert f"storehand result {store.find()[0].id} --timeout 60s" in result.stderr


def test_an_answer_is_printed_as_json(cli, store):
    job_id = submitted(cli)
    ended(store, job_id, Outcome.succeeded(OUTPUT))

    plain, full = cli("result", job_id), cli("result", job_id, "--json")

    assert json.loads(plain.stdout) == OUTPUT
    assert json.loads(full.stdout) == {"id": job_id, "status": "succeeded", "output": OUTPUT}


def test_a_failed_job_prints_its_code_and_exits_1_whatever_the_code(cli, store):
    job_id = submitted(cli)
    ended(store, job_id, failed())

    plain, full = cli("result", job_id), cli("result", job_id, "--json")

    assert (plain.exit_code, full.exit_code) == (1, 1)
    assert plain.stderr.startswith("invalid_input: no such colour")
    assert json.loads(full.stdout)["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("command", [["result"], ["stream"], ["cancel"], ["jobs", "show"]])
def test_a_job_that_does_not_exist_is_a_usage_error(cli, command):
    result = cli(*command, "no-such-job")

    assert result.exit_code == 2
    assert result.stderr.startswith("job_not_found: there is no job no-such-job")


def test_a_stream_is_the_text_and_nothing_else(cli, store):
    job_id = submitted(cli)
    ended(store, job_id, Outcome.succeeded(OUTPUT), texts=["一把", "好壶"])

    result = cli("stream", job_id)

    assert result.exit_code == 0
    assert result.stdout == "一把好壶\n"


def test_a_stream_as_json_has_an_event_per_line_and_ends_with_the_outcome(cli, store):
    job_id = submitted(cli)
    ended(store, job_id, Outcome.succeeded(OUTPUT), texts=["一把", "好壶"])

    lines = [json.loads(line) for line in cli("stream", job_id, "--json", "--after", "1").stdout.splitlines()]

    assert [line.get("kind") for line in lines] == ["delta", "end", None]
    assert lines[0]["data"] == {"text": "好壶"}
    assert lines[-1] == {"id": job_id, "status": "succeeded", "output": OUTPUT}


def test_a_stream_of_a_failed_job_exits_1(cli, store):
    job_id = submitted(cli)
    ended(store, job_id, failed("plugin", "it broke"), texts=["half a"])

    result = cli("stream", job_id)

    assert result.exit_code == 1
    assert result.stdout == "half a\n"
    assert "plugin: it broke" in result.stderr


def test_a_text_that_begins_anew_is_said_to(cli, store):
    job_id = submitted(cli)
    [claim] = store.claim([job_id], "w", 30, max_crashes=3)
    new = [
        NewEvent(EventKind.DELTA, {"text": "wrong"}),
        NewEvent(EventKind.PROGRESS, {"text": "checking"}),
        NewEvent(EventKind.DELTA, {"text": " so far"}),
        NewEvent(EventKind.SNAPSHOT, {"text": "right"}),
    ]
    store.append(job_id, 1, new)
    store.finish([Finish(job_id, Outcome.succeeded(OUTPUT), owner="w", attempt=claim.job.attempts)])

    result = cli("stream", job_id)

    assert result.stdout == "wrong\n so far\nright\n"
    assert result.stderr.splitlines()[:2] == ["… checking", "the text begins anew:"]


def test_a_queued_job_is_cancelled_at_once(cli, store):
    job_id = submitted(cli)

    first, second = cli("cancel", job_id, "--json"), cli("cancel", job_id)

    assert json.loads(first.stdout) == {"id": job_id, "status": "cancelled"}
    assert second.exit_code == 0
    assert store.get([job_id])[job_id].outcome.code == "cancelled"


def test_waiting_for_a_cancelled_job_exits_1_with_its_code(cli):
    job_id = submitted(cli)
    cli("cancel", job_id)

    assert cli("result", job_id, "--wait").stderr.startswith("cancelled: ")


def test_jobs_lists_the_newest_first_and_filters(cli, store):
    kettle = submitted(cli)
    review = submitted(cli, task="sentiment", data='{"reviews": [{"id": "1", "reviewBody": "很好"}]}')
    ended(store, kettle, failed())

    everything = json.loads(cli("jobs", "--json").stdout)
    some = json.loads(cli("jobs", "--status", "failed", "--task", "description", "--json").stdout)
    table = cli("jobs", "--limit", "1").stdout.splitlines()

    assert [job["id"] for job in everything] == [review, kettle]
    assert [(job["id"], job["outcome"]["error"]["code"]) for job in some] == [(kettle, "invalid_input")]
    assert table[0].split()[:3] == ["id", "task", "status"]
    assert table[1].split()[:4] == [review, "sentiment", "queued", "standard"]


def test_jobs_show_tells_the_whole_story(cli, store):
    job_id = submitted(cli, "--idempotency-key", "sku-9", "--deadline", "1h")
    ended(store, job_id, Outcome.succeeded(OUTPUT), texts=["一把好壶"])

    told, machine = cli("jobs", "show", job_id).stdout, json.loads(cli("jobs", "show", job_id, "--json").stdout)

    for part in (
        "sku-9",
        "created",
        "attempt 1 began at w",
        "the first piece of its text was streamed",
        "ended: succeeded",
        "deadline",
        "Kettle",
    ):
        assert part in told
    assert told.index("created") < told.index("attempt 1") < told.index("ended: ") < told.index("deadline")
    assert [event["kind"] for event in machine["events"]] == ["delta", "end"]


def test_no_colour_leaves_on_a_pipe(cli):
    submitted(cli)

    assert "\x1b" not in cli("jobs").output
