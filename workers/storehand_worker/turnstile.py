"""The turnstile before the interpreter: of the standard and bulk jobs only a few run Python at the same time.

Python runs one thread at once. Dozens of bulk jobs that all want to go on make the engine's thread, the event loop and
a waiting customer's job stand in line at every step. So a job holds a place while it runs, gives it back while it waits
for a model, and takes one again. Interactive jobs need none; while one runs, nobody else is let in.

A place is no lock. Whoever holds it without using the processor (sleeps, waits for a server) or uses it for long has it
taken away and runs on without: only the next in line comes in. So jobs may wait for each other as they like.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from storehand.errors import JobStopped

log = logging.getLogger(__name__)

LOOK_S = 0.02
"""How often places are looked at while somebody waits."""

IDLE_SHARE = 0.05
"""Who used less of the processor since the last look waits for something. A thread that competes with the engine, the
event loop and an interactive job still gets several times as much."""

LONG_S = 0.5
"""A place held for so long, without a model call or a check, does not count any more."""

HELD_BACK_S = 0.5
"""The first in line waits no longer for interactive jobs: under steady chat bulk slows down and does not stop."""

STANDARD_TURNS = 4
"""So many standard jobs come in before a bulk job that waits as well."""

Attach = Callable[[Callable[[JobStopped], None]], Callable[[], None]]


class Place:
    """One job at the turnstile. Its methods do something on the thread that entered, on others of the job nothing:
    what a task does on threads of its own is its own business."""

    def __init__(self, turnstile: Turnstile, *, is_urgent: bool, is_bulk: bool) -> None:
        self.is_urgent = is_urgent
        self.is_bulk = is_bulk
        self.since = 0.0
        self.has_forgone = False  # its job is to stop: it waits for no place any more
        self.gate = threading.Lock()
        self._turnstile = turnstile
        self._thread: int | None = None
        self._attach: Attach = _attach_nowhere
        self._clock_id: int | None = None
        self._used_s = 0.0
        self._looked_at = 0.0

    @contextmanager
    def inside(self, attach: Attach) -> Iterator[None]:
        """For as long as the task's code runs. A stop of the job ends the wait, then without a place."""
        self._thread = threading.get_ident()
        self._clock_id = _clock_id(self._thread)
        self._attach = attach
        self._turnstile.enter(self, attach)
        try:
            yield
        finally:
            self._turnstile.leave(self)
            self._thread = None
            self._attach = _attach_nowhere  # or job and place would hold each other in memory

    def wait_for(self, future: Future[Any]) -> None:
        """Waits for a model's answer, without the place. The thread is woken once: when the answer is there and it has
        a place again. Of a batch's answers so only one at a time wants the interpreter, and the engine goes on."""
        if self._thread != threading.get_ident():
            future.exception()
            return
        self._turnstile.leave(self)
        self._turnstile.enter_after(future, self, self._attach)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """For as long as the thread does something else than the job's work."""
        if self._thread != threading.get_ident():
            yield
            return
        self._turnstile.leave(self)
        try:
            yield
        finally:
            self._turnstile.enter(self, self._attach)

    def give_way(self) -> None:
        """Called between two steps of a task: lets interactive jobs go first."""
        if self._turnstile.is_held_back and not self.is_urgent:
            with self.outside():
                pass

    def begin(self, now: float) -> None:
        self.since = self._looked_at = now
        self._used_s = self._cpu_s()

    def is_idle(self, now: float) -> bool:
        """Whether it has hardly used the processor since the last look."""
        passed_s = now - self._looked_at
        if passed_s < LOOK_S / 2:
            return False
        used_s = self._cpu_s() - self._used_s
        self._used_s, self._looked_at = self._used_s + used_s, now
        return used_s < passed_s * IDLE_SHARE

    def _cpu_s(self) -> float:
        """Of its thread; where the system can't tell it counts as busy."""
        if self._clock_id is None:
            return time.monotonic()
        try:
            return time.clock_gettime(self._clock_id)
        except OSError:
            return self._used_s


