"""`storehand explain`: a job's whole story, in order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from storehand.cli.app import App
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import console, print_json, print_table, span
from storehand.errors import JobNotFound
from storehand.job import Event, Job
from storehand.store import JobStore, open_store
from storehand.story import Phases, Story, tell_story

_EVENTS = 500


def register(app: App) -> None:
    @app.command()
    def explain(
        job_id: Annotated[str, typer.Argument(help="The job's id.", metavar="ID")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Tell one job's story: who took it when, what it waited for, why it came again. 一个任务的来龙去脉。

        It shows nothing of the job's content; `storehand jobs show` does.

        \b
        Examples / 示例
          storehand explain 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
          storehand explain 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --json | jq .phases
        """
        with closing(open_store(load_settings(data_dir=data_dir))) as store:
            job, _, story = story_of(store, job_id)
        if as_json:
            print_json({"id": job.id, "task": job.task, "status": job.status, **asdict(story)})
            return
        console().print(Text.assemble((job.id, "bold"), f"  {job.task}  {story.summary}"), soft_wrap=True)
        print_story(story)


def story_of(store: JobStore, job_id: str) -> tuple[Job, list[Event], Story]:
    job = store.get([job_id]).get(job_id)
    if job is None:
        raise JobNotFound(f"there is no job {job_id}")
    events = store.events(job_id, limit=_EVENTS)
    return job, events, tell_story(job, store.history(job_id), events, now=store.now())


def print_story(story: Story) -> None:
    rows = [
        (
            datetime.fromtimestamp(line.at).astimezone().isoformat(sep=" ", timespec="milliseconds"),
            f"{line.after_s:+.3f} s",
            line.words,
        )
        for line in story.lines
    ]
    print_table(("when", "after", "what"), rows, title="Story")
    print_table(("phase", "time"), _phase_rows(story.phases), title="Time")


def _phase_rows(phases: Phases) -> list[tuple[str, str]]:
    rows = [("in the queue", span(phases.queued_s)), ("in a worker", span(phases.leased_s))]
    if phases.engine_wait_s or phases.engine_run_s:
        rows += [
            ("  waiting for engines", span(phases.engine_wait_s)),
            ("  computing", span(phases.engine_run_s)),
            ("  its own work", span(phases.own_s)),
        ]
    return rows
