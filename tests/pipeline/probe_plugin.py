"""A plugin for tests of the job path: its task sleeps, echoes, fails or kills its worker, and needs no model.

Each run that reaches its end appends a line to the ledger file: the witness outside of the store for "run twice".
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from celery.worker.control import control_command

from storehand.broker.errors import QueueUnavailable
from storehand.contracts.base import TaskInput, TaskOutput
from storehand.errors import EngineError, InvalidInput
from storehand.hookspecs import hookimpl
from storehand.job import Job, Outcome
from storehand.task import Context, Kind, Models, Task


class ProbeOutput(TaskOutput):
    text: str
    attempt: int


class ProbeInput(TaskInput[ProbeOutput], task="probe"):
    text: str = "hello"
    work_s: float = 0.0
    mode: Literal[
        "echo", "refuse", "raise", "exit", "flaky", "kill", "stubborn", "held", "stream", "speak", "wrong", "ask",
        "watch",
    ] = "echo"  # fmt: skip


class ProbeTask(Task[ProbeInput, ProbeOutput]):
    name = "probe"
    input_type = ProbeInput
    output_type = ProbeOutput
    optional_roles: ClassVar[Mapping[str, Kind]] = {"text": "generate"}  # loaded where a test binds it

    def run(self, input: ProbeInput, models: Models, context: Context) -> ProbeOutput:
        _note("starts", context)
        end = time.monotonic() + (0 if input.mode == "speak" else input.work_s)
        while time.monotonic() < end:
            if input.mode != "stubborn":
                context.check()
            time.sleep(min(0.005, max(0.0, end - time.monotonic())))
        while input.mode == "held" and not Path(input.text).exists():  # heeds no stop, only the test's file
            time.sleep(0.005)  # the task's work, which a test ends
        if input.mode == "refuse":
            raise InvalidInput("not with me")
        if input.mode == "raise":
            raise ValueError(f"secret {input.text}")
        if input.mode == "exit":
            raise SystemExit(3)
        if input.mode == "flaky" and context.attempt < 3:
            raise EngineError("not yet")
        if input.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if input.mode == "stream":
            for piece in input.text.split():
                context.emit(piece + " ")
        if input.mode == "speak":  # a stream that takes its time
            pieces = input.text.split()
            for piece in pieces:
                context.emit(piece + " ")
                time.sleep(input.work_s / len(pieces))
                context.check()
        if input.mode == "wrong":
            return {"text": "no model"}  # type: ignore[return-value]  # on purpose
        if input.mode == "ask":
            models.generate("text", input.text)
        _note("ends", context)
        return ProbeOutput(text=input.text, attempt=context.attempt)


def _note(what: str, context: Context) -> None:
    ledger = os.environ.get("PROBE_LEDGER")
    if ledger:
        with Path(ledger).open("a", encoding="utf-8") as file:  # one short O_APPEND write is atomic
            file.write(f"{what} {context.job_id}\n")


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [ProbeTask()]


@hookimpl
def on_job_done(job: Job, outcome: Outcome) -> None:
    if job.input.get("mode") == "watch":
        raise RuntimeError(f"can't count {outcome} of {job.input}")


@control_command()
def cut_connection(state: Any) -> dict[str, str]:
    """Lets the event loop meet what a dead broker connection raises."""

    def die() -> None:
        raise QueueUnavailable("cut by a test")

    state.consumer.hub.call_soon(die)
    return {"ok": "cut"}
