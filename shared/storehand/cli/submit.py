"""`storehand submit`: JSON in, a job or its answer out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from storehand.cli.answers import NEVER, show_each_outcome, show_outcome, show_stream
from storehand.cli.app import App
from storehand.cli.options import AsJson, DataDir, Tenant, Timeout, load_settings
from storehand.cli.output import print_json, print_json_line, say
from storehand.cli.schema import task_names
from storehand.cli.values import duration, parse_lines, parse_object, read_source
from storehand.contracts import INPUTS, default_priority
from storehand.errors import InvalidInput, UnknownTask
from storehand.job import Priority
from storehand.refusal import invalid_input

if TYPE_CHECKING:
    from storehand.client import Client
    from storehand.handle import JobHandle


@dataclass(frozen=True, slots=True)
class _Terms:
    """What all jobs of one command have in common."""

    priority: Priority
    deadline_s: float | None
    delay_s: float | None
    tenant: str | None
    subject: str | None

    def arguments(self) -> dict[str, Any]:
        deadline = None if self.deadline_s is None else timedelta(seconds=self.deadline_s)
        not_before = None if self.delay_s is None else timedelta(seconds=self.delay_s)
        return {
            "priority": self.priority, "deadline": deadline, "not_before": not_before, "tenant": self.tenant,
            "subject": self.subject,
        }  # fmt: skip


def register(app: App) -> None:
    @app.command()
    def submit(
        task: Annotated[str, typer.Argument(help="A task's name; `storehand schema` lists them.")],
        source: Annotated[
            str, typer.Argument(metavar="INPUT", help="JSON, @file.json, or - for stdin.", show_default=False)
        ] = "-",
        wait: Annotated[bool, typer.Option("--wait", help="Wait, then print the answer.")] = False,
        stream: Annotated[bool, typer.Option("--stream", help="Print the text as it is written.")] = False,
        lines: Annotated[bool, typer.Option("--lines", help="The input is JSON Lines: one job per line.")] = False,
        priority: Annotated[
            Priority | None,
            typer.Option(help="Default: standard; interactive for chat, bulk with --lines.", show_default=False),
        ] = None,
        deadline: Annotated[
            float | None,
            typer.Option(parser=duration, metavar="DURATION", help="No answer is wanted after 30s, 5m, 2h ..."),
        ] = None,
        delay: Annotated[
            float | None, typer.Option(parser=duration, metavar="DURATION", help="Do not start before 10m, 1d ...")
        ] = None,
        idempotency_key: Annotated[
            str | None, typer.Option(help="The same key and input give the first job; with --lines: KEY/1, KEY/2 ...")
        ] = None,
        tenant: Tenant = None,
        subject: Annotated[
            str | None, typer.Option(help="Id of the person the input is about; `storehand erase --subject` finds it.")
        ] = None,
        timeout: Timeout = None,
        unchecked: Annotated[
            bool, typer.Option("--unchecked", help="Send it even when the task is not known here.")
        ] = False,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Submit a job, and perhaps wait for its answer. 提交任务。

        The job is safe once its id is printed. Only the id goes to stdout; with --wait only the answer does.

        \b
        Examples / 示例
          storehand submit description '{"product": "Kettle, 1.7 L, stainless steel"}'
          storehand submit description '{"product": "电热水壶，1.7升，不锈钢"}' --stream   # 边写边看
          storehand submit description @kettle.json --wait --timeout 60s
          cat reviews.json | storehand submit sentiment - --wait --json | jq .output.overall
          storehand submit description @catalogue.jsonl --lines --wait > answers.jsonl      # 批量
          storehand submit description @kettle.json --priority interactive --deadline 30s
          storehand submit description @kettle.json --idempotency-key sku-17@v3             # 不重复
        """
        if stream and (lines or wait):
            raise typer.BadParameter("--stream shows one job and waits for it: leave out --lines and --wait")
        _refuse_unknown(app, task, unchecked=unchecked)
        chosen = priority or (Priority.BULK if lines else default_priority(task))
        terms = _Terms(chosen, deadline, delay, tenant, subject)
        text = read_source(source)
        patience_s = timeout if timeout is not None else NEVER
        with _client(data_dir) as client:
            if lines:
                handles = _submit_lines(client, task, text, terms=terms, key=idempotency_key)
                if wait:
                    show_each_outcome(client, handles, patience_s)
                else:
                    _show_ids(handles, as_json=as_json)
                return
            data = parse_object(text)
            handle = client.submit_raw(task, data, idempotency_key=idempotency_key, **terms.arguments())
            if stream:
                show_stream(handle, patience_s, as_json=as_json)
            elif wait:
                show_outcome(handle, patience_s, as_json=as_json)
            else:
                _show_accepted(handle, as_json=as_json)


def _client(data_dir: Any) -> Client:
    from storehand.client import Client

    return Client(load_settings(data_dir=data_dir))


def _refuse_unknown(app: App, task: str, *, unchecked: bool) -> None:
    """A misspelt task would wait for ever: no worker takes it."""
    if unchecked or task in INPUTS:
        return
    known = task_names(app)
    if task not in known:
        names = ", ".join(sorted(known))
        raise UnknownTask(
            f"no task {task!r} is known here, only {names}",
            details={"advice": "if the workers have its plugin and this machine has not: --unchecked"},
        )


def _submit_lines(client: Client, task: str, text: str, *, terms: _Terms, key: str | None) -> list[JobHandle[Any]]:
    """All or nothing: every line is read and checked before the first is sent."""
    rows = list(parse_lines(text))
    if not rows:
        raise InvalidInput("there is no line in the input")
    keys = None if key is None else [f"{key}/{number}" for number in range(1, len(rows) + 1)]
    arguments = terms.arguments()
    if task not in INPUTS or terms.delay_s is not None:
        return [
            client.submit_raw(task, row, idempotency_key=keys[index] if keys else None, **arguments)
            for index, row in enumerate(rows)
        ]
    inputs = [_typed(task, row, number) for number, row in enumerate(rows, 1)]
    del arguments["not_before"]
    subjects = repeat(arguments.pop("subject"))
    return list(client.submit_many(inputs, idempotency_keys=keys, subjects=subjects, **arguments))


def _typed(task: str, row: dict[str, Any], number: int) -> Any:
    try:
        return INPUTS[task].model_validate(row)
    except ValidationError as error:
        found = invalid_input(task, error)
        raise InvalidInput(f"line {number}: {found.message}", details=found.details) from None


def _show_accepted(handle: JobHandle[Any], *, as_json: bool) -> None:
    job = handle.job
    if as_json:
        print_json({"id": job.id, "task": job.task, "status": job.status, "priority": job.priority})
        return
    typer.echo(job.id)
    say(f"{job.status}; the answer: storehand result {job.id} --wait", style="dim")


def _show_ids(handles: list[JobHandle[Any]], *, as_json: bool) -> None:
    for number, handle in enumerate(handles, 1):
        if as_json:
            print_json_line({"line": number, "id": handle.id})
        else:
            typer.echo(handle.id)
    say(f"{len(handles)} jobs submitted", style="dim")
