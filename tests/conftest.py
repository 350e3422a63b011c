"""Shared by all tests: offline, one torch thread, and the time each folder took against its budget."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on busy cores made small models ten times slower
settings.register_profile("shared machine", deadline=None)  # 200 ms per example failed whenever cores were busy
settings.load_profile("shared machine")

BUDGET_S = {"unit": 130, "contract": 300, "broker": 65, "pipeline": 140, "faults": 110, "project": 50}
"""Seconds the tests of each folder may take, added up, on two idle cores; unit and contract run two at a time
(`make test`), so that all together stay within its ten minutes."""

_spent: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _spent[Path(report.nodeid).parts[1]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for folder, spent_s in sorted(_spent.items()):
        budget_s = BUDGET_S.get(folder)
        mark = "OVER BUDGET" if budget_s and spent_s > budget_s else ""
        terminalreporter.write_line(f"{folder:10s} {spent_s:6.1f} s of {budget_s or '-'} s {mark}")
