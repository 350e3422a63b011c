"""`storehand jobs`: what is in the job store, and one job's whole story."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from storehand.cli import dead
from storehand.cli.app import App
from storehand.cli.explain import print_story, story_of
from storehand.cli.options import AsJson, DataDir, Tenant, load_settings
from storehand.cli.output import console, print_json, print_table, say, span
from storehand.job import Job, Status
from storehand.store import JobStore, open_store
from storehand.story import Story

_STYLES = {
    Status.QUEUED: "cyan",
    Status.RUNNING: "yellow",
    Status.SUCCEEDED: "green",
    Status.FAILED: "bold red",
    Status.CANCELLED: "magenta",
    Status.EXPIRED: "magenta",
}
_TEXT_SHOWN = 2000


def register(app: App) -> None:
    jobs = App(_LIST_HELP, invoke_without_command=True)

    @jobs.callback()
    def list_jobs(
        context: typer.Context,
        status: Annotated[list[Status] | None, typer.Option(help="Only jobs that stand so; may be repeated.")] = None,
        task: Annotated[str | None, typer.Option(help="Only jobs of this task.")] = None,
        tenant: Tenant = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 20,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        if context.invoked_subcommand is not None:
            return
        with closing(open_store(load_settings(data_dir=data_dir))) as store:
            found = store.find(statuses=status or (), task=task, tenant=tenant, limit=limit)
            if as_json:
                print_json([to_json(job) for job in found])
            else:
                _show_list(found, store)

    @jobs.command()
    def show(
        job_id: Annotated[str, typer.Argument(help="The job's id.", metavar="ID")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show one job: its story, its input, how it ended. 查看一个任务的全部内容。

        \b
        Examples / 示例
          storehand jobs show 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
          storehand jobs show 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --json
        """
        with closing(open_store(load_settings(data_dir=data_dir))) as store:
            job, events, story = story_of(store, job_id)
        if as_json:
            print_json({**to_json(job), "events": [asdict(event) for event in events]})
        else:
            _show(job, story)

    jobs.add_typer(dead.group(), name="dead", hidden=True)  # where it stood first
    app.add_typer(jobs, name="jobs", short_help="List the jobs in the store, or show one with its content.")


def to_json(job: Job) -> dict[str, Any]:
    """A row, JSON-ready; times are epoch seconds."""
    row = asdict(job)
    if job.outcome is not None:
        row["outcome"] = {key: value for key, value in row["outcome"].items() if value is not None}
    return row


def _show_list(found: list[Job], store: JobStore) -> None:
    now = store.now()
    rows = [
        (
            job.id,
            job.task,
            Text(job.status, style=_STYLES[job.status]),
            job.priority,
            span(now - job.created_at),
            span(_took_s(job)),
            str(job.attempts),
            job.outcome.code if job.outcome else "",
        )
        for job in found
    ]
    print_table(("id", "task", "status", "priority", "age", "took", "attempts", "code"), rows)
    counts = store.stats().by_status
    say("in the store: " + (", ".join(f"{count} {status}" for status, count in counts.items() if count) or "nothing"))


def _took_s(job: Job) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return job.finished_at - job.started_at


def _show(job: Job, story: Story) -> None:
    out = console()
    head = Text.assemble((job.id, "bold"), f"  {job.task}  ", (job.status, _STYLES[job.status]))
    out.print(head)
    facts = {
        "tenant": job.tenant,
        "priority": job.priority,
        "idempotency key": job.idempotency_key,
        "attempts": job.attempts,
        "crashes": job.crashes or None,
        "owner": job.owner,
        "batch": job.batch,
        "parent": job.parent,
        "experiment": job.experiment,
        "trace": job.trace,
        "payload": job.payload_ref,
        "subject": job.subject,
    }
    print_table(("", ""), [(name, str(value)) for name, value in facts.items() if value is not None])
    print_story(story)
    _show_document("Input", job.input)
    if job.outcome is not None and job.outcome.output is not None:
        _show_document("Output", job.outcome.output)
    if job.outcome is not None and job.outcome.error is not None:
        error = job.outcome.error
        out.print(Text(f"{error.code}: {error.message}", style="red"))
        if error.details:
            _show_document("Details", dict(error.details))


def _show_document(title: str, document: Any) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    if len(text) > _TEXT_SHOWN:
        text = f"{text[:_TEXT_SHOWN]}\n… {len(text) - _TEXT_SHOWN} characters more; --json prints all"
    out = console()
    out.print(Text(title, style="bold"))
    out.print(Text(text))


_LIST_HELP = """List the jobs in the store, newest first; `jobs show ID` shows one. 列出任务。

\b
Examples / 示例
  storehand jobs                                   # the newest 20 / 最近 20 个
  storehand jobs --status failed --status expired  # what went wrong / 出错的任务
  storehand jobs --task sentiment --limit 100 --json
  storehand jobs show 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
  storehand explain 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
"""
