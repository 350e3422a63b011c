"""`storehand result`, `stream` and `cancel`: a job by its id."""

from __future__ import annotations

from typing import Annotated

import typer

from storehand.cli.answers import NEVER, show_outcome, show_stream
from storehand.cli.app import App
from storehand.cli.options import AsJson, DataDir, Timeout, load_settings
from storehand.cli.output import print_json, say
from storehand.errors import NotReady
from storehand.job import Status

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id, as `storehand submit` printed it.")]


def register(app: App) -> None:
    app.command()(result)
    app.command()(stream)
    app.command()(cancel)


def result(
    job_id: JobId,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the answer.")] = False,
    timeout: Timeout = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a job's answer. 查看结果。

    Without --wait or --timeout it exits 3 at once when there is none yet. A failed job prints its code and exits 1.

    \b
    Examples / 示例
      storehand result 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
      storehand result 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --timeout 60s     # 最多等 60 秒
      storehand result $(storehand submit description '{"product": "Kettle"}') --wait
    """
    from storehand.client import Client

    with Client(load_settings(data_dir=data_dir)) as client:
        handle = client.job(job_id)
        status = handle.status
        if not (wait or timeout or status.is_terminal):
            raise NotReady(f"job {job_id} is {status}", details={"status": status})
        show_outcome(handle, timeout if timeout is not None else NEVER, as_json=as_json)


def stream(
    job_id: JobId,
    after: Annotated[int, typer.Option(min=0, help="Go on after this event; 0: from the beginning.")] = 0,
    timeout: Timeout = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a job's text as it is written, from its beginning. 流式输出。

    With --json every event is a line, the outcome is the last one. Here --timeout is for one pause in the stream.

    \b
    Examples / 示例
      storehand stream 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
      storehand stream 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --json --after 12   # 断线续传
    """
    from storehand.client import Client

    with Client(load_settings(data_dir=data_dir)) as client:
        show_stream(client.job(job_id), timeout if timeout is not None else NEVER, as_json=as_json, after=after)


def cancel(job_id: JobId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Ask a job to stop. 取消任务。

    A waiting job ends at once, a running one within half a second and two engine steps; an ended one stays as it is.

    \b
    Examples / 示例
      storehand cancel 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11
      storehand cancel 7b0c8a52-5f0e-4f0c-9a58-1d8f6a3f1f11 --json     # 供程序读取
    """
    from storehand.client import Client

    with Client(load_settings(data_dir=data_dir)) as client:
        status = client.job(job_id).cancel()
    if as_json:
        print_json({"id": job_id, "status": status})
    elif status is Status.RUNNING:
        say(f"{job_id} is running; its worker stops it now")
    elif status is Status.CANCELLED:
        say(f"{job_id} is cancelled")
    else:
        say(f"{job_id} had ended before: {status}")
