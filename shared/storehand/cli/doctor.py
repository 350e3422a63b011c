"""`storehand doctor`: looks at everything an installation needs and says what to do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from storehand.cli.app import App
from storehand.cli.checks import Check, Light, Probe
from storehand.cli.exits import ExitCode, ExtraMissing
from storehand.cli.options import AsJson, DataDir, load_settings
from storehand.cli.origins import Origin, origins
from storehand.cli.output import print_json, print_table, say
from storehand.cli.probes import LIGHT_PROBES
from storehand.errors import StorehandError
from storehand.settings import Settings

_SIGNS = {
    Light.GREEN: ("✓", "green"),
    Light.YELLOW: ("!", "yellow"),
    Light.RED: ("✗", "bold red"),
    Light.GREY: ("·", "dim"),
}


def register(app: App) -> None:
    @app.command()
    def doctor(
        data_dir: DataDir = None,
        show_all: Annotated[bool, typer.Option("--all", help="List the settings at their defaults too.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Look at settings, broker, store, plugins, models and workers. 检查安装与运行环境。

        Each line says how it stands and what to do. Nothing is changed. Exits 1 when something is red.

        \b
        Examples / 示例
          storehand doctor                              # everything / 全面检查
          storehand doctor --all                        # with every setting / 列出全部设置
          storehand doctor --data-dir /tmp/shop --json  # for machines / 供程序读取
          STOREHAND_BROKER_URL=redis://:secret@host/0 storehand doctor
        """
        settings = load_settings(data_dir=data_dir)
        checks = [check for probe in (*LIGHT_PROBES, *app.probes) for check in examine(probe, settings)]
        known = origins(settings, arguments=frozenset({"data_dir"} if data_dir else ()))
        if as_json:
            print_json(
                {
                    "checks": [
                        {"area": c.area, "name": c.name, "light": c.light, "detail": c.detail, "advice": c.advice}
                        for c in checks
                    ],
                    "settings": [{"name": o.name, "value": o.value, "source": o.source} for o in known],
                }
            )
        else:
            _show_settings(known, show_all=show_all)
            _show_checks(checks)
        if any(check.light is Light.RED for check in checks):
            raise typer.Exit(ExitCode.FAILED)


def examine(probe: Probe, settings: Settings) -> list[Check]:
    """One area; a doctor does not fall ill with the patient."""
    found: list[Check] = []
    try:
        found.extend(probe(settings))  # one by one: what was seen before an error stays
    except ExtraMissing as error:  # a backend's machine needs no worker
        found.append(
            Check(_area(probe), "worker", Light.GREY, "not installed here", f"to run one: {error.details['advice']}")
        )
    except StorehandError as error:
        found.append(Check(_area(probe), error.code, Light.RED, error.message, "see the message"))
    except Exception as error:
        found.append(Check(_area(probe), "check", Light.RED, f"could not be looked at: {error!r}", "report this"))
    return found


def _area(probe: Probe) -> str:
    return getattr(probe, "__name__", "?").removeprefix("_").replace("_", " ")


def _show_settings(known: list[Origin], *, show_all: bool) -> None:
    shown = [origin for origin in known if show_all or origin.source != "default"]
    rows = [(origin.name, str(origin.value), origin.source) for origin in shown]
    if rows:
        print_table(("setting", "value", "from"), rows)
    if len(shown) < len(known):
        say(f"{len(known) - len(shown)} settings at their defaults (--all lists them)", style="dim")


def _show_checks(checks: list[Check]) -> None:
    rows: list[tuple[str | Text, ...]] = []
    area = ""
    for check in checks:
        sign, style = _SIGNS[check.light]
        rows.append(
            (
                Text(f"{sign} {check.light}", style=style),
                check.area if check.area != area else "",
                check.name,
                check.detail,
                check.advice,
            )
        )
        area = check.area
    print_table(("light", "area", "check", "what is", "what to do"), rows)
    counts = {light: sum(check.light is light for check in checks) for light in Light}
    say(", ".join(f"{count} {light}" for light, count in counts.items() if count))
