"""The command tree: the light client's commands, and those that installed packages add through `storehand.cli`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from storehand.cli.checks import Probe
from storehand.cli.exits import MEANINGS, ExitCode, exit_code_of, extra_missing, report
from storehand.cli.output import say
from storehand.errors import InvalidInput, StorehandError
from storehand.settings import Settings

ENTRY_POINT_GROUP = "storehand.cli"
ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For commands that pass on what they do not know."""

_WORKER_COMMANDS = {
    "worker": "Run a worker: load the models and serve jobs.",
    "drain": "Ask a worker on this host to finish and leave.",
    "plugins": "List the plugins a worker would load.",
    "exporter": "Serve metrics of queues and jobs, always on.",
    "preview": "Draw a Grafana dashboard from a live Prometheus to a PNG.",
    "simulate": "Compare scaling policies on traffic traces.",
    "demo": "A bilingual shop in one minute.",
    "knowledge": "Knowledge bases that the chat task answers from.",
    "train": "Train a model on the shop's own data.",
}

_ORDER = (
    "demo", "worker", "drain", "submit", "bulk", "result", "stream", "cancel", "jobs", "explain", "dead", "erase",
    "schema", "plugins", "doctor", "exporter", "preview", "simulate", "knowledge", "train",
)  # fmt: skip

TaskSchemas = Mapping[str, tuple[dict[str, Any], dict[str, Any]]]
"""Task name -> JSON Schema of its input and of its output."""


class _Guarded:
    """The border of every command: a StorehandError becomes a line and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)  # type: ignore[misc]  # mixed into Typer's commands
        except StorehandError as error:
            job_id = error.details.get("job_id") or ctx.params.get("job_id")
            as_json = bool(ctx.params.get("as_json"))
            if error.code == InvalidInput.code and not {"task", "job_id"} & ctx.params.keys():
                error.details.setdefault("advice", f"`{ctx.command_path} --help` has examples")
            report(error, as_json=as_json, job_id=job_id, task=ctx.params.get("task"))
            raise typer.Exit(exit_code_of(error)) from None
        except KeyboardInterrupt:
            say("stopped by Ctrl-C; jobs that were submitted go on")
            raise typer.Exit(ExitCode.INTERRUPTED) from None


class _Command(_Guarded, TyperCommand):
    pass


class _Group(_Guarded, TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """In the order a newcomer meets them, then the others."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))


class App(typer.Typer):
    """A group of commands. `probes` are doctor's checks, `schema_sources` find the schemas of installed tasks; a
    package appends its own in the function its `storehand.cli` entry point names: `register(app: App) -> None`."""

    def __init__(self, help_text: str, **options: Any) -> None:
        options = {"cls": _Group, "rich_markup_mode": None, "add_completion": False, **options}
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
        super().__init__(help=help_text, context_settings=settings, pretty_exceptions_enable=False, **options)
        self.probes: list[Probe] = []
        self.schema_sources: list[Callable[[Settings], TaskSchemas]] = []

    def command(self, name: str | None = None, **options: Any) -> Any:
        return super().command(name, **{"cls": _Command, **options})


def build_app() -> App:
    """All commands of this installation."""
    from storehand.cli import bulk, dead, doctor, erase, explain, follow, jobs, schema, submit

    codes = "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items())
    app = App(_HELP.format(codes=codes), no_args_is_help=True)
    for group in (submit, bulk, follow, jobs, explain, dead, erase, schema, doctor):
        group.register(app)
    _add_entry_points(app)
    return app


def _add_entry_points(app: App) -> None:
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry.load()(app)
        except ImportError as error:
            _add_placeholders(app, str(error))
    _add_placeholders(app, "the worker package is not installed")


def _add_placeholders(app: App, missing: str) -> None:
    """Commands that can't run here still show in --help, and say what to install."""
    known = {command.name for command in app.registered_commands}
    for name, line in _WORKER_COMMANDS.items():
        if name not in known:
            app.command(
                name, help=f"{line} (not installed: storehand[worker,models])", context_settings=_ANY_ARGUMENTS
            )(_placeholder(name, missing))


_ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}


def _placeholder(name: str, missing: str) -> Callable[[], None]:
    def command() -> None:
        raise extra_missing(name, missing)

    return command


_HELP = """Storehand runs a shop's AI jobs: product descriptions, review sentiment and more. 店铺的 AI 任务队列。

JSON goes in, JSON comes out. Data is printed on stdout, words for people on stderr. Settings come from arguments,
the environment (STOREHAND_...), the TOML file that STOREHAND_CONFIG names, and defaults, in this order.

\b
First steps / 第一步
  storehand demo                       # a bilingual shop in one minute / 一分钟演示
  storehand worker                     # serve jobs / 启动工作进程
  storehand submit description '{{"product": "Kettle, 1.7 L, stainless steel"}}' --wait
  storehand submit description '{{"product": "电热水壶，1.7升，不锈钢"}}' --wait
  storehand doctor                     # what is wrong, and what to do / 检查与建议

\b
Exit codes / 退出码
{codes}
"""
