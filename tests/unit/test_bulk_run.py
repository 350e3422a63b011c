"""`storehand bulk` against a store whose jobs a thread answers: what is written, what a second run does."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from storehand.bulk.ledger import Ledger
from storehand.bulk.output import run_folder
from storehand.bulk.texts import columns_of
from storehand.cli import bulk
from storehand.cli.app import App
from storehand.errors import InvalidInput, error_class
from storehand.job import Outcome, Status
from storehand.settings import Settings
from storehand.store import open_store
from tests.unit.bulk_files import Answerer, described, lines

APP = App("for tests")
bulk.register(APP)
"""This command alone: Typer builds every command anew for every call."""


class Folder:
    """A data folder and a place for files; calling it runs `storehand bulk description`."""

    def __init__(self, path):
        self.path = path
        self.data = path / "data"
        self.out = path / "out.jsonl"

    def __call__(self, *args, source="products.jsonl", task="description", out=None):
        return CliRunner().invoke(APP, self.command(*args, source=source, task=task, out=out))

    def command(self, *args, source="products.jsonl", task="description", out=None):
        file = "-" if source == "-" else str(self.path / source)
        return [task, file, "-o", str(out or self.out), *args, "--data-dir", str(self.data)]

    def products(self, *names, file="products.jsonl", **more):
        text = "".join(json.dumps({"sku": f"S-{name}", "name": name, **more}) + "\n" for name in names)
        (self.path / file).write_text(text, encoding="utf-8")

    @property
    def written(self):
        return Counter(each["id"] for each in lines(self.out))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREHAND_SYNCHRONOUS", "NORMAL")
    return Folder(tmp_path)


def refused(job):
    return Outcome.of_error(error_class("engine")("the model is away"))


def test_every_row_gets_a_line_with_its_id_and_its_answer(folder):
    folder.products("Cup", "杯子")

    with Answerer(folder.data):
        result = folder()

    assert result.exit_code == 0, result.output
    found = {each["id"]: each for each in lines(folder.out)}
    assert {each["row"] for each in found.values()} == {1, 2}
    assert found["S-杯子"]["output"]["variants"][0]["title"] == "杯子"
    assert found["S-Cup"]["status"] == "succeeded"
    assert "2 answered; 0 failed" in result.stderr
    assert "attribute coverage 1.000" in result.stderr
    assert "name" in result.stderr
    assert "→ product.name" in result.stderr


def test_a_second_run_does_nothing_and_new_rows_are_added(folder):
    folder.products("Cup", "Bowl")
    with Answerer(folder.data) as worker:
        folder()
        again = folder()
        folder.products("Pan", "Cup", "Bowl")
        more = folder()

    assert "2 were there already" in again.stderr
    assert "1 answered; 0 failed; 2 were there already" in more.stderr
    assert folder.written == {"S-Cup": 1, "S-Bowl": 1, "S-Pan": 1}
    assert worker.answered == {"Cup": 1, "Bowl": 1, "Pan": 1}


def test_a_changed_row_is_asked_again_and_its_old_answer_leaves(folder):
    folder.products("Cup", "Bowl")
    with Answerer(folder.data):
        folder()
        (folder.path / "products.jsonl").write_text(
            '{"sku": "S-Cup", "name": "Cup"}\n{"sku": "S-Bowl", "name": "Big bowl"}\n', encoding="utf-8"
        )
        changed = folder()

    assert "1 old answers moved to" in changed.stderr
    assert {each["id"]: each["output"]["variants"][0]["title"] for each in lines(folder.out)} == {
        "S-Cup": "Cup",
        "S-Bowl": "Big bowl",
    }
    [gone] = lines(folder.path / "out.jsonl.superseded.jsonl")
    assert gone["output"]["variants"][0]["title"] == "Bowl"


def test_equal_rows_share_a_job_and_each_gets_its_line(folder):
    folder.products("Cup", "Cup", "Cup")

    with Answerer(folder.data) as worker:
        folder()
        folder()

    assert worker.answered == {"Cup": 1}
    assert sorted(each["row"] for each in lines(folder.out)) == [1, 2, 3]


def test_what_was_cut_off_in_the_middle_is_written_again_without_a_second_job(folder):
    folder.products("Cup", "Bowl", "Pan")
    with Answerer(folder.data) as worker:
        folder()
        text = folder.out.read_bytes()
        folder.out.write_bytes(text[: len(text) - 40])  # a torn last line
        again = folder()

    assert "1 rows are missing at the end" in again.stderr
    assert folder.written == {"S-Cup": 1, "S-Bowl": 1, "S-Pan": 1}
    assert worker.answered == {"Cup": 1, "Bowl": 1, "Pan": 1}


def test_lines_that_the_ledger_does_not_know_are_cut_back(folder):
    """A run that was killed between the two writes."""
    folder.products("Cup")
    with Answerer(folder.data):
        folder()
        before = folder.out.read_bytes()
        with folder.out.open("ab") as out:
            out.write(b'{"row": 2, "id": "S-Bowl", "out')
        folder()

    assert folder.out.read_bytes() == before


def test_other_options_on_the_same_output_are_refused(folder):
    folder.products("Cup")
    with Answerer(folder.data):
        folder()
        other = folder("--set", "tone=lively")
        anew = folder("--set", "tone=lively", "--restart")

    assert other.exit_code == 2
    assert "was begun with other options: --set" in other.stderr
    assert anew.exit_code == 0
    assert folder.written == {"S-Cup": 1}


def test_a_file_of_somebody_else_is_not_written_over(folder):
    folder.products("Cup")
    folder.out.write_text("precious\n", encoding="utf-8")

    result = folder()

    assert result.exit_code == 2
    assert "was not written by `storehand bulk`" in result.stderr
    assert folder.out.read_text(encoding="utf-8") == "precious\n"


def test_two_runs_on_one_output_are_refused(folder):
    folder.products("Cup")
    held = Ledger(run_folder(folder.out))

    result = folder()
    held.close()

    assert result.exit_code == 2
    assert "another `storehand bulk` is writing this output" in result.stderr


def test_bad_rows_go_to_a_file_and_the_rest_runs(folder):
    (folder.path / "p.csv").write_text("sku,name,gtin\nA,Cup,\nB,,\nC,Pan,12\n", encoding="utf-8")

    with Answerer(folder.data):
        result = folder(source="p.csv")

    rejected = lines(folder.path / "out.jsonl.rejected.jsonl")
    assert result.exit_code == 1
    assert folder.written == {"A": 1}
    assert [(each["row"], each["line"], each["id"]) for each in rejected] == [(2, 3, "B"), (3, 4, "C")]
    assert rejected[1]["problems"] == [
        {
            "reason": "must be 8, 12, 13 or 14 digits",
            "advice": "mend the cell in column 'gtin'",
            "path": "product.gtin",
            "column": "gtin",
        }
    ]


def test_strict_stops_at_the_first_bad_row(folder):
    (folder.path / "p.csv").write_text("sku,name\nA,Cup\nB,\nC,Pan\n", encoding="utf-8")

    with Answerer(folder.data) as worker:
        result = folder("--strict", source="p.csv")

    assert result.exit_code == 2
    assert "row 2 is bad and --strict stops here" in result.stderr
    assert "Pan" not in worker.answered


def test_a_dry_run_sends_nothing_and_tells_every_bad_row(folder):
    (folder.path / "p.csv").write_text("sku,name,gtin\nA,Cup,\nB,,\nC,Pan,12\n", encoding="utf-8")

    result = folder("--dry-run", "--json", source="p.csv")

    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["good"], told["bad"]) == (1, 2)
    assert [each["row"] for each in told["rows"]] == [2, 3]
    assert not folder.data.exists()
    assert not folder.out.exists()


def test_failed_rows_are_counted_by_code_and_asked_again_on_demand(folder):
    folder.products("Cup", "Bowl")
    with Answerer(folder.data, lambda job: refused(job) if job.input["product"]["name"] == "Cup" else described(job)):
        first = folder()
    with Answerer(folder.data) as worker:
        plain = folder()
        retried = folder("--retry-failed")

    assert first.exit_code == 1
    assert "1 answered; 1 failed (1 engine)" in first.stderr
    assert "1 of them failed: --retry-failed asks again" in plain.stderr
    assert retried.exit_code == 0
    assert worker.answered == {"Cup": 1}
    assert [(each["id"], each["status"]) for each in sorted(lines(folder.out), key=lambda each: each["row"])] == [
        ("S-Cup", "succeeded"),
        ("S-Bowl", "succeeded"),
    ]


def test_answers_come_in_order_on_demand_and_never_more_than_allowed_are_in_flight(folder):
    names = [f"Cup {number}" for number in range(40)]
    folder.products(*names)
    most = 0

    def slowly(job):
        nonlocal most
        most = max(most, store.stats().by_status.get(Status.QUEUED, 0) + store.stats().by_status[Status.RUNNING])
        return described(job)

    store = open_store(Settings(data_dir=folder.data))
    with Answerer(folder.data, slowly):
        folder("--in-order", "--in-flight", "8")
    store.close()

    assert [each["row"] for each in lines(folder.out)] == list(range(1, 41))
    assert 0 < most <= 8


def test_only_empty_cells_are_filled(folder):
    (folder.path / "p.csv").write_text("货号,商品名称,描述\nA,杯子,\nB,碗,自己写的\n", encoding="gb18030")
    out = folder.path / "filled.csv"

    with Answerer(folder.data) as worker:
        result = folder("--only-fill-empty", "description", source="p.csv", out=out)

    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert result.exit_code == 0, result.output
    assert "1 were filled already and are kept" in result.stderr
    assert worker.answered == {"杯子": 1}
    assert {(row["货号"], row["描述"][:8]) for row in rows} == {("A", "About 杯子"), ("B", "自己写的")}
    assert out.read_bytes().startswith(b"\xef\xbb\xbf"), "a spreadsheet needs the mark to read Chinese"


def test_filled_rows_stay_in_the_table_in_their_place_however_often_it_runs(folder):
    words = ["" if number % 3 else f"Own words {number}" for number in range(60)]
    text = "".join(f"S{number},Cup {number},{own}\n" for number, own in enumerate(words))
    (folder.path / "p.csv").write_text("sku,name,description\n" + text, encoding="utf-8")
    out = folder.path / "filled.csv"

    with Answerer(folder.data) as worker:
        for _ in range(2):
            result = folder(
                "--only-fill-empty", "description", "--in-flight", "4", source="p.csv", out=out
            )  # fmt: skip

    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert "0 answered; 0 failed; 40 were there already; 20 were filled already and are kept" in result.stderr
    assert [row["sku"] for row in rows] == [f"S{number}" for number in range(60)]
    assert [row["description"] for row in rows[::3]] == words[::3]
    assert sum(worker.answered.values()) == 40


def test_changes_alone_are_written_on_demand_and_merchant_feeds_never_take_a_persons_text(folder):
    text = '{"sku": "A", "name": "Cup"}\n{"sku": "B", "name": "Bowl", "description": "Own words"}\n'
    (folder.path / "p.jsonl").write_text(text, encoding="utf-8")
    fill = ("--only-fill-empty", "description")
    merged, merchant = folder.path / "merged.jsonl", folder.path / "feed.jsonl"

    with Answerer(folder.data):
        folder(*fill, "--format", "merged", "--changes-only", source="p.jsonl")
        folder(*fill, "--format", "merged", source="p.jsonl", out=merged)
        folder(*fill, "--format", "merchant", source="p.jsonl", out=merchant)

    assert [row["sku"] for row in lines(folder.out)] == ["A"]
    assert {row["sku"]: row["description"][:9] for row in lines(merged)} == {"A": "About Cup", "B": "Own words"}
    assert [row["id"] for row in lines(merchant)] == ["A"]


def test_a_row_that_was_filled_meanwhile_replaces_its_answer(folder):
    rows = ["sku,name,description\nA,Cup,\n", "sku,name,description\nA,Cup,Own words\n"]
    out = folder.path / "filled.csv"

    with Answerer(folder.data):
        for text in rows:
            (folder.path / "p.csv").write_text(text, encoding="utf-8")
            folder("--only-fill-empty", "description", source="p.csv", out=out)

    [row] = csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))
    assert row["description"] == "Own words"


def test_a_bad_row_of_a_group_goes_alone_and_the_groups_line_names_the_group(folder):
    text = "id,货号,商品名称,评价内容\n1,K1,水壶,很好\n2,K1,水壶,\n3,M1,杯子,\n4,K1,水壶,一般\n"
    (folder.path / "r.csv").write_text(text, encoding="utf-8")
    out = folder.path / "texts.csv"
    asked = []

    def rated(job):
        asked.append([review["reviewBody"] for review in job.input["reviews"]])
        overall = {"label": "positive", "score": 0.5, "distribution": {"positive": 1, "neutral": 1, "negative": 0}}
        return Outcome.succeeded({"overall": overall, "reviews": [{}, {}]})

    with Answerer(folder.data, rated):
        result = folder("--group-by", "货号", source="r.csv", task="sentiment", out=out)

    [row] = csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))
    rejected = lines(folder.path / "texts.csv.rejected.jsonl")
    assert result.exit_code == 1
    assert asked == [["很好", "一般"]]
    assert (row["货号"], row["商品名称"], row["storehand_rows"], row["storehand_neutral"]) == ("K1", "水壶", "2", "1")
    assert "评价内容" not in row
    assert [(each["row"], each["id"]) for each in rejected] == [(2, "K1"), (3, "M1")]
    assert [each["problems"][0]["column"] for each in rejected] == ["评价内容", "评价内容"]


def test_why_rows_failed_is_told_in_the_table_and_at_the_end(folder):
    folder.products("Cup", "Bowl")
    out = folder.path / "out.csv"

    with Answerer(folder.data, refused):
        result = folder(out=out)

    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert {row["storehand_error"] for row in rows} == {"engine: the model is away"}
    assert "2 × engine: the model is away" in result.stderr


def test_merged_rows_keep_the_shops_columns_and_gain_the_texts(folder):
    folder.products("Cup", note="own")

    with Answerer(folder.data):
        folder("--format", "merged", "--write", "description=body")

    [row] = lines(folder.out)
    assert row["note"] == "own"
    assert row["body"].startswith("About Cup")
    assert row["storehand_title"] == "Cup"


def test_merchant_center_rows_say_that_a_machine_wrote_them(folder):
    folder.products("Cup")
    table = folder.path / "feed.tsv"

    with Answerer(folder.data):
        folder("--format", "merchant")
        folder("--format", "merchant", out=table)

    [row] = lines(folder.out)
    assert row["structured_title"] == {"digital_source_type": "trained_algorithmic_media", "content": "Cup"}
    [cells] = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")), delimiter="\t")
    assert cells["structured_title"] == 'trained_algorithmic_media:"Cup"'


def test_a_text_that_a_spreadsheet_would_run_is_disarmed(folder):
    folder.products("=1+1")
    out = folder.path / "out.csv"

    with Answerer(folder.data):
        folder(out=out)

    [row] = csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))
    assert row["storehand_title"] == "'=1+1"
    assert row["name"] == "=1+1"


def test_a_limit_sends_the_first_rows_and_a_larger_one_goes_on(folder):
    folder.products("Cup", "Bowl", "Pan")

    with Answerer(folder.data) as worker:
        folder("--limit", "1")
        folder("--limit", "2")

    assert worker.answered == {"Cup": 1, "Bowl": 1}
    assert folder.written == {"S-Cup": 1, "S-Bowl": 1}


def test_jobs_that_an_interrupt_cancelled_are_asked_again(folder):
    folder.products("Cup")
    with Answerer(folder.data, refused):
        folder()
    store = open_store(Settings(data_dir=folder.data))
    [job] = store.find()
    folder.out.unlink()
    store.close()
    cancelled = _as_cancelled(folder.data, job.id)

    with Answerer(folder.data) as worker:
        result = folder()

    assert cancelled
    assert result.exit_code == 0, result.output
    assert worker.answered == {"Cup": 1}
    assert folder.written == {"S-Cup": 1}


def _as_cancelled(data, job_id):
    """The row as a cancelled run leaves it behind."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(data / "jobs.db")) as db, db:
        error = {"code": "cancelled", "message": "by its owner", "retryable": False, "details": {}}
        outcome = json.dumps({"status": "cancelled", "output": None, "error": error})
        return db.execute("UPDATE jobs SET status = 'cancelled', outcome = ? WHERE id = ?", (outcome, job_id)).rowcount


