"""`storehand erase`: the content of jobs is deleted on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from storehand.cli.app import App
from storehand.cli.exits import ExitCode
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import print_json, say
from storehand.cli.values import duration
from storehand.job import Job

if TYPE_CHECKING:
    from storehand.erasing import Erasure


def register(app: App) -> None:
    @app.command()
    def erase(
        job_ids: Annotated[
            list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of jobs.", show_default=False)
        ] = None,
        subject: Annotated[
            str | None, typer.Option(help="All jobs that were submitted with this subject.", show_default=False)
        ] = None,
        tenant: Annotated[str | None, typer.Option(help="Only jobs of this tenant.", show_default=False)] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        timeout: Annotated[
            float | None,
            typer.Option(parser=duration, metavar="DURATION", help="How long running ones may take to stop; 30s."),
        ] = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Delete the content of jobs: input, output, stream, dead letters, subject. 按请求删除任务内容。

        Queued jobs are cancelled, running ones stopped. A row with times and status stays until result_ttl_s is over,
        so that a late message does not run the job again. docs/privacy.md says what is kept where.

        \b
        Examples / 示例
          storehand erase --subject customer-4711 --dry-run    # what is there / 先看看
          storehand erase --subject customer-4711              # asks first / 先询问
          storehand erase 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --yes
        """
        from storehand.client import ERASE_S, Client

        if bool(job_ids) == (subject is not None):
            raise typer.BadParameter("name jobs by their ids, or a person by --subject")
        with Client(load_settings(data_dir=data_dir)) as client:
            jobs, unknown = client.eraser.find(job_ids, subject=subject, tenant=tenant)
            if dry_run:
                _show_plan(jobs, unknown, as_json=as_json)
                return
            if jobs and not yes:
                typer.confirm(f"{_counted(jobs)}. Erase them? It can't be undone. 确定删除？", abort=True, err=True)
            result = client.erase([job.id for job in jobs] + unknown, timeout=timeout or ERASE_S)
        _show(result, as_json=as_json)
        if not result.is_complete:
            raise typer.Exit(ExitCode.NOT_READY)


def _counted(jobs: Sequence[Job]) -> str:
    by_status = Counter(str(job.status) for job in jobs)
    return f"{len(jobs)} job(s): " + ", ".join(f"{count} {status}" for status, count in by_status.items())


def _show_plan(jobs: Sequence[Job], unknown: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"would_erase": [job.id for job in jobs], "unknown": list(unknown)})
        return
    for job in jobs:
        typer.echo(f"{job.id}  {job.task}  {job.status}")
    say(f"would erase {_counted(jobs)}" if jobs else "nothing to erase")
    _say_unknown(unknown)


def _show(result: Erasure, *, as_json: bool) -> None:
    if as_json:
        print_json({"erased": result.erased, "running": result.running, "unknown": result.unknown})
        return
    for job_id in result.erased:
        typer.echo(job_id)
    say(f"{len(result.erased)} job(s) erased" if result.erased else "nothing to erase")
    if result.running:
        say(f"still running, asked to stop: {', '.join(result.running)}; run the command again", style="red")
    _say_unknown(result.unknown)


def _say_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        say(f"there is no such job, or it is another tenant's: {', '.join(unknown)}")
