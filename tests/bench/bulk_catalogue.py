"""Sends a free catalogue through `storehand bulk` and a real worker, whole, interrupted and killed, and compares.

    python -m tests.bench.bulk_catalogue [--rows 2000] [--file retail_demo_store.jsonl.gz] [--keep FOLDER]

The catalogue is the retail demo store's product list (MIT-0), which is not part of this project: without the file the
command says so and ends. Every run has an output of its own, hence jobs of its own; equal texts show that a row's seed
follows from its content and from nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEFAULT_FILE = ROOT.parent / "shared" / "data" / "product_copy_en" / "retail_demo_store.jsonl.gz"


class Catalogue:
    """One data folder with a worker."""

    def __init__(self, file: Path, rows: int, folder: Path) -> None:
        self.file, self.rows, self.folder = file, rows, folder
        kept = {key: value for key, value in os.environ.items() if not key.startswith("STOREHAND_")}
        ours = {"STOREHAND_DATA_DIR": str(folder / "data"), "STOREHAND_HTTP_PORT": "0", "OMP_NUM_THREADS": "1"}
        self.environment = {**kept, **ours, "HF_HUB_OFFLINE": "1"}

    @contextmanager
    def worker(self):
        with (self.folder / "worker.log").open("wb") as log:
            command = [sys.executable, "-m", "storehand.cli", "worker", "--plugins", "description"]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def start(self, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "storehand.cli", "bulk", "description", str(self.file)]
        options = ["-o", str(self.folder / name), "--limit", str(self.rows), "--attributes", "style"]
        return subprocess.Popen([*command, *options], env=self.environment, stderr=subprocess.PIPE, text=True)

    def finish(self, process: subprocess.Popen[str]) -> int:
        told = process.communicate()[1]
        lines = [line for line in told.splitlines() if re.search(r"answered|rows/s · .*coverage|stopped;", line)]
        print("   " + "\n   ".join(lines), flush=True)
        return process.returncode

    def count(self, name: str) -> int:
        path = self.folder / name
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def interrupt(self, name: str, at: int, number: signal.Signals) -> None:
        process = self.start(name)
        while self.count(name) < at and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(number)
        print(f"   {number.name} at {self.count(name)} rows, exit code {self.finish(process)}", flush=True)

    def answers(self, name: str) -> list[str]:
        """Sorted, without job ids and times."""
        found = []
        with (self.folder / name).open(encoding="utf-8") as file:
            for line in map(json.loads, file):
                output = {key: value for key, value in (line.get("output") or {}).items() if key != "usage"}
                found.append(json.dumps([line["row"], line["id"], line["status"], output], sort_keys=True))
        return sorted(found)

    def jobs(self, name: str) -> tuple[int, int]:
        """How many jobs the run has made, and how often one of them was begun."""
        with closing(sqlite3.connect(self.folder / f"{name}.run" / "ledger.db")) as db:
            [run] = db.execute("SELECT value FROM meta WHERE key = 'run'").fetchone()
        with closing(sqlite3.connect(self.folder / "data" / "jobs.db")) as db:
            select = "SELECT count(*), sum(attempts) FROM jobs WHERE idempotency_key LIKE ?"
            return db.execute(select, (f"bulk/{run}/%",)).fetchone()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--keep", type=Path, help="folder for outputs, store and log")
    given = parser.parse_args()
    if not given.file.exists():
        print(f"skipped: {given.file.name} is not here; --file names a catalogue with name, category, style, price_usd")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        return measure(Catalogue(given.file, given.rows, folder))


def measure(shop: Catalogue) -> int:
    print(f"{shop.rows} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with shop.worker():
        print("whole", flush=True)
        shop.finish(shop.start("whole.jsonl"))
        print("interrupted by Ctrl-C, then killed, then resumed", flush=True)
        shop.interrupt("broken.jsonl", shop.rows // 3, signal.SIGINT)
        shop.interrupt("broken.jsonl", 2 * shop.rows // 3, signal.SIGKILL)
        shop.finish(shop.start("broken.jsonl"))
    whole, broken = shop.answers("whole.jsonl"), shop.answers("broken.jsonl")
    same = sum(one == other for one, other in zip(whole, broken, strict=False))
    jobs, begun = shop.jobs("broken.jsonl")
    print(f"rows out: {len(whole)} and {len(broken)}; equal: {same}")
    print(f"jobs of the broken run: {jobs}, begun {begun} times")
    return 0 if len(whole) == len(broken) == same == shop.rows == jobs else 1


if __name__ == "__main__":
    sys.exit(main())
