"""Erasure on request: the content of jobs leaves the store, and what they stored beside it; running ones stop first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from storehand.errors import InvalidInput
from storehand.job import Job
from storehand.waiting import Change

if TYPE_CHECKING:
    from storehand.payloads import Payloads
    from storehand.store import JobStore

T = TypeVar("T")

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of the jobs that were named, by id. `running` ones were asked to stop and still ran when the time was
    up: erase them again. `unknown`: there is no such job, or it is another tenant's."""

    erased: tuple[str, ...]
    running: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not self.running


class Eraser:
    def __init__(self, store: JobStore, payloads: Payloads) -> None:
        self._store = store
        self._payloads = payloads

    def find(
        self, job_ids: Iterable[str] | None = None, *, subject: str | None = None, tenant: str | None = None
    ) -> tuple[list[Job], list[str]]:
        """The rows that are meant, and the ids without one. InvalidInput unless either ids or a subject is given: a
        tenant alone is no one's request."""
        if (job_ids is None) == (subject is None):
            raise InvalidInput("erase takes job ids or a subject, one of them")
        if subject is not None:
            found, unknown = self._about(subject, tenant), list[str]()
        else:
            ids = list(dict.fromkeys([job_ids] if isinstance(job_ids, str) else job_ids or ()))
            rows = {job.id: job for page in _pages(ids) for job in self._store.get(page).values()}
            found = [job for job in rows.values() if tenant in (None, job.tenant)]
            unknown = [each for each in ids if each not in {job.id for job in found}]
        return found, unknown

    def erase(self, jobs: Sequence[Job], *, timeout_s: float) -> Erasure:
        """Ends what is queued, asks what runs to stop and waits for it, erases each as it has ended. Unavailable leaves
        some of them as they were: the same call again goes on."""
        left = {job.id: job for job in jobs}
        done: list[str] = []
        change = Change(self._store, timeout_s, left)
        while left:
            ended = self._erase_ended(list(left.values()))
            done += ended
            for job_id in ended:
                del left[job_id]
            if left and not change.wait():
                break
        return Erasure(tuple(done), running=tuple(left))

    def _erase_ended(self, jobs: Sequence[Job]) -> list[str]:
        """The ids of those that are no more. Inputs beside the store go first: as long as one can't be deleted, its row
        knows where it lies."""
        gone: list[str] = []
        for page in _pages(jobs):
            statuses = self._store.request_cancel([job.id for job in page])
            ended = [job for job in page if job.id not in statuses or statuses[job.id].is_terminal]
            self._payloads.delete(job.payload_ref for job in ended)
            self._store.erase([job.id for job in ended])
            gone += [job.id for job in ended]
        return gone

    def _about(self, subject: str, tenant: str | None) -> list[Job]:
        """All of them: their number is not known before."""
        limit = _PAGE
        while len(found := self._store.find(subject=subject, tenant=tenant, limit=limit)) == limit:
            limit *= 10
        return found


def _pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _PAGE):
        yield items[start : start + _PAGE]
