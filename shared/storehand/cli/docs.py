"""docs/cli.md, written from the commands' own help: `python -m storehand.cli.docs > docs/cli.md`."""

from __future__ import annotations

import sys
from typing import Any

from typer.main import get_command

from storehand.cli.app import build_app

_WIDTH = 100
_INTRODUCTION = """# The command line

Generated from `storehand --help` by `make docs`.
"""


def page() -> str:
    """The whole page: a heading and the help of every command, in the order of `storehand --help`."""
    root = get_command(build_app())
    return "\n".join([_INTRODUCTION, *_sections(root, "storehand", None)])


def _sections(command: Any, name: str, parent: Any) -> list[str]:
    context = command.make_context(
        name, [], parent=parent, resilient_parsing=True, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    level = "#" * (2 if parent is None else len(context.command_path.split()))
    found = [f"{level} {context.command_path}\n\n```text\n{command.get_help(context).strip()}\n```\n"]
    if hasattr(command, "list_commands"):
        children = {child: command.get_command(context, child) for child in command.list_commands(context)}
        for child, found_command in children.items():
            if not found_command.hidden:
                found += _sections(found_command, child, context)
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
