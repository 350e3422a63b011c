"""Options that several commands share, and the settings they add up to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from storehand.cli.values import duration
from storehand.settings import Settings, read_settings

AsJson = Annotated[bool, typer.Option("--json", help="JSON for machines instead of text for people.")]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded queue and job store; default: the setting data_dir.", show_default=False),
]
Tenant = Annotated[str | None, typer.Option(help="Whose job it is; default: the setting tenant.", show_default=False)]
Timeout = Annotated[
    float | None,
    typer.Option(parser=duration, metavar="DURATION", help="Stop waiting after 30s, 5m ...; the job goes on."),
]


def load_settings(**arguments: Any) -> Settings:
    """The settings of a command: its arguments (None: not given) over environment, file and defaults."""
    return read_settings(**{name: value for name, value in arguments.items() if value is not None})
