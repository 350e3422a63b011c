"""A shop's process that submits mixed jobs and writes down their ids: `… -m tests.faults.producer 2000 ids.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from storehand import Client
from storehand.job import Priority
from tests.pipeline.probe_plugin import ProbeInput

MODES = ("echo", "echo", "echo", "stream", "refuse", "raise")
EXPECTED = {"echo": "ok", "stream": "ok", "refuse": "invalid_input", "raise": "plugin"}


def main(count: int, file: Path) -> None:
    ids: dict[str, str] = {}
    inputs = [
        ProbeInput(text=f"job {number}", mode=MODES[number % len(MODES)], work_s=0.01 * (number % 3))  # type: ignore[arg-type]  # modes there are
        for number in range(count)
    ]
    alone = count // 4
    with Client() as client:
        for number, each in enumerate(inputs[:alone]):
            priority = Priority.INTERACTIVE if number % 2 else Priority.STANDARD
            ids[client.submit(each, priority=priority).id] = each.mode
        for handle, each in zip(client.submit_many(inputs[alone:]), inputs[alone:], strict=True):
            ids[handle.id] = each.mode
    file.write_text(json.dumps(ids))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
