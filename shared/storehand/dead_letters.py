"""Dead letters: poison jobs and messages that are no jobs, wherever they lie, and how they come back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storehand.errors import Erased, JobNotFound, MalformedMessage
from storehand.job import Job, NewJob, NewNote, Status
from storehand.payload import large_fingerprint
from storehand.submission import new_job, raw_input

if TYPE_CHECKING:
    from storehand.broker.dead import DeadMessage
    from storehand.client import Client
    from storehand.store import DeadLetter

MOST = 2000
"""Letters looked at in one go: each may bring 64 kB of body."""

_OF_QUEUE = "q"
_NAMESPACE = uuid.UUID("0d0c36a7-5c9b-5d2e-9d4c-7d0b4c1f2a11")


@dataclass(frozen=True, slots=True)
class Dead:
    """`id` is a number for what the store keeps, `q` and a number for what the embedded queue gave up."""

    id: str
    queue: str
    reason: str
    at: float
    job_id: str | None
    task: str | None
    body: str


class DeadLetters:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._store = client.store

    def count(self) -> int:
        return self._store.stats().dead_letters + len(self._of_queue())

    def find(self, *, reason: str | None = None, queue: str | None = None, limit: int = MOST) -> list[Dead]:
        """Newest first, among the newest MOST; `reason` and `queue` as parts of theirs."""
        kept = [_of_store(letter) for letter in self._store.dead_letters(MOST)]
        found = sorted([*kept, *self._of_queue()], key=lambda each: each.at, reverse=True)
        return [each for each in found if _has(each.reason, reason) and _has(each.queue, queue)][:limit]

    def get(self, ids: Sequence[str]) -> list[Dead]:
        """In the order of `ids`. JobNotFound names those that are not there."""
        numbers = [int(each) for each in ids if each.isdigit()]
        letters = self._store.dead_letters(len(numbers), ids=numbers) if numbers else []
        found = {each.id: each for each in [*map(_of_store, letters), *self._of_queue()]}
        if missing := [each for each in ids if each not in found]:
            raise JobNotFound(
                f"there is no dead letter {', '.join(missing)}",
                details={"advice": "`storehand dead list` lists them; they are deleted after result_ttl_s"},
            )
        return [found[each] for each in ids]

    def drop(self, letters: Sequence[Dead]) -> int:
        """Deletes them for good; how many there were."""
        numbers = [int(each.id) for each in letters if not each.id.startswith(_OF_QUEUE)]
        of_queue = [int(each.id.removeprefix(_OF_QUEUE)) for each in letters if each.id.startswith(_OF_QUEUE)]
        dropped = self._store.drop_dead(numbers) if numbers else 0
        if of_queue and (path := self._file()) is not None:
            from storehand.broker.dead import drop_dead

            dropped += drop_dead(path, of_queue)
        return dropped

    def retry(self, letter: Dead) -> list[str]:
        """Brings one back, and drops it; returns the ids of its jobs, none for a message that went back to its queue.
        A poison job comes as a new one, for its end is written once. A coded error says why it can't: it stays."""
        if letter.id.startswith(_OF_QUEUE):
            self._requeue(int(letter.id.removeprefix(_OF_QUEUE)))
            return []
        ids = self._read_again(letter) if letter.task is not None else self._copy(letter)
        self.drop([letter])
        return ids

    def _copy(self, letter: Dead) -> list[str]:
        """A job like the one that was poison: same input, tenant, priority and subject."""
        row = self._store.get([letter.job_id]).get(letter.job_id) if letter.job_id else None
        if row is None:
            raise JobNotFound("neither its task nor its job is known any more, so nobody knows what it asked for")
        if row.outcome is not None and row.outcome.code == Erased.code:
            raise Erased()
        [job] = self._client.enqueue([self._like(row, _new_id(letter))])
        self._store.tell({row.id: [NewNote("submitted_again", {"job_id": job.id})]})
        return [job.id]

    def _like(self, row: Job, new_id: str) -> NewJob:
        now = self._store.now()
        new = new_job(
            self._client.settings, row.task, self._client.payloads.whole(row).input, now=now, priority=row.priority,
            tenant=row.tenant, subject=row.subject, batch=row.batch,
            deadline=row.deadline if row.deadline is not None and row.deadline > now else None,
        )  # fmt: skip
        return replace(new, id=new_id, parent=row.id, experiment=row.experiment, trace=row.trace)

    def _read_again(self, letter: Dead) -> list[str]:
        """A message may be readable now: its task's plugin is installed, or a limit was raised."""
        from storehand.message import read_call

        args, kwargs = _arguments(letter.body)
        settings = self._client.settings
        call = read_call(letter.task or "", _new_id(letter), args, kwargs, tenant=settings.tenant)
        if call.new_jobs:
            now = self._store.now()
            return [row.id for row in self._client.enqueue([self._checked(new, now) for new in call.new_jobs])]
        rows = [row for row in self._store.get(call.ids).values() if row.status is Status.QUEUED]
        if not rows:
            raise JobNotFound("the jobs it rang for are running, have ended, or are gone")
        self._client.producer.ring(rows)
        return [row.id for row in rows]

    def _checked(self, new: NewJob, now: float) -> NewJob:
        data = raw_input(new.task, new.input)
        deadline = new.deadline if new.deadline is not None and new.deadline > now else None
        large = large_fingerprint(data, self._client.settings)
        return replace(new, input=data, fingerprint=large, deadline=deadline)

    def _requeue(self, number: int) -> None:
        from storehand.broker.dead import requeue_dead

        path = self._file()
        if path is None or not requeue_dead(path, [number]):
            raise JobNotFound(f"there is no dead letter {_OF_QUEUE}{number}")

    def _of_queue(self) -> list[Dead]:
        """What the embedded queue gave up by itself. RabbitMQ's comes into the store by a worker, Redis has none."""
        path = self._file()
        if path is None:
            return []
        from storehand.broker.dead import dead_messages

        return [_of_message(message) for message in dead_messages(path, limit=MOST)]

    def _file(self) -> Path | None:
        settings = self._client.settings
        if not settings.is_embedded:
            return None
        from storehand.broker.transport import queue_file

        return Path(queue_file(settings.broker_url.get_secret_value()))


def _new_id(letter: Dead) -> str:
    """The same on every try, so that one that was cut short makes no second job."""
    return str(uuid.uuid5(_NAMESPACE, f"{letter.id}/{letter.at!r}"))


def _arguments(body: str) -> tuple[list[Any], dict[str, Any]]:
    """Of a Celery message of protocol 2, which is how all of ours and nearly all others are written."""
    try:
        args, kwargs, _ = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        raise MalformedMessage("its body is no readable Celery message, or was too long to be kept whole") from None
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise MalformedMessage("its body is no Celery message: no arguments")
    return args, kwargs


def _of_store(letter: DeadLetter) -> Dead:
    return Dead(str(letter.id), letter.queue, letter.reason, letter.at, letter.job_id, letter.task, letter.body)


def _of_message(message: DeadMessage) -> Dead:
    body = message.body if message.body is not None else ""
    text = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else body
    return Dead(f"{_OF_QUEUE}{message.id}", message.queue, message.reason, message.at, None, None, text)


def _has(text: str, part: str | None) -> bool:
    return part is None or part.casefold() in text.casefold()
