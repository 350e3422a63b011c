"""The watchdog looks on, whatever happens while it looks."""

from __future__ import annotations

import logging
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
