"""The life of a row inside one transaction: claimed, renewed, handed back, ended. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storehand.errors import Cancelled, Expired, Poison
from storehand.job import EventKind, Job, NewNote, Outcome, Status
from storehand.store import Claim, Claimed, Finish, Signal
from storehand.store.notes import CANCEL_REQUESTED, claimed, crashed
from storehand.store.postgres.row import Row
from storehand.store.postgres.unit import Late, Unit
from storehand.store.rows import encode, encode_outcome

_FRESH_LEASE = 0.9
"""A lease with more than this share left is not written again: a worker asks several times a second."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of a claim: for whom, how long, and after how many deaths no more."""

    owner: str
    lease_s: float
    max_crashes: int
    max_deaths: int | None


def claim(unit: Unit, ids: Sequence[str], terms: Terms) -> list[Claim]:
    return [_claim_one(unit, unit.rows.get(job_id), terms) for job_id in ids]


def _claim_one(unit: Unit, row: Row | None, terms: Terms) -> Claim:
    if row is None:
        return Claim(Claimed.MISSING, None)
    if row.is_terminal:
        return Claim(Claimed.TERMINAL, row.job())
    crashes = row["crashes"]
    if row.status is Status.RUNNING:
        if row["owner"] == terms.owner:
            return _claim_again(unit, row, terms)
        if row["lease_until"] is not None and row["lease_until"] > unit.now:
            return Claim(Claimed.ELSEWHERE, row.job())
        crashes += 1
    ending = _ending(row, crashes, terms.max_crashes, unit.now)
    if ending is None:
        if row.status is Status.QUEUED and row["not_before"] is not None and row["not_before"] > unit.now:
            return Claim(Claimed.EARLY, row.job())
        if terms.max_deaths is not None and crashes > terms.max_deaths:
            return Claim(Claimed.SUSPECT, row.job())
    if crashes > row["crashes"]:
        row.put(crashes=crashes)
        unit.note(row, [crashed(row["owner"])])
    if ending is not None:
        unit.end(row, ending)
        return Claim(Claimed.TERMINAL, row.job(), is_end=True)
    return Claim(Claimed.MINE, _take(unit, row, terms))


def _claim_again(unit: Unit, row: Row, terms: Terms) -> Claim:
    """Of a row that this owner has: by another message, or because the answer to the first call was lost."""
    if not unit.late.was_mine(row["id"], terms.owner, row["attempts"]):
        return Claim(Claimed.HERE, row.job())
    row.put(lease_until=unit.now + terms.lease_s)
    return Claim(Claimed.MINE, row.job())


def _take(unit: Unit, row: Row, terms: Terms) -> Job:
    row.put(
        status=str(Status.RUNNING), owner=terms.owner, lease_until=unit.now + terms.lease_s,
        attempts=row["attempts"] + 1, updated_at=unit.now,
        started_at=unit.now if row["started_at"] is None else row["started_at"],
    )  # fmt: skip
    unit.note(row, [claimed(terms.owner, row["attempts"])])
    return row.job()


def _ending(row: Row, crashes: int, max_crashes: int, now: float) -> Outcome | None:
    """Why this job must not run any more, if so."""
    if row["cancel_requested_at"] is not None:
        return Outcome.of_error(Cancelled())
    if row["deadline"] is not None and row["deadline"] <= now:
        return Outcome.of_error(Expired())
    if crashes > max_crashes:
        message = f"its worker died {crashes} times under this job"
        return Outcome.of_error(Poison(message, details={"crashes": crashes}))
    return None


def keep_late_claims(late: Late, claims: Sequence[Claim]) -> None:
    for each in claims:
        if each.result is Claimed.MINE and each.job is not None and each.job.owner is not None:
            late.claims[each.job.id] = (each.job.owner, each.job.attempts)


Encoded = tuple[Finish, str]
"""With its outcome as `encode_outcome` writes it: that needs no transaction."""


def encoded(finishes: Sequence[Finish]) -> list[Encoded]:
    return [(each, encode_outcome(each.outcome)) for each in finishes]


def finish(unit: Unit, finishes: Sequence[Encoded]) -> list[bool]:
    return [_finish_one(unit, each, text) for each, text in finishes]


