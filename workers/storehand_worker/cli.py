"""The commands that need the worker's libraries: `storehand worker`, `drain`, `plugins` and `demo`.

This module stays light, so that `storehand --help` is quick and works without the extras: each command imports what it
needs when it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from storehand.cli.app import ANY_ARGUMENTS, App, TaskSchemas
from storehand.cli.checks import Check
from storehand.cli.doctor import examine
from storehand.cli.exits import extra_missing
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.output import print_json, print_table
from storehand.settings import Settings
from storehand_worker.cli_drain import drain
from storehand_worker.cli_exporter import exporter
from storehand_worker.cli_simulate import simulate
from storehand_worker.operation.preview.cli import preview

EXTRA_MODULES = frozenset(
    {"pluggy", "prometheus_client", "torch", "transformers", "safetensors", "tokenizers", "numpy", "huggingface_hub"}
)
"""What `storehand[worker,models]` brings."""


def register(app: App) -> None:
    """The entry point of the group `storehand.cli`."""
    app.probes.append(_worker_side)
    app.schema_sources.append(_plugin_schemas)
    app.command("worker", context_settings=ANY_ARGUMENTS)(worker)
    app.command("drain")(drain)
    app.command("exporter")(exporter)
    app.command("plugins")(plugins)
    app.command("demo")(demo)
    app.command("preview")(preview)
    app.command("simulate")(simulate)


@contextmanager
def extras(command: str) -> Iterator[None]:
    """Turns the missing import of an extra's library into the advice to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in EXTRA_MODULES:
            raise
        raise extra_missing(command, f"no module {error.name!r}") from None


def worker(
    context: typer.Context,
    concurrency: Annotated[int | None, typer.Option(help="Messages in hand at once.", show_default=False)] = None,
    queues: Annotated[str | None, typer.Option(help="Model families to serve: text,encoder; default all.")] = None,
    plugins: Annotated[str | None, typer.Option(help="Plugins to load, by entry point; default all.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of /metrics and probes; 0: any.")] = None,
    data_dir: DataDir = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.", show_default=False)] = None,
) -> None:
    """Run a worker: load the models, serve jobs until SIGTERM, then drain. 启动工作进程。

    With the embedded queue everything stays on this host: any number of workers and producers may share one data
    folder on a local disk. For more hosts set broker_url to redis:// or amqp://. Options that are not listed here go
    to Celery's own worker command.

    \b
    Examples / 示例
      storehand worker                                   # one host, starter models / 单机
      storehand worker --queues encoder --concurrency 32 # only review sentiment / 仅情感分析
      storehand worker --plugins description --http-port 0
      storehand worker -n shop1@%h                       # the rest goes to Celery / 其余参数交给 Celery
    """
    settings = load_settings(
        concurrency=concurrency,
        queues=_names(queues),
        plugins=_names(plugins),
        http_port=http_port,
        data_dir=data_dir,
        log_level=log_level.upper() if log_level else None,
    )
    with extras("worker"):
        from storehand_worker.app import run_worker
    raise typer.Exit(run_worker(settings, context.args) or 0)


def plugins(as_json: AsJson = False) -> None:
    """List the plugins a worker here would load, with their tasks and models. 列出插件。

    Exits 1 when one of them is broken; the others would serve all the same.

    \b
    Examples / 示例
      storehand plugins                 # name, version, tasks, roles, state / 名称、版本、任务、状态
      storehand plugins --json
      STOREHAND_PLUGINS='["description"]' storehand plugins
    """
    with extras("plugins"):
        from storehand_worker.plugin_list import list_plugins
    found = list_plugins(load_settings())
    if as_json:
        print_json([plugin.to_json() for plugin in found])
    else:
        rows = [
            (
                plugin.name,
                f"{plugin.distribution} {plugin.version}",
                ", ".join(plugin.tasks),
                ", ".join(f"{role} ({kind})" for role, kind in plugin.roles.items()),
                Text(plugin.state, style="green" if plugin.reason is None else "bold red"),
            )
            for plugin in found
        ]
        print_table(("plugin", "from", "tasks", "model roles", "state"), rows)
    if any(plugin.reason for plugin in found):
        raise typer.Exit(1)


def demo(
    products: Annotated[int, typer.Option(min=1, help="How many products to describe.")] = 48,
    reviews: Annotated[int, typer.Option(min=1, help="How many reviews to rate.")] = 220,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep queue and store there; default: a folder that is removed.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the worker running until Ctrl-C.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a live view; so it is on a pipe.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a little bilingual shop through a real worker: all five tasks at once. 一分钟双语演示。

    Starts a worker with the bundled starter models on a free port and sends a nightly run through the client, as a
    shop would: descriptions, campaigns, reviews, recommendations. Meanwhile customers ask the help desk, and are
    answered first. Shows inputs beside answers, and ends with throughput, waits and checks. No GPU, no broker server,
    no network. The starter models are demonstration grade: small transformers that go through the same engines as any
    other.

    \b
    Examples / 示例
      storehand demo                               # under a minute / 一分钟内
      storehand demo --products 12 --reviews 60    # shorter / 更短
      storehand demo --keep --data-dir ./shop      # then look around / 保留并继续体验
      storehand demo --plain | less
    """
    with extras("demo"):
        from storehand_worker.demo import Plan, run_demo

        code = run_demo(
            Plan(products=products, reviews=reviews, data_dir=data_dir, keep=keep, plain=plain, as_json=as_json)
        )
    raise typer.Exit(code)


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] if text is not None else None


def _worker_side(settings: Settings) -> list[Check]:
    with extras("doctor"):
        from storehand_worker.doctor import PROBES
    return [check for probe in PROBES for check in examine(probe, settings)]


def _plugin_schemas(settings: Settings) -> TaskSchemas:
    """Schemas of every installed task; none where the plugin loader's library is not there."""
    try:
        from storehand_worker.plugin_list import quietly_loaded
    except ModuleNotFoundError:
        return {}
    from storehand.cli.schema import schemas_of

    tasks: dict[str, Any] = dict(quietly_loaded(settings).tasks)
    return {name: schemas_of(task.input_type, task.output_type) for name, task in tasks.items()}
