"""What one transaction works on: the rows it has locked, and what its calls have decided to write. No database here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from storehand.errors import Cancelled, Poison
from storehand.job import EventKind, NewNote, Outcome
from storehand.store import Limit
from storehand.store.notes import CANCEL_REQUESTED, add_lines, encode_notes
from storehand.store.postgres.fresh import Fresh, NewRow
from storehand.store.postgres.row import Row
from storehand.store.rows import encode, encode_outcome

T = TypeVar("T")


class Unit:
    """Calls are decided one after the other, each on what the earlier ones have left."""

    def __init__(self, now: float, rows: Mapping[str, Row], late: Late, fresh: Fresh) -> None:
        self.now = now
        self.rows = rows
        self.late = late
        self.fresh = fresh
        self.events: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.erased: list[Row] = []

    def end(self, row: Row, outcome: Outcome, *, text: str | None = None, notes: Sequence[NewNote] = ()) -> None:
        """The terminal state of a row that is not terminal, its END event, and the dead letter of a poison job."""
        row.put(
            status=str(outcome.status), outcome=text or encode_outcome(outcome), lease_until=None,
            finished_at=self.now, updated_at=self.now,
        )  # fmt: skip
        self.note(row, notes)
        self.tell(row, row["attempts"], EventKind.END, encode({"status": outcome.status, "code": outcome.code}))
        if outcome.code == Poison.code and outcome.error is not None:
            self.bury(queue=row["task"], reason=outcome.error.message, job_id=row["id"])

    def cancel(self, row: Row) -> None:
        self.end(row, Outcome.of_error(Cancelled()), notes=[CANCEL_REQUESTED])

    def tell(self, row: Row, attempt: int, kind: EventKind, data: str) -> None:
        """One event more."""
        row.put(last_seq=row["last_seq"] + 1)
        self.events.append(
            {
                "n": row["n"],
                "seq": row["last_seq"],
                "attempt": attempt,
                "kind": str(kind),
                "data": data,
                "at": self.now,
            }
        )

    def bury(self, **letter: str | None) -> None:
        """A dead letter; without a `body` that is the input of the job."""
        self.letters.append({**letter, "at": self.now})

    def note(self, row: Row, notes: Sequence[NewNote]) -> None:
        if notes:
            row.put(history=add_lines(row["history"], encode_notes(notes, self.now)))

    @property
    def changes(self) -> dict[tuple[str, ...], list[Row]]:
        """Changed rows by the columns that changed."""
        found: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows.values():
            if row.changed:
                found.setdefault(tuple(sorted(row.changed)), []).append(row)
        return found

    @property
    def told(self) -> dict[str, int]:
        """Jobs whose readers have something to read, with their last event's number."""
        return {job_id: row["last_seq"] for job_id, row in self.rows.items() if "last_seq" in row.changed}


@dataclass(slots=True)
class Late:
    """What this process has done without learning of it: the answer to the commit was lost. A call that comes again
    gets that answer then."""

    claims: dict[str, tuple[str, int]] = field(default_factory=dict)
    ends: dict[tuple[str, str | None, int | None], str] = field(default_factory=dict)

    def was_mine(self, job_id: str, owner: str, attempt: int) -> bool:
        """Whether this very claim was never answered; it is now."""
        if self.claims.get(job_id) != (owner, attempt):
            return False
        del self.claims[job_id]
        return True

    def was_written(self, job_id: str, owner: str | None, attempt: int | None, text: str) -> bool:
        if self.ends.get((job_id, owner, attempt)) != text:
            return False
        del self.ends[job_id, owner, attempt]
        return True


@dataclass(slots=True)
class Call(Generic[T]):
    """One caller's wish and what became of it. `decide` may run again: after a deadlock the transaction is repeated."""

    decide: Callable[[Unit], T]
    ids: Sequence[str] = ()
    needs_inputs: bool = False
    new: Sequence[NewRow] = ()
    """Rows to create, as `fresh.row_of` makes them."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    if_late: Callable[[Late, T], None] | None = None
    value: T | None = None
    error: Exception | None = None

    def late(self, late: Late) -> None:
        """It was done after all."""
        if self.if_late is not None:
            self.if_late(late, self.value)  # type: ignore[arg-type]  # None only where T allows it

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None only where T allows it
