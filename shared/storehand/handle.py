"""A job as its owner holds it: status, result, stream, cancel."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from storehand.contracts import INPUTS
from storehand.errors import JobNotFound, NotReady, PluginError, Unavailable
from storehand.job import Event, EventKind, Job, Outcome, Status
from storehand.waiting import Change

if TYPE_CHECKING:
    from storehand.producer import Producer
    from storehand.store import JobStore

O = TypeVar("O", covariant=True)  # noqa: E741  # output

log = logging.getLogger("storehand.client")


class JobHandle(Generic[O]):
    """Made by `Client.submit` and `Client.job`. Holds no row: every look is fresh."""

    def __init__(self, job_id: str, store: JobStore, producer: Producer, *, output_type: type[O] | None = None) -> None:
        self.id = job_id
        self._store = store
        self._producer = producer
        self._output_type = output_type

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @property
    def job(self) -> Job:
        """The row as it is now."""
        return existing(self.id, self._store.get([self.id]))

    @property
    def status(self) -> Status:
        return self.job.status

    def outcome(self, timeout: float | None = None) -> Outcome:
        """How the job ended, errors included. NotReady after `timeout` seconds; the job goes on."""
        change = Change(self._store, timeout, [self.id])
        while True:
            outcome = self.job.outcome
            if outcome is not None:
                return outcome
            if not change.wait():
                raise NotReady(f"job {self.id} has no answer after {timeout:g} s; it goes on")

    def result(self, timeout: float | None = None) -> O:
        """The output. Raises the coded error of a job that has none, NotReady after `timeout` seconds."""
        outcome = self.outcome(timeout)
        return self.read(self.job.task, outcome)

    def read(self, task: str, outcome: Outcome) -> O:
        """The typed output of an outcome, or its error raised."""
        return read_output(task, outcome.unwrap(), self._output_type)

    def events_or_end(self, after: int) -> list[Event] | None:
        """Events with a `seq` over `after`; none of them and none to come: None."""
        events = self._store.events(self.id, after)
        if not events and self.job.status.is_terminal:  # END may have come between the two reads
            return self._store.events(self.id, after) or None
        return events

    def stream(self, after: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Events with a `seq` over `after`, as they come, up to END. A reader that lost its connection goes on with
        `after=<last seq it has>`. NotReady when nothing came for `timeout` seconds."""
        change = Change(self._store, timeout, [self.id])
        while True:
            events = self.events_or_end(after)
            if events is None:
                return
            for event in events:
                after = event.seq
                yield event
                if event.kind is EventKind.END:
                    return
            if events:
                change.restart()
            elif not change.wait():
                raise NotReady(f"job {self.id} streamed nothing for {timeout:g} s; it goes on")

    def text_stream(self, timeout: float | None = None) -> Iterator[str]:
        """The whole text so far, each time it has grown. It may start anew when another worker takes the job over."""
        text = StreamedText()
        for event in self.stream(timeout=timeout):
            if text.add(event):
                yield text.value

    def cancel(self) -> Status:
        """Asks the job to stop; returns its status after the call: `cancelled` for a job that was still queued,
        `running` for one whose worker now stops it, else how it ended before."""
        status = self._store.request_cancel([self.id]).get(self.id)
        if status is None:
            raise JobNotFound(f"there is no job {self.id}")
        if status is Status.RUNNING and self._producer.is_connected:
            try:  # only a hint: the worker reads the row soon anyway
                self._producer.revoke(self.id)
            except Unavailable as error:
                log.debug("cancel of job %s goes by its row alone: %s", self.id, error)
        return status


class StreamedText:
    """Puts events together to the text they mean."""

    def __init__(self) -> None:
        self.value = ""
        self._attempt = 0

    def add(self, event: Event) -> bool:
        """True when the text changed."""
        before = self.value
        if event.attempt != self._attempt and event.kind is not EventKind.END:
            self._attempt, self.value = event.attempt, ""
        piece = str(event.data.get("text", ""))
        if event.kind is EventKind.DELTA:
            self.value += piece
        elif event.kind is EventKind.SNAPSHOT:
            self.value = piece
        return self.value != before


def existing(job_id: str, found: Mapping[str, Job]) -> Job:
    job = found.get(job_id)
    if job is None:
        raise JobNotFound(f"there is no job {job_id}: it was never created, or its result_ttl_s is over")
    return job


def read_output(task: str, data: Mapping[str, Any], output_type: type[O] | None) -> O:
    """Typed where the contract is known, else the plain mapping. Fields this version does not know are left out: a
    newer worker may add some."""
    wanted: Any = output_type or (INPUTS[task].output_type if task in INPUTS else dict)
    if not issubclass(wanted, BaseModel):
        return cast(O, dict(data))
    try:
        return cast(O, wanted.model_validate(data, extra="ignore"))
    except ValidationError as error:
        raise PluginError(f"the answer of {task} does not fit the contract this client knows: {error}") from None