class Line:
    """Who waits: standard before bulk, each first come first served. Bulk moves on all the same, in its turns."""

    def __init__(self) -> None:
        self._standard: deque[Place] = deque()
        self._bulk: deque[Place] = deque()
        self._turns = 0

    def __len__(self) -> int:
        return len(self._standard) + len(self._bulk)

    def __contains__(self, place: Place) -> bool:
        return place in self._of(place)

    def append(self, place: Place) -> None:
        self._of(place).append(place)

    def remove(self, place: Place) -> None:
        self._of(place).remove(place)

    def first(self) -> Place:
        is_bulks_turn = not self._standard or (self._bulk and self._turns >= STANDARD_TURNS)
        return (self._bulk if is_bulks_turn else self._standard)[0]

    def take(self) -> Place:
        place = self._of(self.first()).popleft()
        self._turns = 0 if place.is_bulk or not self._bulk else self._turns + 1
        return place

    def _of(self, place: Place) -> deque[Place]:
        return self._bulk if place.is_bulk else self._standard


class Turnstile:
    """`places` 0 lets everybody in at once."""

    def __init__(self, places: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._inside: set[Place] = set()
        self._urgent: set[Place] = set()
        self._waiting = Line()
        self._has_work = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-turnstile", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._has_work.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def place(self, *, is_urgent: bool, is_bulk: bool = False) -> Place:
        return Place(self, is_urgent=is_urgent, is_bulk=is_bulk)

    @property
    def is_held_back(self) -> bool:
        """An interactive job runs."""
        return bool(self._urgent)

    @property
    def running(self) -> int:
        """Jobs inside, but for those that do not count any more."""
        return len(self._inside) + len(self._urgent)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def enter(self, place: Place, attach: Attach) -> None:
        """Returns with a place, or without one when the job is to stop."""
        with self._lock:
            if self._may_enter(place):
                self._admit(place)
                return
            place.gate.acquire()
            self._line_up(place)
        self._has_work.set()
        self._wait(place, attach)

    def enter_after(self, future: Future[Any], place: Place, attach: Attach) -> None:
        """`enter`, but the place stands in line only when the future is done."""
        place.gate.acquire()
        future.add_done_callback(lambda _: self._come(place))
        self._wait(place, attach)

    def leave(self, place: Place) -> None:
        with self._lock:
            self._inside.discard(place)
            self._urgent.discard(place)
            self._let_in()

    def look(self) -> None:
        """Takes places from those that do not use them, and lets others in. Called every LOOK_S while some wait."""
        now = self._clock()
        with self._lock:
            for places in (self._inside, self._urgent):
                for place in [each for each in places if each.is_idle(now) or now - each.since > LONG_S]:
                    places.discard(place)
            is_stuck = self._waiting and now - self._waiting.first().since > HELD_BACK_S
            if is_stuck and len(self._inside) < self._places:
                self._open(self._waiting.take())
            self._let_in()

    def _may_enter(self, place: Place) -> bool:
        return place.is_urgent or not self._places or (not self._waiting and self._has_room())

    def _has_room(self) -> bool:
        return not self._urgent and len(self._inside) < self._places

    def _admit(self, place: Place) -> None:
        place.begin(self._clock())
        (self._urgent if place.is_urgent else self._inside).add(place)

    def _let_in(self) -> None:
        while self._waiting and self._has_room():
            self._open(self._waiting.take())

    def _open(self, place: Place) -> None:
        self._admit(place)
        place.gate.release()

    def _wait(self, place: Place, attach: Attach) -> None:
        detach = attach(lambda _: self._forgo(place))
        place.gate.acquire()
        place.gate.release()
        detach()

    def _come(self, place: Place) -> None:
        with self._lock:
            if self._may_enter(place):
                self._open(place)
                return
            if place.has_forgone:
                place.gate.release()
                return
            self._line_up(place)
        self._has_work.set()

    def _line_up(self, place: Place) -> None:
        place.since = self._clock()
        self._waiting.append(place)

    def _forgo(self, place: Place) -> None:
        with self._lock:
            place.has_forgone = True
            if place in self._waiting:
                self._waiting.remove(place)
                place.gate.release()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._has_work.wait()
            if self._stopped.wait(LOOK_S):
                return
            try:
                self.look()
            except Exception:
                log.exception("the turnstile met an error of our own; it looks again in %.2f s", LOOK_S)
            with self._lock:
                if not self._waiting:
                    self._has_work.clear()


def _clock_id(thread: int) -> int | None:
    return time.pthread_getcpuclockid(thread) if hasattr(time, "pthread_getcpuclockid") else None


def _attach_nowhere(callback: Callable[[JobStopped], None]) -> Callable[[], None]:
    return lambda: None
