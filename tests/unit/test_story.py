"""A job's story: what happened in which order, what the time was spent on, and one sentence about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.errors import OutOfMemory
from storehand.job import EventKind, Job, NewJob, NewNote, Outcome
from storehand.settings import Settings
from storehand.store import Finish, JobStore, NewEvent, open_store
from storehand.store.sqlite import SqliteStore
from storehand.story import Story, tell_story
from tests.contract.stores import Clock

OK = Outcome.succeeded({})
CALLED = NewNote(
    "called",
    {
        "role": "writer", "model": "starter", "kind": "generate", "wait_s": 0.5, "run_s": 2.25, "batches": 2,
        "prompt_tokens": 120, "output_tokens": 80,
    },
)  # fmt: skip


class Life:
    """A job on a store with a clock of ours."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.clock = Clock()
        self.store: JobStore = SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=self.clock)
        self.id = self.store.create([NewJob("tagline", {"secret": "Ms Li"}, **fields)])[0].id

    def claim(self, owner: str = "w1", after_s: float = 0.0, max_crashes: int = 3) -> None:
        self.clock.advance(after_s)
        self.store.claim([self.id], owner, 15, max_crashes=max_crashes)

    def finish(self, owner: str = "w1", after_s: float = 0.0, outcome: Outcome = OK, *notes: NewNote) -> None:
        self.clock.advance(after_s)
        attempt = self.row.attempts
        assert self.store.finish([Finish(self.id, outcome, owner, attempt, notes)]) == [True]

    @property
    def row(self) -> Job:
        return self.store.get([self.id])[self.id]

    @property
    def story(self) -> Story:
        row, history, events = self.row, self.store.history(self.id), self.store.events(self.id)
        return tell_story(row, history, events, now=self.store.now())

    @property
    def whats(self) -> list[str]:
        return [line.what for line in self.story.lines]


@pytest.fixture
def life(tmp_path: Path) -> Any:
    lives: list[Life] = []

    def begin(**fields: Any) -> Life:
        lives.append(Life(tmp_path, **fields))
        return lives[0]

    yield begin
    for each in lives:
        each.store.close()


def test_a_job_that_went_well_is_told_from_its_creation_to_its_end(life: Any) -> None:
    job = life()
    job.store.mark_published([job.id])
    job.claim(after_s=1)
    job.store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "Dear Ms Li"})])
    job.clock.advance(1)
    job.store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "!"})])
    job.finish("w1", 2, OK, CALLED)

    story = job.story

    assert job.whats == ["created", "rung", "claimed", "streamed", "streamed", "called", "ended"]
    assert [line.after_s for line in story.lines] == [0, 0, 1, 1, 2, 4, 4]
    assert story.lines[5].words == (
        "writer (starter): waited 0.5 s for its engine, computed 2.25 s in 2 request(s), 120 tokens in, 80 out"
    )
    assert story.summary == "succeeded after 4.0 s: 1.0 s in the queue, 3.0 s in a worker"
    assert (story.phases.queued_s, story.phases.leased_s) == (1, 3)
    assert (story.phases.engine_wait_s, story.phases.engine_run_s, story.phases.own_s) == (0.5, 2.25, 0.25)


def test_nothing_of_the_content_is_told(life: Any) -> None:
    job = life()
    job.claim()
    job.store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "Dear Ms Li"})])
    job.finish()

    assert "Ms Li" not in repr(job.story)


def test_retries_hand_overs_and_crashes_are_told_with_their_reasons(life: Any) -> None:
    job = life()
    job.claim("w1")
    job.clock.advance(2)
    note = NewNote("retried", {"code": "overloaded", "attempt": 1, "pause_s": 3.0})
    job.store.release([job.id], "w1", not_before=job.clock() + 3, count_attempt=True, note=note)
    job.claim("w1", after_s=3)
    job.store.release([job.id], "w1", note=NewNote("handed_back", {"reason": "drain"}))
    job.claim("w2", after_s=1)
    job.claim("w3", after_s=16)
    job.finish("w3", 1)

    story = job.story

    assert [line.words for line in story.lines if line.what in ("retried", "handed_back", "crashed")] == [
        "attempt 1 ended with overloaded; the next one after 3 s",
        "handed_back, reason drain",
        "the worker w2 was found dead under it",
    ]
    assert story.summary == (
        "succeeded after 23.0 s: 4.0 s in the queue, 19.0 s in a worker (1 retries, 1 hand-overs, 1 crashes)"
    )


