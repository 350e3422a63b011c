"""A job's whole story from its row, its history and its stream: what happened when, and what the time was spent on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from storehand.job import Event, EventKind, Job, Note, Status

_LEAVES = ("handed_back", "retried")
"""Notes after which a job waits for its next claim."""


@dataclass(frozen=True, slots=True)
class Line:
    """`after_s` counts from the job's creation; `words` are for people, `what` and `data` for programs."""

    at: float
    after_s: float
    what: str
    words: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds, all attempts together; those of a job that goes on count up to now.

    `leased_s` is the time in workers' hands. Of the last attempts that told of their model calls, `engine_wait_s` and
    `engine_run_s` add up their requests, which may lie beside each other; `own_s` is what is left of the lease.
    """

    queued_s: float
    leased_s: float
    engine_wait_s: float
    engine_run_s: float
    own_s: float


@dataclass(frozen=True, slots=True)
class Story:
    lines: tuple[Line, ...]
    phases: Phases
    summary: str


def tell_story(job: Job, notes: Sequence[Note], events: Sequence[Event], *, now: float) -> Story:
    """`now` is by the store's clock, as all times of the row."""
    phases = _phases(job, notes, now)
    dated = [*_row_lines(job), *((note.at, note.what, _words(note), note.data) for note in notes), *_stream(events)]
    if job.finished_at is not None:
        code = job.outcome.code if job.outcome else "?"
        dated.append((job.finished_at, "ended", f"ended: {job.status}" + ("" if code == "ok" else f", {code}"), {}))
    dated.sort(key=lambda each: each[0])  # stable: what one call wrote stays together, and the end comes after it
    lines = tuple(Line(at, at - job.created_at, what, words, data) for at, what, words, data in dated)
    return Story(lines, phases, _summary(job, notes, phases, now))


_Dated = tuple[float, str, str, Mapping[str, Any]]


def _row_lines(job: Job) -> list[_Dated]:
    found: list[tuple[float | None, str, str]] = [
        (job.created_at, "created", f"created by tenant {job.tenant} as {job.priority}"),
        (job.published_at, "rung", "its message reached the broker (the last one, if there were more)"),
        (job.not_before, "due", "not to start before"),
        (job.deadline, "deadline", "deadline"),
        (job.lease_until if job.status is Status.RUNNING else None, "lease", "the lease ends unless it is renewed"),
    ]
    return [(at, what, words, {}) for at, what, words in found if at is not None]


def _stream(events: Sequence[Event]) -> list[_Dated]:
    pieces = [event for event in events if event.kind in (EventKind.DELTA, EventKind.SNAPSHOT)]
    if not pieces:
        return []
    first, last = pieces[0], pieces[-1]
    lines: list[_Dated] = [(first.at, "streamed", "the first piece of its text was streamed", {"seq": first.seq})]
    if len(pieces) > 1:
        lines.append((last.at, "streamed", f"the last of {len(pieces)} pieces was streamed", {"seq": last.seq}))
    return lines


def _words(note: Note) -> str:
    """A note for people; one that this version does not know is shown as it is."""
    data = dict(note.data)
    try:
        return _SENTENCES[note.what].format_map(_Shown(data))
    except KeyError:
        return note.what + "".join(f", {name} {value}" for name, value in data.items())


class _Shown(dict[str, Any]):
    """What a note leaves out is a question mark, not an error; seconds are short."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__({name: f"{value:.3g}" if isinstance(value, float) else value for name, value in data.items()})

    def __missing__(self, name: str) -> str:
        return "?"


_SENTENCES = {
    "claimed": "attempt {attempt} began at {owner}",
    "crashed": "the worker {owner} was found dead under it",
    "cancel_requested": "somebody asked to cancel it",
    "joined": "another message of it came and joined the run",
    "retried": "attempt {attempt} ended with {code}; the next one after {pause_s} s",
    "called": "{role} ({model}): waited {wait_s} s for its engine, computed {run_s} s in {batches} request(s),"
    " {prompt_tokens} tokens in, {output_tokens} out",
    "lost_lease": "its worker lost the lease",
    "rung_again": "the reconciler rang for it again",
    "submitted_again": "submitted again as job {job_id}",
}


def _phases(job: Job, notes: Sequence[Note], now: float) -> Phases:
    end = job.finished_at if job.finished_at is not None else now
    turns = [note for note in notes if note.what in ("claimed", *_LEAVES)]
    marks = [(job.created_at, False), *((note.at, note.what == "claimed") for note in turns)]
    if not turns and job.started_at is not None:  # rows of an older program have no history
        marks.append((job.started_at, True))
    spans = [(after - at, is_leased) for (at, is_leased), (after, _) in pairwise([*marks, (end, False)])]
    queued_s = sum(max(0.0, span) for span, is_leased in spans if not is_leased)
    leased_s = sum(max(0.0, span) for span, is_leased in spans if is_leased)
    calls = [note.data for note in notes if note.what == "called"]
    wait_s, run_s = (sum(float(call.get(name) or 0.0) for call in calls) for name in ("wait_s", "run_s"))
    return Phases(queued_s, leased_s, wait_s, run_s, max(0.0, leased_s - wait_s - run_s))


def _summary(job: Job, notes: Sequence[Note], phases: Phases, now: float) -> str:
    troubles = _troubles(job, notes)
    if job.status is Status.QUEUED:
        return f"queued for {now - job.created_at:.1f} s{troubles}: {_why_queued(job, now)}"
    if job.status is Status.RUNNING:
        return f"running at {job.owner} in attempt {job.attempts}{troubles}: {_lease(job, now)}"
    took_s = (job.finished_at or now) - job.created_at
    ended = str(job.status) if job.outcome is None or job.outcome.error is None else _ended(job)
    if job.started_at is None:
        return f"{ended} after {took_s:.1f} s in the queue{troubles}"
    return (
        f"{ended} after {took_s:.1f} s: {phases.queued_s:.1f} s in the queue, {phases.leased_s:.1f} s in a worker"
        f"{troubles}"
    )


def _ended(job: Job) -> str:
    code = job.outcome.code if job.outcome else "?"
    return str(job.status) if code == str(job.status) else f"{job.status} ({code})"


def _troubles(job: Job, notes: Sequence[Note]) -> str:
    counts = {
        "retries": sum(note.what == "retried" for note in notes),
        "hand-overs": sum(note.what == "handed_back" for note in notes),
        "crashes": job.crashes,
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f" ({told})" if told else ""


def _why_queued(job: Job, now: float) -> str:
    if job.not_before is not None and job.not_before > now:
        return f"it is due in {job.not_before - now:.1f} s"
    if job.published_at is None:
        return "its message is not at the broker; the reconciler of a worker sends it"
    return "its message is at the broker and no worker has taken it yet"


def _lease(job: Job, now: float) -> str:
    left_s = (job.lease_until or now) - now
    if left_s > 0:
        stop = ", it was asked to stop" if job.cancel_requested_at is not None else ""
        return f"its lease holds for {left_s:.1f} s more{stop}"
    return f"its lease ran out {-left_s:.1f} s ago; another worker takes it over"
