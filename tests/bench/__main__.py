"""Runs the benchmark: interleaved rounds, medians, ratios to named baselines.

    python -m tests.bench [--full | --quick] [--only text,queue,guarantees] [--rounds N] [--write FILE]

Throughput is work per CPU second of the whole process tree, because walls are noisy on shared machines; walls stand
beside. Every contender of a round does the same work, or a part of it where it is slow and linear.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import encoder, guarantees, overhead, queued, starter, text
from tests.bench.machine import describe

PARTS = ("text", "encoder", "queue", "idle", "lane", "guarantees")
PAGE = "# Benchmarks\n\nMade by `make bench` and `make bench-full`.\n\n"
ABOUT = (
    "Interleaved rounds, medians, (lowest-highest) of the ratio taken round by round. CPU seconds are those of the "
    "whole process tree, clients left out; engines and models use one thread each. Random models write to the end of "
    "what is asked; every round has prompts of its own."
)


def parts(size: str, rounds: int | None) -> dict[str, Callable[[], list[str]]]:
    """The sections of the report by name. `size` is quick, short or full."""

    def plan(module: object) -> Any:  # each part has plans of its own
        return getattr(module, size.upper())

    return {
        "text": lambda: text.sections(plan(text), rounds=rounds),
        "encoder": lambda: encoder.sections(plan(encoder), rounds=rounds),
        "queue": lambda: [
            *queued.random_sections(plan(queued), rounds=rounds),
            *starter.sections(plan(starter), idle=False, rounds=rounds),
        ],
        "idle": lambda: starter.sections(plan(starter), queue=False, rounds=rounds),
        "guarantees": lambda: guarantees.sections(plan(guarantees), rounds=rounds),
        "lane": lambda: overhead.sections("--waiting 1000 --requests 4" if size == "quick" else ""),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="all sizes and all contenders, under an hour")
    size.add_argument("--quick", action="store_true", help="a smoke run: little work, one round")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="other than each part's own number")
    parser.add_argument("--write", type=Path, help="write the report there")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    known = parts("full" if options.full else "quick" if options.quick else "short", options.rounds)
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    started = time.monotonic()
    pages = [page for name in names for page in known[name]()]
    took = f"`{command}`, {(time.monotonic() - started) / 60:.0f} minutes. {ABOUT}"
    report = "\n".join([f"## {time.strftime('%Y-%m-%d')}, {describe()}\n", took + "\n", *pages])
    sys.stdout.write(report + "\n")
    if options.write:
        options.write.write_text(PAGE + report, encoding="utf-8")


if __name__ == "__main__":
    main()