def test_a_note_of_a_newer_version_is_shown_as_it_is_and_a_short_one_with_question_marks(life: Any) -> None:
    job = life()
    job.store.tell({job.id: [NewNote("moved", {"to": "space"}), NewNote("retried")]})

    assert [line.words for line in job.story.lines[1:]] == [
        "moved, to space",
        "attempt ? ended with ?; the next one after ? s",
    ]


@pytest.mark.parametrize(
    ("published", "not_before", "said"),
    [
        (False, None, "its message is not at the broker; the reconciler of a worker sends it"),
        (True, None, "its message is at the broker and no worker has taken it yet"),
        (False, 60.0, "it is due in 50.0 s"),
    ],
)
def test_a_waiting_job_says_what_it_waits_for(life: Any, published: bool, not_before: float | None, said: str) -> None:
    job = life(not_before=None if not_before is None else Clock().time + not_before)
    if published:
        job.store.mark_published([job.id])
    job.clock.advance(10)

    assert job.story.summary == f"queued for 10.0 s: {said}"


def test_a_running_job_says_who_has_it_and_whether_its_worker_lives(life: Any) -> None:
    job = life()
    job.claim("w1")
    job.clock.advance(5)

    assert job.story.summary == "running at w1 in attempt 1: its lease holds for 10.0 s more"
    job.store.request_cancel([job.id])
    assert job.story.summary.endswith("10.0 s more, it was asked to stop")
    job.clock.advance(12)
    assert job.story.summary.endswith("its lease ran out 2.0 s ago; another worker takes it over")
    assert job.story.phases.leased_s == 17


def test_ends_of_all_kinds_are_named(life: Any) -> None:
    job = life()
    job.claim()
    job.finish("w1", 1, Outcome.of_error(OutOfMemory()))

    assert job.story.summary.startswith("failed (out_of_memory) after 1.0 s")
    assert job.story.lines[-1].words == "ended: failed, out_of_memory"


def test_a_job_cancelled_in_the_queue_never_was_in_a_worker(life: Any) -> None:
    job = life()
    job.clock.advance(2)
    job.store.request_cancel([job.id])

    assert job.story.summary == "cancelled after 2.0 s in the queue"
    assert job.whats == ["created", "cancel_requested", "ended"]


def test_a_row_of_an_older_program_has_a_story_without_notes(life: Any) -> None:
    job = life()
    job.claim(after_s=1)
    job.finish("w1", 2)

    story = tell_story(job.row, [], [], now=job.store.now())

    assert (story.phases.queued_s, story.phases.leased_s) == (1, 2)


def test_the_command_tells_people_and_machines(tmp_path: Path) -> None:
    store = open_store(Settings(data_dir=tmp_path))
    job = store.create([NewJob("tagline", {"secret": "Ms Li"})])[0]
    store.claim([job.id], "w1", 15, max_crashes=3)
    store.finish([Finish(job.id, OK, "w1", 1, (CALLED,))])
    store.close()

    def explain(*args: str) -> Any:
        return CliRunner().invoke(build_app(), ["explain", *args, "--data-dir", str(tmp_path)])

    told, machine = explain(job.id), json.loads(explain(job.id, "--json").stdout)

    for part in (f"{job.id}  tagline  succeeded after", "attempt 1 began at w1", "waiting for engines"):
        assert part in told.stdout
    assert "Ms Li" not in told.stdout
    assert (machine["id"], machine["status"]) == (job.id, "succeeded")
    assert machine["phases"]["engine_run_s"] == 2.25
    assert [line["what"] for line in machine["lines"]] == ["created", "claimed", "called", "ended"]
    assert machine["lines"][2]["data"]["prompt_tokens"] == 120
    assert explain("nobody").exit_code == 2
