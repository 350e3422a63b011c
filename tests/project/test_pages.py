"""The pages: every one is in the index, no link leads nowhere, and every command they name exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from storehand.cli.app import build_app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("runbooks/*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)\s#]+)")
COMMAND = re.compile(r"(?:^|[`|$(] ?|&& |-- |exec worker )storehand ([a-z]+)\b(?![:/.])", re.MULTILINE)


def commands() -> set[str]:
    group: Any = get_command(build_app())
    return set(group.commands)


def without_prose(text: str) -> str:
    """What stands in code, where a line that begins with `storehand` is a command."""
    return "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`storehand [^`]+`", text)])


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    assert not [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_command_that_a_page_names_exists():
    named = {(page.name, word) for page in PAGES for word in COMMAND.findall(without_prose(page.read_text("utf-8")))}

    assert len(named) > 30
    assert not {each for each in named if each[1] not in commands()}
