"""The worker's Celery app: `celery -A storehand_worker.app worker`, `flower`, `inspect` and friends.

Importing it loads neither plugins nor models.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

from celery import Celery, signals
from celery.apps import worker as celery_worker

from storehand.broker.guarded import register_guarded
from storehand.celery_app import make_celery
from storehand.errors import SettingsError
from storehand.settings import Settings, read_settings
from storehand_worker.inflation import bound_decompression
from storehand_worker.log import leave_nothing_unsaid, set_up_logging
from storehand_worker.log_lines import say_json

QUIET = ("celery.worker.strategy", "kombu", "amqp")
"""They say per message what our job log says better."""

INDISCREET = ("celery.app.trace", "celery.pool")
"""They quote inputs and outputs, at DEBUG or before: never heard, at no level."""


def worker_app(settings: Settings) -> Celery:
    """An app that can run a worker with these settings."""
    register_guarded()
    bound_decompression(settings.message_max_bytes)
    app: Any = make_celery(settings)
    app.conf.update(
        worker_pool="storehand_worker.pool:EnginePool",
        worker_consumer="storehand_worker.guard:GuardedConsumer",
        worker_concurrency=settings.concurrency,
        task_time_limit=settings.time_limit_s,
        task_soft_time_limit=settings.soft_time_limit_s,
        # Redelivered messages join their running jobs, so the full prefetch does no harm; a smaller one would fill up.
        # Celery 5.7 reduces on Redis and classic queues only, and restores it on pool threads, off the channel's own.
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=settings.remote_control != "none",
    )
    app.steps["worker"].add("storehand_worker.steps:JobPathStep")
    app.storehand_settings = settings
    app.storehand_worker = None
    signals.celeryd_init.connect(_on_init, weak=False, dispatch_uid="storehand.init")
    return app


def _on_init(instance: Any = None, **_: Any) -> None:
    """A worker of our app comes up; other apps in the process are left alone."""
    settings = getattr(getattr(instance, "app", None), "storehand_settings", None)
    if settings is None:
        return
    from storehand_worker.job_path import JobPath
    from storehand_worker.steps import connect

    set_up_logging(settings.log_level, log_format=settings.log_format)  # Celery warns before it asks for it
    leave_nothing_unsaid()
    instance.app.storehand_worker = instance
    if settings.log_format == "json":
        instance.quiet = True  # Celery's banner
        celery_worker.safe_say = say_json
    instance.app.job_path = JobPath(instance.app, settings)
    connect(instance.app)
    signals.setup_logging.connect(
        lambda loglevel=None, **_: _set_up_logging(settings, loglevel), weak=False, dispatch_uid="storehand.logging"
    )


def _set_up_logging(settings: Settings, loglevel: Any) -> None:
    level = _named_level(loglevel) or settings.log_level
    set_up_logging(level, log_format=settings.log_format)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
    for name in INDISCREET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _named_level(loglevel: Any) -> str | None:
    """Celery's -l, if it was given: its default is WARNING, which would hide the job log."""
    import click
    from click.core import ParameterSource

    context = click.get_current_context(silent=True)
    if context is None or context.get_parameter_source("loglevel") is not ParameterSource.COMMANDLINE:
        return None
    return logging.getLevelName(loglevel) if isinstance(loglevel, int) else str(loglevel)


def run_worker(settings: Settings, argv: Sequence[str] = ()) -> int:
    """Runs a worker in this process until it has drained; returns the exit code. `argv` goes to `celery worker`."""
    # On one host the store knows what is cancelled; asking other workers would only cost a second at the start.
    alone = ["--without-mingle", "--without-gossip"] if settings.is_embedded else []
    app: Any = worker_app(settings)
    try:
        app.start(["worker", *alone, *argv])
        code = getattr(app.storehand_worker, "exitcode", None)  # Celery's `start` keeps it to itself
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)  # noqa: T201  # what the interpreter does with it
        code = leaving.code
    return code if isinstance(code, int) else int(code is not None)


def __getattr__(name: str) -> Any:
    """`app`, from environment and file, once Celery asks for it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        settings = read_settings()
    except SettingsError as error:  # Celery would print a traceback; this ends its command with one line
        raise SystemExit(f"the worker can't start: {error.code}: {error.message}") from None
    globals()["app"] = made = worker_app(settings)
    return made
