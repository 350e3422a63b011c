from __future__ import annotations

import threading
import time

from storehand_worker.depths import FRESH_S, STALE_S, RecentDepths
from tests.waiting import until


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_broker_is_asked_once_per_five_seconds_however_many_scrape():
    clock, asked = Clock(), []

    def read() -> dict[str, tuple[int, int | None]]:
        asked.append(clock.now)
        return {"storehand": (len(asked), None)}

    depths = RecentDepths(read, clock=clock)

    assert [depths(), depths()] == [{"storehand": (1, None)}] * 2
    clock.now = FRESH_S
    assert depths() == {"storehand": (2, None)}


def test_a_broker_that_does_not_answer_holds_no_scrape_and_its_last_word_fades():
    clock, is_away, gate = Clock(), threading.Event(), threading.Event()

    def read() -> dict[str, tuple[int, int | None]]:
        if is_away.is_set():
            gate.wait(20)
        return {"storehand": (7, 1)}

    depths = RecentDepths(read, clock=clock)
    assert depths() == {"storehand": (7, 1)}
    is_away.set()
    clock.now = FRESH_S
    began = time.monotonic()

    assert depths() == {"storehand": (7, 1)}
    assert time.monotonic() - began < 5
    clock.now = STALE_S + 1
    assert depths() == {}
    gate.set()
    until(lambda: depths() == {"storehand": (7, 1)})


def test_an_error_while_asking_is_no_error_of_the_scrape():
    def read() -> dict[str, tuple[int, int | None]]:
        raise OSError("no route to host")

    assert RecentDepths(read)() == {}
