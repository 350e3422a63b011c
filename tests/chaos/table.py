"""The kill table: `python -m tests.chaos.table [--only redis+redis] [--rows kill] [--quick] [--write RELIABILITY.md]`.

Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.bench.machine import describe
from tests.chaos.play import play
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.chaos.stand import COMBINATIONS, Combination, Stand
from tests.chaos.witness import Verdict

HEAD = (
    "| what happens | jobs | lost | answered twice | wrong answer | ran more than once | next answer after, s |"
    " all in hand answered after, s | slowest submit, s |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    logging.getLogger("storehand.client").setLevel(logging.ERROR)  # outages are what this is about
    arguments = _arguments()
    console = Console(stderr=True)
    is_clean = True
    chosen = [Combination(*name.split("+")) for name in arguments.only or ()]
    for combination in chosen or COMBINATIONS:
        if reason := Stand.missing(combination):
            console.print(f"[yellow]{combination}: left out, {reason}")
            continue
        rows = _table(combination, arguments, console)
        is_clean &= all(verdict.is_clean for _, verdict in rows)
        text = render(combination, rows, quick=arguments.quick)
        print(text)
        if arguments.write:
            write(arguments.write, combination, text)
    return 0 if is_clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.table", description=__doc__)
    parser.add_argument("--only", action="append", help="a combination such as rabbitmq+postgres; may be repeated")
    parser.add_argument("--rows", default="", help="only scenarios with this in their name")
    parser.add_argument("--quick", action="store_true", help="fewer jobs, shorter outages, short leases")
    parser.add_argument("--write", type=Path, help="put the tables into this page")
    parser.add_argument("--keep", type=Path, help="leave logs and ledgers in this folder")
    return parser.parse_args()


def _table(combination: Combination, arguments: argparse.Namespace, console: Console) -> list[tuple[Scenario, Verdict]]:
    servers = {"broker": combination.broker != "embedded", "store": combination.store != "sqlite"}
    wanted = [each for each in SCENARIOS if arguments.rows in each.name and all(servers[need] for need in each.needs)]
    rows = []
    with Stand(combination) as stand, _progress(console) as progress, tempfile.TemporaryDirectory() as temporary:
        bar = progress.add_task(str(combination), total=len(wanted), state="")
        for number, scenario in enumerate(wanted):
            folder = (arguments.keep or Path(temporary)) / f"{combination}-{number}"
            began = time.monotonic()
            verdict = play(
                scenario, stand, folder, quick=arguments.quick,
                tell=lambda state, name=scenario.name: progress.update(bar, state=f"{name}: {state}"),
            )  # fmt: skip
            progress.advance(bar)
            took = f"{line(scenario, verdict)} took {time.monotonic() - began:.0f} s"
            console.print(took, soft_wrap=True, highlight=False, markup=False)
            for problem in (*verdict.notes, *verdict.wrong[:5], *verdict.lost[:5], *verdict.twice[:5]):
                console.print(f"  {problem}", soft_wrap=True, style="red", markup=False)
            rows.append((scenario, verdict))
    return rows


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[state]}"), console=console, transient=True)


def line(scenario: Scenario, verdict: Verdict) -> str:
    times = [_seconds([each.next_s for each in verdict.recovered])]
    times.append(_seconds([each.in_hand_s for each in verdict.recovered]))
    counts = [verdict.jobs, len(verdict.lost), len(verdict.twice), len(verdict.wrong), verdict.again]
    return " | ".join([f"| {scenario.name}", *map(str, counts), *times, f"{verdict.slowest_submit_s:.1f} |"])


def _seconds(found: list[float]) -> str:
    """The median, and the worst of several."""
    if not found:
        return "-"
    worst = f" (worst {max(found):.1f})" if len(found) > 1 else ""
    return f"{statistics.median(found):.1f}{worst}"


def render(combination: Combination, rows: list[tuple[Scenario, Verdict]], *, quick: bool) -> str:
    how = f"python -m tests.chaos.table --only {combination}" + (" --quick" if quick else "")
    title = f"### Broker {combination.broker}, store {combination.store}"
    lines = [line(scenario, verdict) for scenario, verdict in rows]
    return "\n".join([title, "", f"`{how}`, {time.strftime('%Y-%m-%d')}, {describe()}", "", HEAD, *lines, ""])


def write(page: Path, combination: Combination, text: str) -> None:
    """Replaces what stands between the combination's marks."""
    begin, end = f"<!-- {combination} -->", f"<!-- end {combination} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
