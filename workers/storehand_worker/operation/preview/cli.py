"""`storehand preview`: a dashboard against a live Prometheus, as a PNG."""

from __future__ import annotations

import os
import time
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from storehand.cli.exits import extra_missing
from storehand.cli.output import say
from storehand.cli.values import duration
from storehand.errors import InvalidInput


def moment(text: str) -> float:
    """Epoch seconds of `2026-11-22T15:30`, local time unless it says another, or of `1795361400`."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-22T15:30 or epoch seconds") from None


class ThemeName(StrEnum):
    DARK = "dark"
    LIGHT = "light"


def preview(
    dashboard: Annotated[str, typer.Argument(help="overview, engine, or a file with a dashboard's JSON.")],
    prometheus: Annotated[
        str, typer.Option(help="Its address; may be http://USER:PASSWORD@HOST.")
    ] = "http://localhost:9090",
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="For a proxy before it; again for more. In single quotes $TOKEN is filled in here, out of other eyes.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The PNG; default: DASHBOARD.png.", show_default=False)] = None,
    last: Annotated[float, typer.Option(parser=duration, metavar="DURATION", help="How far back.")] = "1h",  # type: ignore[assignment]  # typer parses it
    until: Annotated[
        float | None,
        typer.Option(parser=moment, metavar="TIME", help="Its end; default: now. 2026-11-22T15:30, or epoch seconds."),
    ] = None,
    var: Annotated[list[str] | None, typer.Option(help="pool=chat; again for more values.", show_default=False)] = None,
    row: Annotated[
        list[str] | None, typer.Option(help="Only rows with this in the headline.", show_default=False)
    ] = None,
    scrape_interval: Annotated[
        float, typer.Option(parser=duration, metavar="DURATION", help="Prometheus' own, for $__rate_interval.")
    ] = "15s",  # type: ignore[assignment]  # typer parses it
    theme: Annotated[ThemeName, typer.Option(help="Colors.")] = ThemeName.DARK,
    list_empty: Annotated[bool, typer.Option("--list-empty", help="Name panels without data; exit 1 then.")] = False,
) -> None:
    """Draw a Grafana dashboard from a live Prometheus to a PNG, without Grafana. 无需 Grafana 绘制仪表盘。

    Reads any dashboard in Grafana's classic JSON, fills in its variables (All unless --var says otherwise), asks every
    query over the time given, and draws time series, bars, numbers, tables, heatmaps and state timelines in their grid.
    With --list-empty it is a check for scripts: panels that need Kubernetes, KEDA or an accelerator may be empty.

    \b
    Examples / 示例
      storehand preview overview --prometheus http://localhost:9090 --last 15m
      storehand preview engine --var model=chat --out engine.png --theme light
      storehand preview overview --until 2026-11-22T03:40 --last 30m  # last night / 昨夜
      storehand preview overview --row "How late" --row Promises     # 只画部分行
      storehand preview overview --prometheus https://metrics.example --header 'Authorization=Bearer $TOKEN'
      storehand preview ./my-dashboard.json --list-empty
    """
    try:
        from storehand_worker.operation.preview import answers, board, login, picture, source, variables
    except ModuleNotFoundError as error:
        missing = extra_missing("preview", f"no module {error.name!r}")
        missing.details["advice"] = "install `storehand[worker,operation]`"
        raise missing from None
    read = board.read(dashboard)
    if row:
        read = read.rows(row)
    end = (until or time.time()) // 1
    window = variables.Window(end - last, end, scrape_interval)
    window = variables.Window(end - last - (end - last) % window.step_s, end, scrape_interval)  # two pictures, one grid
    server = source.Prometheus(prometheus, login.headers(header or [], os.environ))
    filled = answers.ask(read, server, window, _given(var or []))
    file = out or Path(f"{Path(dashboard).stem}.png")
    picture.draw(filled, file, theme=theme)
    say(f"{file}: {len(read.panels)} panels of {read.title!r}, the last {last / 60:.3g} min")
    if list_empty:
        empty = filled.empty()
        for panel, answer in empty:
            verdict = "empty, as it may be" if answer.may_be_empty else "EMPTY"
            say(f"{verdict}: {panel.title}, query {answer.target.ref}: {answer.refused or answer.expr}")
        raise typer.Exit(any(not answer.may_be_empty for _, answer in empty))


def _given(said: list[str]) -> dict[str, list[str]]:
    """`["pool=chat", "pool=text"]` -> `{"pool": ["chat", "text"]}`"""
    found: dict[str, list[str]] = {}
    for each in said:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise InvalidInput(f"{each!r} is no choice; write --var pool=chat")
        found.setdefault(name, []).append(value)
    return found
