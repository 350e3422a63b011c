"""`storehand drain`: asks workers of this host to finish and leave, and waits until they have."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import print_json, say, span
from storehand.cli.values import duration
from storehand.errors import NotReady, SettingsError
from storehand_worker.presence import Present, present_workers

LOOK_S = 0.1
SPARE_S = 15.0
"""A worker that has handed back what it could not finish still closes its engines and connections."""


def drain(
    every: Annotated[bool, typer.Option("--all", help="All workers that share this data_dir.")] = False,
    pid: Annotated[int | None, typer.Option(help="The worker with this process id.", show_default=False)] = None,
    timeout: Annotated[
        float | None,
        typer.Option(parser=duration, metavar="DURATION", help="Stop waiting after that; default drain_s + 15 s."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask a worker on this host to finish what it has and leave; wait until it has. 让工作进程排空后退出。

    It takes nothing new from now on, its readiness turns red, running jobs get drain_s to finish, the others go back to
    the queue at no cost, and readers of streams go on with the next worker. Without a choice it is this host's only
    worker. Nothing to drain is no error, so a hook may call it twice.

    \b
    Examples / 示例
      storehand drain                          # the one worker here / 本机唯一的工作进程
      storehand drain --all --timeout 2m
      storehand drain --pid 4711
      lifecycle: {preStop: {exec: {command: [storehand, drain]}}}    # Kubernetes
    """
    settings = load_settings(data_dir=data_dir)
    chosen = choose(present_workers(settings), every=every, pid=pid, host=socket.gethostname())
    for worker in chosen:
        worker.ask_to_drain()
    began = time.monotonic()
    _wait(chosen, settings.drain_s + SPARE_S if timeout is None else timeout)
    took_s = time.monotonic() - began
    if as_json:
        print_json({"drained": [worker.owner for worker in chosen], "seconds": round(took_s, 2)})
    elif chosen:
        say(f"{_names(chosen)} left after {span(took_s)}")
    else:
        say("no worker runs here; nothing to drain")


def choose(found: Sequence[Present], *, every: bool, pid: int | None, host: str) -> list[Present]:
    """The workers meant. SettingsError where it is not clear which."""
    if every:
        return list(found)
    here = [worker for worker in found if worker.host in (host, "?")]
    if pid is not None:
        return [worker for worker in here if worker.pid == pid]
    if len(here) > 1:
        advice = "storehand drain --all, or --pid with one of these"
        raise SettingsError(f"{len(here)} workers run here: {_names(here)}", details={"advice": advice})
    return here


def _wait(workers: Sequence[Present], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    said: dict[str, str] = {}
    while left := [worker for worker in workers if worker.is_alive]:
        if time.monotonic() >= end:
            advice = "it leaves on its own when it has drained; wait again with --timeout, or end it with SIGQUIT"
            raise NotReady(f"{_names(left)} did not leave in {timeout_s:g} s", details={"advice": advice})
        for worker in left:
            in_hand = worker.in_hand
            words = "is asked to drain" if in_hand is None else f"drains: {in_hand} messages in hand"
            if said.get(worker.owner) != words:
                said[worker.owner] = words
                say(f"{worker.owner} {words}")
        time.sleep(LOOK_S)


def _names(workers: Sequence[Present]) -> str:
    return ", ".join(f"{worker.owner} (pid {worker.pid})" for worker in workers)
