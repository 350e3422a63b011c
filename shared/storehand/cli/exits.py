"""How a command ends: exit codes, and one line that says what happened and what to do next."""

from __future__ import annotations

from enum import IntEnum

from storehand.cli.output import print_json, say
from storehand.errors import (
    IdempotencyConflict,
    InvalidInput,
    JobNotFound,
    NotReady,
    SettingsError,
    StorehandError,
    Throttled,
    Unavailable,
)


class ExitCode(IntEnum):
    """What `$?` says after a command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_READY = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "a job ended without an output (its code is printed), or doctor found something red",
    ExitCode.USAGE: "wrong usage, invalid input or settings, unknown job",
    ExitCode.NOT_READY: "not ready in time; the job goes on",
    ExitCode.UNAVAILABLE: "broker or store can't be reached, or the tenant is over its limit; try again",
    ExitCode.INTERRUPTED: "Ctrl-C",
}

INSTALL_HINT = "install `storehand[worker,models]`"

_ADVICE = {
    "settings": "`storehand doctor` shows every setting and where it comes from",
    "invalid_input": "`storehand schema TASK` prints what a task accepts",
    "unknown_task": "`storehand schema` lists the tasks, `storehand plugins` those a worker here would bring",
    "payload_too_large": "send less, or set payload_url, beneath which larger inputs are stored",
    "idempotency_conflict": "send the same input again, or use another --idempotency-key",
    "job_not_found": "`storehand jobs` lists what is there; finished jobs are deleted after result_ttl_s",
    "not_ready": "the job goes on: ask again with `storehand result ID --timeout 60s`; `storehand doctor` sees workers",
    "rate_limited": "try again after the time it says; tenant_limits holds what each tenant may",
    "quota_exceeded": "wait until some of the tenant's jobs have ended, or raise open_jobs in tenant_limits",
    "erased": "its content was deleted on request; only its times and its status are kept",
    "payload_lost": "submit it again; whoever deletes files at payload_url must leave those of open jobs",
    "cancelled": "submit it again if the answer is wanted after all",
    "expired": "submit it again with a longer --deadline; `storehand doctor` shows the backlog",
    "time_limit": "split the input, or raise soft_time_limit_s on the worker",
    "poison": "its worker died under it again and again; `storehand explain ID` tells its story",
    "overloaded": "try again in a while, or add a worker",
    "out_of_memory": "send a smaller input, or bind the role to a smaller model",
    "model_not_available": "`storehand doctor` says which model files are missing",
    "engine_lost": "try again: the worker leaves and is started anew; its log has the reason",
    "engine": "try again; the worker's log has the whole story",
    "plugin": "the worker's log has the whole story",
    "unavailable": "`storehand doctor` says what is not reachable",
}


class ExtraMissing(SettingsError):
    """The command needs more than the light client."""


def extra_missing(command: str, missing: str) -> ExtraMissing:
    """The error of a command whose module is not installed."""
    message = f"`storehand {command}` needs more than the light client ({missing})"
    return ExtraMissing(message, details={"advice": INSTALL_HINT})


_EXITS: tuple[tuple[type[StorehandError], ExitCode], ...] = (
    (InvalidInput, ExitCode.USAGE),
    (SettingsError, ExitCode.USAGE),
    (IdempotencyConflict, ExitCode.USAGE),
    (JobNotFound, ExitCode.USAGE),
    (NotReady, ExitCode.NOT_READY),
    (Unavailable, ExitCode.UNAVAILABLE),
    (Throttled, ExitCode.UNAVAILABLE),
)


def exit_code_of(error: StorehandError) -> ExitCode:
    """The exit code of an error that stopped a command; a job's own error is always FAILED."""
    return next((code for kind, code in _EXITS if isinstance(error, kind)), ExitCode.FAILED)


def report(error: StorehandError, *, as_json: bool, job_id: str | None = None, task: str | None = None) -> None:
    """Prints an error: one line and its advice on stderr, or a JSON document on stdout for machines."""
    advice = error.details.get("advice") or _ADVICE.get(error.code, "`storehand doctor` looks for the usual causes")
    advice = advice.replace("TASK", str(error.details.get("task") or task or "TASK")).replace("ID", job_id or "ID")
    if as_json:
        shown = {"code": error.code, "message": error.message, "details": error.details, "advice": advice}
        print_json({"id": job_id, "error": shown} if job_id else {"error": shown})
        return
    say(f"{error.code}: {error.message}", style="red")
    say(f"→ {advice}")
