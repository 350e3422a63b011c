"""`storehand bulk` through a real worker: interrupted, killed, resumed; the same rows come out."""

from __future__ import annotations

import csv
import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing

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
    """A shop with a worker that describes and probes, and 60 products in two languages."""

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
def bulk(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("bulk"), plugins='["probe", "description"]')
    worker = shop.worker()
    worker.start()  # with more patience than `with worker` has: it loads a model
    try:
        until(worker.is_ready, timeout_s=120)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(shop.folder / "site"))  # so that this process knows the probe task too
            yield BulkShop(shop)
    finally:
        worker.__exit__(None, None, None)


def answers(lines: list[dict]) -> dict[str, str]:
    """What was written, without what differs between two runs: job ids and times."""
    found = {}
    for line in lines:
        output = {name: value for name, value in line["output"].items() if name != "usage"}
        found[f"{line['row']} {line['id']}"] = json.dumps(output, sort_keys=True, ensure_ascii=False)
    return found


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


def test_without_a_worker_it_says_so_and_waits(tmp_path):
    shop = Shop(tmp_path)
    lonely = BulkShop(shop)
    waiting = lonely.start("--limit", "1", out="out.jsonl")
    assert waiting.stderr is not None
    told = next(line for line in waiting.stderr if "has started" in line)
    waiting.send_signal(signal.SIGINT)

    assert "Start one: storehand worker" in told
    assert lonely.finish(waiting)[0] == 130
