"""`storehand bulk` through a real worker: interrupted, killed, resumed; the same rows come out."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from tests.pipeline.workers import Shop
from tests.waiting import until

NOUNS = (
    ("Mug", "马克杯"), ("Kettle", "电热水壶"), ("Backpack", "双肩包"), ("Desk lamp", "台灯"), ("Scarf", "围巾"),
    ("Notebook", "笔记本"), ("Frying pan", "煎锅"), ("Umbrella", "雨伞"), ("Pillow", "枕头"), ("Bath towel", "浴巾"),
)  # fmt: skip
FACTS = (("Blue", "蓝色", "Cotton", "棉"), ("Grey", "灰色", "Steel", "不锈钢"), ("Green", "绿色", "Bamboo", "竹"))
ROWS = 60


class BulkShop:
    """A shop with a worker of all tasks and the probe, and 60 products in two languages."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.source = shop.folder / "catalogue.csv"
        with self.source.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["sku", "商品名称", "color", "material", "Season"])
            for index, (english, chinese) in enumerate(NOUNS):
                for number, (color, farbe, material, stoff) in enumerate(FACTS):
                    out.writerow([f"E{index}{number}", english, color, material, "All year"])
                    out.writerow([f"Z{index}{number}", chinese, farbe, stoff, "四季"])

    def start(
        self, *args: str, out: str, task: str = "description", source: str | None = None
    ) -> subprocess.Popen[str]:
        """The command in a process of its own, which signals can hit."""
        command = [sys.executable, "-m", "storehand.cli", "bulk", task, source or str(self.source)]
        return subprocess.Popen(
            [*command, "-o", str(self.shop.folder / out), *args],
            env=self.shop.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        told = process.communicate(timeout=60)[1]
        return process.returncode, told

    def run(self, *args: str, out: str, task: str = "description", source: str | None = None) -> tuple[int, str]:
        """The command in this process, which is the quicker way."""
        command = ["bulk", task, source or str(self.source), "-o", str(self.shop.folder / out), *args]
        result = CliRunner().invoke(build_app(), command, env=self.shop.environment)
        return result.exit_code, result.stderr

    def lines(self, out: str) -> list[dict]:
        """Whole lines; a run that is still going may be writing the last one."""
        path = self.shop.folder / out
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def jobs(self, out: str) -> tuple[int, int]:
        """How many jobs a run has made, and how often they were begun."""
        with closing(sqlite3.connect(self.shop.folder / f"{out}.run" / "ledger.db")) as db:
            [run] = db.execute("SELECT value FROM meta WHERE key = 'run'").fetchone()
        with closing(sqlite3.connect(self.shop.folder / "data" / "jobs.db")) as db:
            select = "SELECT count(*), coalesce(sum(attempts), 0) FROM jobs WHERE idempotency_key LIKE ?"
            count, attempts = db.execute(select, (f"bulk/{run}/%",)).fetchone()
            return int(count), int(attempts)


@pytest.fixture(scope="module")
def bulk(five):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(five.folder / "site"))  # so that this process knows the probe task too
        yield BulkShop(five)


def answers(lines: list[dict]) -> dict[str, str]:
    """What was written, without what differs between two runs: job ids and times."""
    found = {}
    for line in lines:
        output = {name: value for name, value in line["output"].items() if name != "usage"}
        found[f"{line['row']} {line['id']}"] = json.dumps(output, sort_keys=True, ensure_ascii=False)
    return found


@pytest.mark.long
def test_interrupted_by_ctrl_c_and_by_kill_the_same_rows_come_out_once(bulk):
    whole_code, told = bulk.run("--attributes", "*", "--in-flight", "16", out="whole.jsonl")
    command = ("--attributes", "*", "--in-flight", "16")

    first = bulk.start(*command, out="broken.jsonl")
    until(lambda: len(bulk.lines("broken.jsonl")) >= 8, timeout_s=60)
    first.send_signal(signal.SIGINT)
    interrupted_code, said = bulk.finish(first)
    after_interrupt = len(bulk.lines("broken.jsonl"))
    second = bulk.start(*command, out="broken.jsonl")
    until(lambda: len(bulk.lines("broken.jsonl")) >= after_interrupt + 8, timeout_s=60)
    second.kill()
    bulk.finish(second)
    after_kill = len(bulk.lines("broken.jsonl"))
    with (bulk.shop.folder / "broken.jsonl").open("ab") as torn:
        torn.write(b'{"row": 61, "id": "half a li')
    resumed_code, resumed = bulk.run(*command, out="broken.jsonl")

    assert (whole_code, interrupted_code, resumed_code) == (0, 130, 0), told + said + resumed
    assert "Run the same command again to go on" in said
    assert 8 <= after_interrupt < after_kill < ROWS
    assert Counter(line["id"] for line in bulk.lines("broken.jsonl")) == Counter(
        line["id"] for line in bulk.lines("whole.jsonl")
    )
    assert len(bulk.lines("broken.jsonl")) == ROWS
    assert answers(bulk.lines("broken.jsonl")) == answers(bulk.lines("whole.jsonl"))
    assert bulk.jobs("broken.jsonl") == (ROWS, ROWS), "no row was done twice"


