"""What the lane and the scheduler cost: `lane`, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.bench.worker import ROOT


def sections(arguments: str = "") -> list[str]:
    command = [sys.executable, "-m", "tests.bench.lane", *arguments.split(), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    picks = [
        f"| {each['waiting']} | {each['tenants']} | {each['window']} | {each['p50_ms']:.2f} | {each['p95_ms']:.2f} "
        f"| {each['push_us']:.0f} |"
        for each in told["picks"]
    ]
    lane = [
        f"| {each['kind']} | {each['threads']} | {each['per_wall_s']:.0f} | {each['per_cpu_s']:.0f} |"
        for each in told["lane"]
    ]
    head = "| waiting | tenants | looked at | pick p50, ms of CPU | p95 | push, us |\n|---|---|---|---|---|---|"
    through = "| kind | callers | texts per s (wall) | texts per CPU s |\n|---|---|---|---|"
    return [
        "\n".join(["### Scheduler: one pick among many that wait\n", head, *picks, ""]),
        "\n".join(["### Lane: lists of texts through the fake engine\n", through, *lane, ""]),
    ]
