"""Prints answers: one outcome, many as they come, or a text while it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from storehand.cli.exits import ExitCode, report
from storehand.cli.output import console, print_json, print_json_line, say
from storehand.errors import NotReady
from storehand.job import Event, EventKind, Outcome

if TYPE_CHECKING:
    from storehand.client import Client
    from storehand.handle import JobHandle

NEVER = None
"""No end of patience."""


def show_outcome(handle: JobHandle[Any], timeout_s: float | None, *, as_json: bool) -> None:
    """The output as JSON; a job without one prints its error and exits with FAILED."""
    try:
        with _waiting(f"waiting for {handle.id}; Ctrl-C leaves it going on"):
            outcome = handle.outcome(timeout_s)
    except NotReady as error:
        raise NotReady(error.message, details={"job_id": handle.id}) from None
    if outcome.error is not None:
        report(outcome.error.exception(), as_json=as_json, job_id=handle.id)
        raise typer.Exit(ExitCode.FAILED)
    print_json(_document(handle.id, outcome) if as_json else outcome.output)


def show_each_outcome(client: Client, handles: Sequence[JobHandle[Any]], timeout_s: float | None) -> None:
    """One JSON line per job as it ends, with the number of its input line; FAILED when one has no output."""
    numbers: dict[str, list[int]] = {}
    for number, handle in enumerate(handles, 1):
        numbers.setdefault(handle.id, []).append(number)
    failed = 0
    for handle in client.as_completed(_unique(handles), timeout_s):
        outcome = handle.outcome(0)
        failed += outcome.error is not None
        for number in numbers[handle.id]:
            print_json_line({"line": number, **_document(handle.id, outcome)})
    say(f"{len(numbers)} jobs, {failed} without an output", style="dim")
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def show_stream(handle: JobHandle[Any], timeout_s: float | None, *, as_json: bool, after: int = 0) -> None:
    """The text as it grows, then how it ended; with `as_json` one event per line."""
    text = _GrowingText()
    for event in handle.stream(after, timeout_s):
        if as_json:
            print_json_line(asdict(event))
        else:
            text.show(event)
    text.finish()
    outcome = handle.outcome(0)
    if as_json:
        print_json_line(_document(handle.id, outcome))
    elif outcome.error is not None:
        report(outcome.error.exception(), as_json=False, job_id=handle.id)
    else:
        say(f"done; all of it: storehand result {handle.id}", style="dim")
    if outcome.error is not None:
        raise typer.Exit(ExitCode.FAILED)


class _GrowingText:
    """Writes what is new; says so when the text begins anew."""

    def __init__(self) -> None:
        self._attempt = 0
        self._is_line_open = False

    def show(self, event: Event) -> None:
        if event.kind is EventKind.END:
            return
        text = str(event.data.get("text", ""))
        if event.kind is EventKind.PROGRESS:
            self.finish()
            say(f"… {text}", style="dim")
            return
        if self._is_line_open and (event.kind is EventKind.SNAPSHOT or event.attempt != self._attempt):
            self.finish()
            say("the text begins anew:", style="dim")
        self._attempt = event.attempt
        typer.echo(text, nl=False)
        self._is_line_open = (bool(text) and not text.endswith("\n")) or (self._is_line_open and not text)

    def finish(self) -> None:
        if self._is_line_open:
            typer.echo()
        self._is_line_open = False


def _document(job_id: str, outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"id": job_id, "status": outcome.status}
    if outcome.error is not None:
        return {**document, "error": asdict(outcome.error)}
    return {**document, "output": outcome.output}


def _unique(handles: Sequence[JobHandle[Any]]) -> list[JobHandle[Any]]:
    return list({handle.id: handle for handle in handles}.values())


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield
        return
    with out.status(text):
        yield