def test_texts_are_sensible_and_complete_in_both_languages(bulk):
    code, told = bulk.run("--limit", "6", "--format", "csv", "--attributes", "Season", out="texts.csv")

    with (bulk.shop.folder / "texts.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["sku"]: row for row in csv.DictReader(file)}
    assert code == 0, told
    assert "蓝" in rows["Z00"]["storehand_description"]
    assert "马克杯" in rows["Z00"]["storehand_description"]
    assert "blue" in rows["E00"]["storehand_description"].lower()
    assert {row["storehand_attribute_coverage"] for row in rows.values()} == {"1.0"}


def test_a_plugins_task_takes_its_columns_and_failures_are_asked_again(bulk):
    source = bulk.shop.folder / "probe.jsonl"
    source.write_text('{"text": "one"}\n{"text": "二", "mode": "refuse"}\n{"text": "three"}\n', encoding="utf-8")

    code, told = bulk.run(out="probe.out.jsonl", task="probe", source=str(source))
    again, _ = bulk.run("--retry-failed", out="probe.out.jsonl", task="probe", source=str(source))

    found = {line["row"]: line for line in bulk.lines("probe.out.jsonl")}
    assert (code, again) == (1, 1), told
    assert "2 answered; 1 failed (1 invalid_input)" in told
    assert [found[row]["status"] for row in (1, 2, 3)] == ["succeeded", "failed", "succeeded"]
    assert found[1]["output"]["text"] == "one"
    assert bulk.jobs("probe.out.jsonl") == (4, 4)


def test_ctrl_c_may_cancel_what_is_in_flight_and_a_later_run_asks_again(bulk):
    source = bulk.shop.folder / "slow.jsonl"
    text = "".join(json.dumps({"text": f"row {number}", "work_s": 20 if number else 0}) + "\n" for number in range(4))
    source.write_text(text, encoding="utf-8")

    slow = bulk.start("--cancel-on-interrupt", out="slow.out.jsonl", task="probe", source=str(source))
    until(lambda: len(bulk.lines("slow.out.jsonl")) == 1, timeout_s=60)
    slow.send_signal(signal.SIGINT)
    code, told = bulk.finish(slow)
    again = bulk.start("--cancel-on-interrupt", out="slow.out.jsonl", task="probe", source=str(source))
    until(lambda: bulk.jobs("slow.out.jsonl")[0] == 7, timeout_s=60)
    again.send_signal(signal.SIGINT)
    bulk.finish(again)

    assert code == 130
    assert "3 jobs in flight were cancelled" in told
    assert [line["row"] for line in bulk.lines("slow.out.jsonl")] == [1]


def test_the_page_s_examples_work_as_written_in_both_languages(bulk, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "bulk.md").read_text(encoding="utf-8")
    section = page[page.index("## A file for each task") : page.index("## One job per row")]
    for name, text in re.findall(r"```(?:csv|json) (\S+)\n(.*?)```", section, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    commands = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0].splitlines()
    monkeypatch.chdir(tmp_path)

    for command in commands:
        words = shlex.split(command, comments=True)[1:]
        result = CliRunner().invoke(build_app(), words, env=bulk.shop.environment)
        assert result.exit_code == 0, f"{command}\n{result.stderr}"

    texts, sms, rated, for_you, replies = (
        {row[key]: row for row in csv.DictReader(io.StringIO((tmp_path / name).read_text(encoding="utf-8")))}
        for name, key in (
            ("texts.csv", "sku"), ("sms.csv", "sku"), ("口碑.csv", "货号"), ("for-you.csv", "user"),
            ("replies.csv", "conversation id"),
        )
    )  # fmt: skip
    assert "1.7 l" in texts["KT-01"]["description"]
    assert texts["MG-02"]["description"] == "A mug that we described ourselves."
    assert "TEA20" in sms["MG-02"]["storehand_body"]
    assert (rated["SH-01"]["商品名称"], rated["SH-01"]["storehand_rows"]) == ("保温杯", "2")
    assert rated["BB-03"]["storehand_label"] == "positive"
    assert for_you["u2"]["storehand_items"].startswith("EN-013")
    assert for_you["用户三"]["storehand_personalised"] == "True"
    assert replies["c1"]["storehand_citations"] == "delivery"
    assert replies["c2"]["storehand_reply"] == "付款后48小时内发货，一般3到5天送达。"
    merged = [json.loads(line) for line in (tmp_path / "文案.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["货号"] for row in merged if "毫升" in row["storehand_description"]} == {"SH-01"}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_other_files_give_the_same_answers_as_a_table(bulk, ending):
    rows = [
        {"评价编号": f"r{n}", "评价内容": text} for n, text in enumerate(("很好用", "质量太差", "It broke at once."))
    ]
    table, other = bulk.shop.folder / f"{ending}.csv", bulk.shop.folder / f"reviews.{ending}"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    if ending == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), other)
    else:
        other.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

    for source in (table, other):
        code, told = bulk.run(out=f"{source.name}.out.jsonl", task="sentiment", source=str(source))
        assert code == 0, told

    assert answers(bulk.lines(f"{table.name}.out.jsonl")) == answers(bulk.lines(f"{other.name}.out.jsonl"))
