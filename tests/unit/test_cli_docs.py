"""docs/cli.md is what the commands say."""

from __future__ import annotations

from pathlib import Path

from storehand.cli.docs import page

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_what_the_commands_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m storehand.cli.docs > docs/cli.md"
