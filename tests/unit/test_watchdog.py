"""The watchdog looks on, whatever happens while it looks."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from storehand_worker.engines.watchdog import Watchdog


def test_an_error_while_it_looks_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    answers = [False, True]
    ended = threading.Event()

    def look() -> bool:
        if len(answers) == 2:
            answers.pop(0)
            raise RuntimeError("dictionary changed size during iteration")
        ended.set()
        return answers[0]

    with caplog.at_level(logging.ERROR):
        Watchdog("watchdog-test", look, every_s=0.01).start()
        assert ended.wait(10)

    assert "changed size" in caplog.text


WATCHED = """
import sys, threading, time
from storehand_worker.engines.watchdog import Watchdog

beat = time.monotonic()

def look():
    if time.monotonic() - beat > 1.5:
        print("lost", flush=True)
    return False

Watchdog("watchdog-test", look, every_s=0.5).start()
print("runs", flush=True)
while True:
    threading.Event().wait(0.02)
    beat = time.monotonic()
"""


@pytest.mark.long
def test_a_process_that_stood_still_is_not_taken_for_a_step_that_hangs() -> None:
    with subprocess.Popen([sys.executable, "-c", WATCHED], stdout=subprocess.PIPE, text=True) as watched:
        assert watched.stdout is not None
        assert watched.stdout.readline() == "runs\n"
        for _ in range(6):
            os.kill(watched.pid, signal.SIGSTOP)
            threading.Event().wait(2.0)
            os.kill(watched.pid, signal.SIGCONT)
            threading.Event().wait(1.0)
        watched.kill()
        assert watched.stdout.read() == ""