def _finish_one(unit: Unit, finish: Finish, text: str) -> bool:
    row = unit.rows.get(finish.job_id)
    if row is None:
        return False
    if row.is_terminal:
        return unit.late.was_written(finish.job_id, finish.owner, finish.attempt, text)
    if finish.owner is not None and (row.status is not Status.RUNNING or row["owner"] != finish.owner):
        return False
    if finish.attempt is not None and row["attempts"] != finish.attempt:
        return False
    unit.end(row, finish.outcome, text=text, notes=finish.notes)
    return True


def keep_late_ends(late: Late, finishes: Sequence[Encoded], written: Sequence[bool]) -> None:
    for (each, text), is_written in zip(finishes, written, strict=True):
        if is_written:
            late.ends[each.job_id, each.owner, each.attempt] = text


def renew(unit: Unit, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
    return [_renew_one(unit, job_id, owner, lease_s) for job_id in ids]


def _renew_one(unit: Unit, job_id: str, owner: str, lease_s: float) -> Signal:
    row = unit.rows.get(job_id)
    if row is None:
        return Signal(job_id, is_lost=True, cancel_requested=False, deadline=None)
    is_held = row.status is Status.RUNNING and row["owner"] == owner
    if is_held and not unit.now + _FRESH_LEASE * lease_s < (row["lease_until"] or 0) <= unit.now + lease_s:
        row.put(lease_until=unit.now + lease_s)
    return Signal(job_id, not is_held, row["cancel_requested_at"] is not None, row["deadline"])


def release(
    unit: Unit, ids: Sequence[str], owner: str, *, not_before: float | None, count_attempt: bool, note: NewNote | None
) -> None:
    for job_id in ids:
        row = unit.rows.get(job_id)
        if row is None or row.status is not Status.RUNNING or row["owner"] != owner:
            continue
        row.put(
            status=str(Status.QUEUED), owner=None, lease_until=None, published_at=None, updated_at=unit.now,
            not_before=not_before, attempts=row["attempts"] - (not count_attempt),
        )  # fmt: skip
        unit.note(row, [note] if note else [])
        if row["last_seq"]:  # the next claim may carry the same attempt number, so the text starts anew by a snapshot
            start = {"text": "", "reason": note.what} if note else {"text": ""}
            unit.tell(row, row["attempts"], EventKind.SNAPSHOT, encode(start))


def request_cancel(unit: Unit, ids: Sequence[str]) -> dict[str, Status]:
    found: dict[str, Status] = {}
    for job_id in ids:
        row = unit.rows.get(job_id)
        if row is None:
            continue
        if row.status is Status.QUEUED:
            unit.cancel(row)
        elif row.status is Status.RUNNING and row["cancel_requested_at"] is None:
            row.put(cancel_requested_at=unit.now, updated_at=unit.now)
            unit.note(row, [CANCEL_REQUESTED])
        found[job_id] = row.status
    return found


def erase(unit: Unit, ids: Sequence[str]) -> dict[str, Status]:
    found = request_cancel(unit, ids)
    for job_id, status in found.items():
        if status.is_terminal:
            row = unit.rows[job_id]
            outcome = encode_outcome(Outcome.erased(status))
            row.put(outcome=outcome, subject=None, idempotency_key=None, updated_at=unit.now)
            unit.erased.append(row)
    return found


def append(unit: Unit, job_id: str, attempt: int, events: Sequence[tuple[EventKind, str]]) -> int:
    """Events of a claim that no longer holds are dropped: nothing comes after END, no attempt writes into the next."""
    row = unit.rows.get(job_id)
    if row is None:
        return 0
    if row.status is Status.RUNNING and row["attempts"] == attempt:
        for kind, data in events:
            unit.tell(row, attempt, kind, data)
    return int(row["last_seq"])


def mark_published(unit: Unit, ids: Sequence[str], at: float) -> None:
    for job_id in ids:
        row = unit.rows.get(job_id)
        if row is not None and row["updated_at"] <= at:
            row.put(published_at=at)


def tell(unit: Unit, notes: Mapping[str, Sequence[NewNote]]) -> None:
    for job_id, each in notes.items():
        if (row := unit.rows.get(job_id)) is not None:
            unit.note(row, each)


def expire(unit: Unit, ids: Sequence[str]) -> list[Job]:
    """Those that are still queued and overdue, as they ended."""
    rows = [row for job_id in ids if (row := unit.rows.get(job_id)) is not None]
    due = [row for row in rows if row.status is Status.QUEUED and (row["deadline"] or unit.now + 1) <= unit.now]
    for row in due:
        unit.end(row, Outcome.of_error(Expired()))
    return [row.job() for row in due]