def test_a_ledger_of_another_kind_is_refused(tmp_path):
    folder = tmp_path / "out.jsonl.run"
    folder.mkdir()
    (folder / "ledger.db").write_bytes(b"no database at all, but long enough to be taken for one" * 20)

    with pytest.raises(InvalidInput, match="can't be used"):
        Ledger(folder)


def test_a_crash_while_old_answers_leave_is_mended_by_the_next_run(folder, monkeypatch):
    folder.products("Cup", "Bowl")
    with Answerer(folder.data):
        folder()
        folder.products("Cup", "Pan")
        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", _crash)
            with pytest.raises(MemoryError):
                CliRunner().invoke(APP, folder.command(), catch_exceptions=False)
        mended = folder()

    assert mended.exit_code == 0, mended.output
    assert folder.written == {"S-Cup": 1, "S-Pan": 1}
    assert [each["id"] for each in lines(folder.path / "out.jsonl.superseded.jsonl")] == ["S-Bowl"]


def _crash(path, target):
    raise MemoryError(f"{path} did not become {target}")


def test_the_client_knows_nothing_of_bulk_and_reading_text_nothing_of_parquet():
    code = (
        "import sys, storehand\n"
        "from storehand import Client\n"
        "assert not [name for name in sys.modules if 'bulk' in name]\n"
        "import storehand.bulk.run, storehand.bulk.source, storehand.cli.bulk\n"
        "print(sorted({'pyarrow', 'torch', 'pluggy'} & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]", done.stderr


def test_a_column_of_long_texts_does_not_cost_the_row(folder):
    folder.products("Cup", story="word " * 80, season="summer")

    with Answerer(folder.data):
        result = folder("--attributes", "*")

    assert result.exit_code == 0, result.output
    assert "1 × column 'story' left out: over 200 characters" in result.stderr


def test_stdin_is_read_as_lines(folder):
    with Answerer(folder.data):
        text = '{"sku": "A", "name": "Cup"}\n{"sku": "B", "name": "碗"}\n'
        result = CliRunner().invoke(APP, folder.command(source="-"), input=text)

    assert result.exit_code == 0, result.output
    assert folder.written == {"A": 1, "B": 1}


def test_without_a_worker_it_says_so_and_waits(folder, monkeypatch):
    monkeypatch.setattr("storehand.bulk.run._SILENCE_S", 0.05)
    folder.products("Cup")
    ctrl_c = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))

    ctrl_c.start()
    result = folder()
    ctrl_c.join()

    assert result.exit_code == 130
    assert "none of 1 jobs has started" in result.stderr
    assert "Start one: storehand worker" in result.stderr


def test_a_table_has_the_columns_that_its_channel_or_fields_fill():
    assert columns_of("copy", {"channel": "sms"}, is_grouped=False) == ("body", "review")
    assert columns_of("copy", {"channel": "sms", "components": ["headline"]}, is_grouped=False) == (
        "headline",
        "review",
    )
    assert "hashtags" in columns_of("copy", {}, is_grouped=False)
    assert columns_of("description", {"fields": ["title", "bullets"]}, is_grouped=False)[:2] == ("title", "bullets")
