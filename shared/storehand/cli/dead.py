"""`storehand jobs dead`: messages that are no jobs, and jobs that were poison, laid aside for people to look at."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from storehand.cli.app import App
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import print_json, print_table, say
from storehand.errors import JobNotFound
from storehand.store import DeadLetter, open_store

_ALL = 1_000_000
_REASON_SHOWN = 100


def register(jobs: App) -> None:
    dead = App(_LIST_HELP, invoke_without_command=True)

    @dead.callback()
    def list_dead(
        context: typer.Context,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 20,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        if context.invoked_subcommand is not None:
            return
        with closing(open_store(load_settings(data_dir=data_dir))) as store:
            found = store.dead_letters(limit)
            total = store.stats().dead_letters
        if as_json:
            print_json([asdict(letter) for letter in found])
        else:
            _show_list(found, total)

    @dead.command()
    def show(
        letter_id: Annotated[int, typer.Argument(help="The dead letter's id.", metavar="ID")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Print the body of a dead letter as it came; why and when on stderr. 查看一条死信的原文。

        \b
        Examples / 示例
          storehand jobs dead show 3
          storehand jobs dead show 3 > body.json     # the body alone / 只要原文
          storehand jobs dead show 3 --json
        """
        with closing(open_store(load_settings(data_dir=data_dir))) as store:
            letter = next((each for each in store.dead_letters(_ALL) if each.id == letter_id), None)
        if letter is None:
            advice = "`storehand jobs dead` lists them; they are deleted after result_ttl_s"
            raise JobNotFound(f"there is no dead letter {letter_id}", details={"advice": advice})
        if as_json:
            print_json(asdict(letter))
            return
        of_job = f", job {letter.job_id}" if letter.job_id else ""
        say(f"{_clock(letter.at)}  {letter.queue}{of_job}: {letter.reason}", style="dim")
        typer.echo(letter.body)

    jobs.add_typer(dead, name="dead", short_help="List the dead letters, or print one.")


def _show_list(found: list[DeadLetter], total: int) -> None:
    rows = [
        (str(each.id), _clock(each.at), each.queue, each.job_id or "", _short(each.reason, _REASON_SHOWN))
        for each in found
    ]
    if rows:
        print_table(("id", "when", "queue", "job", "reason"), rows)
    say(f"{total} dead letter(s)" + (f", {len(found)} shown" if len(found) < total else ""))


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")


def _short(text: str, chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


_LIST_HELP = """List the dead letters, newest first; `jobs dead show ID` prints one's body. 列出死信。

A dead letter is a message that is no job, or a job whose worker died under it again and again.

\b
Examples / 示例
  storehand jobs dead                  # the newest 20 / 最近 20 条
  storehand jobs dead --json
  storehand jobs dead show 3           # the message as it came / 查看原文
"""
