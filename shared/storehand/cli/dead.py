"""`storehand dead`: messages that are no jobs and jobs that were poison: looked at, tried again, dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storehand.cli.app import App
from storehand.cli.exits import ExitCode
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import print_json, print_table, say
from storehand.errors import StorehandError

if TYPE_CHECKING:
    from storehand.dead_letters import Dead, DeadLetters

_REASON_SHOWN = 100

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of dead letters.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="All that --reason and --queue leave.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this text in their reason.", show_default=False)]
Queue = Annotated[str | None, typer.Option(help="Only those of a queue with this text.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int, typer.Option(min=1, max=2000, help="At most so many, newest first.")]


def register(app: App) -> None:
    app.add_typer(group(), name="dead", short_help="List, show, retry or drop dead letters.")


def group() -> App:
    dead = App(_HELP, invoke_without_command=True)

    @dead.callback()
    def newest(context: typer.Context, limit: Limit = 20, data_dir: DataDir = None, as_json: AsJson = False) -> None:
        if context.invoked_subcommand is None:
            _list(None, None, limit=limit, data_dir=data_dir, as_json=as_json)

    @dead.command("list")
    def list_(
        reason: Reason = None,
        queue: Queue = None,
        limit: Limit = 20,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """List the dead letters, newest first. 列出死信。

        \b
        Examples / 示例
          storehand dead list                       # the newest 20 / 最近 20 条
          storehand dead list --reason "no plugin" --queue text --json
        """
        _list(reason, queue, limit=limit, data_dir=data_dir, as_json=as_json)

    @dead.command()
    def show(
        letter_id: Annotated[str, typer.Argument(help="The dead letter's id.", metavar="ID")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Print the body of a dead letter as it came; why and when on stderr. 查看一条死信的原文。

        \b
        Examples / 示例
          storehand dead show 3
          storehand dead show 3 > body.json     # the body alone / 只要原文
          storehand dead show 3 --json
        """
        with _letters(data_dir) as letters:
            [letter] = letters.get([letter_id])
        if as_json:
            print_json(asdict(letter))
            return
        of_job = f", job {letter.job_id}" if letter.job_id else ""
        say(f"{_clock(letter.at)}  {letter.queue}{of_job}: {letter.reason}", style="dim")
        typer.echo(letter.body)

    @dead.command()
    def retry(
        ids: Ids = None,
        everything: All = False,
        reason: Reason = None,
        queue: Queue = None,
        yes: Yes = False,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Try dead letters again; those that come back are dropped. 重试死信。

        A poison job comes back as a new job with the same input, whose `parent` is the old one. A message is read anew:
        that helps once the plugin of its task is installed.

        \b
        Examples / 示例
          storehand dead retry 3 4
          storehand dead retry --all --reason "no plugin"     # after installing it / 安装插件之后
        """
        with _letters(data_dir) as letters:
            chosen = _chosen(letters, ids, everything=everything, reason=reason, queue=queue)
            if everything:
                _confirm(chosen, "Try them again? 重试？", yes=yes)
            results = [_retried(letters, each) for each in chosen]
        if as_json:
            print_json(results)
        else:
            for result in results:
                typer.echo(_line(result))
        if any(result["error"] for result in results):
            raise typer.Exit(ExitCode.FAILED)

    @dead.command()
    def drop(
        ids: Ids = None,
        everything: All = False,
        reason: Reason = None,
        queue: Queue = None,
        yes: Yes = False,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Delete dead letters for good. 删除死信。

        \b
        Examples / 示例
          storehand dead drop 3 4
          storehand dead drop --all --queue storehand.text --yes
        """
        with _letters(data_dir) as letters:
            chosen = _chosen(letters, ids, everything=everything, reason=reason, queue=queue)
            _confirm(chosen, "Delete them? 删除？", yes=yes)
            dropped = letters.drop(chosen)
        if as_json:
            print_json({"dropped": dropped})
        else:
            say(f"{dropped} dead letter(s) deleted")

    return dead


def _list(reason: str | None, queue: str | None, *, limit: int, data_dir: Path | None, as_json: bool) -> None:
    with _letters(data_dir) as letters:
        found = letters.find(reason=reason, queue=queue, limit=limit)
        total = letters.count()
    if as_json:
        print_json([asdict(letter) for letter in found])
        return
    rows = [
        (each.id, _clock(each.at), each.queue, each.job_id or "", _short(each.reason, _REASON_SHOWN)) for each in found
    ]
    if rows:
        print_table(("id", "when", "queue", "job", "reason"), rows)
    say(f"{total} dead letter(s)" + (f", {len(found)} shown" if len(found) < total else ""))


@contextmanager
def _letters(data_dir: Path | None) -> Iterator[DeadLetters]:
    from storehand.client import Client
    from storehand.dead_letters import DeadLetters

    with Client(load_settings(data_dir=data_dir)) as client:
        yield DeadLetters(client)


def _chosen(
    letters: DeadLetters, ids: list[str] | None, *, everything: bool, reason: str | None, queue: str | None
) -> list[Dead]:
    if bool(ids) == everything:
        raise typer.BadParameter("name dead letters by their ids, or take --all of them")
    if ids and (reason or queue):
        raise typer.BadParameter("--reason and --queue choose among --all")
    return letters.get(list(dict.fromkeys(ids))) if ids else letters.find(reason=reason, queue=queue)


def _confirm(chosen: Sequence[Dead], question: str, *, yes: bool) -> None:
    if chosen and not yes:
        typer.confirm(f"{len(chosen)} dead letter(s). {question}", abort=True, err=True)


def _retried(letters: DeadLetters, letter: Dead) -> dict[str, Any]:
    """One that can't come back keeps no other from it."""
    try:
        return {"id": letter.id, "jobs": letters.retry(letter), "error": None}
    except StorehandError as error:
        return {"id": letter.id, "jobs": [], "error": {"code": error.code, "message": error.message}}


def _line(result: dict[str, Any]) -> str:
    if result["error"]:
        return f"{result['id']}: stays: {result['error']['message']}"
    return f"{result['id']}: " + (f"job {', '.join(result['jobs'])}" if result["jobs"] else "back in its queue")


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")


def _short(text: str, chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


_HELP = """Dead letters: list, show, retry, drop. 死信。

A dead letter is a message that is no job, or a job whose worker died under it again and again. Ids that begin with q
are messages that the embedded queue gave up by itself.

\b
Examples / 示例
  storehand dead list                  # the newest 20 / 最近 20 条
  storehand dead show 3                # the message as it came / 查看原文
  storehand dead retry 3               # once its reason is gone / 原因排除后重试
  storehand dead drop --all            # asks first / 先询问
"""
