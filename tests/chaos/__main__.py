"""Random faults under a steady, mixed load, then calm, then the count: `python -m tests.chaos --minutes 5`.

Exit code 1 when a promise was broken; the line to repeat a run is printed first and last. The order of faults comes
from the seed, what meets what in the processes does not.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos.stand import COMBINATIONS, Combination, Stand
from tests.chaos.storm import Storm
from tests.chaos.witness import Verdict


def main() -> int:
    logging.getLogger("storehand.client").setLevel(logging.ERROR)  # outages are what this is about
    arguments = _arguments()
    console = Console(stderr=True)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10_000)
    chosen = [Combination(*name.split("+")) for name in arguments.broker or ()] or list(COMBINATIONS)
    chosen = [each for each in chosen if not _left_out(each, console)]
    minutes = arguments.minutes / max(1, len(chosen))
    is_clean = True
    for combination in chosen:
        again = f"python -m tests.chaos --minutes {minutes:g} --broker {combination} --seed {seed}"
        console.print(f"[bold]{combination}[/]: {again}", highlight=False, soft_wrap=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = (arguments.keep or Path(temporary)) / str(combination)
            with _progress(console) as progress:
                bar = progress.add_task(str(combination), total=minutes * 60, state="")
                storm = Storm(combination, folder, duration_s=minutes * 60, seed=seed, per_s=arguments.per_s)
                verdict, done = storm.run(
                    lambda at_s, state, bar=bar: progress.update(bar, completed=at_s, state=state)
                )  # type: ignore[misc]  # bound by its default
        print(report(combination, verdict, done, again))
        is_clean &= verdict.is_clean
    return 0 if is_clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="of faults, shared by the combinations")
    parser.add_argument("--broker", action="append", help="a combination such as redis+redis; may be repeated")
    parser.add_argument("--seed", type=int, help="of an earlier run")
    parser.add_argument("--per-s", type=float, default=40, help="jobs submitted a second")
    parser.add_argument("--keep", type=Path, help="leave logs and ledgers in this folder")
    return parser.parse_args()


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn(), TextColumn("{task.fields[state]}"))
    return Progress(*columns, console=console, transient=True)


def _left_out(combination: Combination, console: Console) -> bool:
    reason = Stand.missing(combination)
    if reason:
        console.print(f"[yellow]{combination}: left out, {reason}")
    return bool(reason)


def report(combination: Combination, verdict: Verdict, done: Counter[str], again: str) -> str:
    """The last word, as plain text."""
    counts = {
        "jobs promised": verdict.jobs, "lost": len(verdict.lost), "answered twice": len(verdict.twice),
        "wrong answer": len(verdict.wrong), "ran more than once": verdict.again,
        "slowest submit, s": round(verdict.slowest_submit_s, 1),
        "submits refused / not told, repeated": f"{verdict.refused} / {verdict.unknown}",
        "longest until the next answer, s": round(max((each.next_s for each in verdict.recovered), default=0.0), 1),
        "longest until all in hand had theirs, s": round(
            max((each.in_hand_s for each in verdict.recovered), default=0.0), 1
        ),
    }  # fmt: skip
    faults = ", ".join(f"{count} x {name}" for name, count in sorted(done.items()))
    problems = [*verdict.notes, *verdict.wrong[:9], *(f"lost: {each}" for each in verdict.lost[:9]),
                *(f"twice: {each}" for each in verdict.twice[:9])]  # fmt: skip
    state = "every promise kept" if verdict.is_clean else "PROMISES BROKEN"
    lines = [f"{combination}: {state}", f"  faults: {faults}"]
    lines += [f"  {name:40s} {value}" for name, value in counts.items()]
    return "\n".join([*lines, *(f"  ! {each}" for each in problems), f"  again: {again}", ""])


if __name__ == "__main__":
    sys.exit(main())
