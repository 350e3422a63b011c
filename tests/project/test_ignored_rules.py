"""An ignored rule carries its reason on the same line (STYLE: habits)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IGNORED = re.compile(r"#\s*(?:noqa|type: ignore|pyright: ignore)\b(?::[ A-Z0-9,]+)?(?:\[[^\]]*\])?")
REASON = re.compile(r"\s*(?:#|--?)\s.*[a-z]{2}")


def unreasoned(line: str) -> bool:
    """Whether the last rule that is ignored here says nothing of why."""
    found = list(IGNORED.finditer(line))
    return bool(found) and not REASON.match(line, found[-1].end())


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("x = 1", False),
        ("x = 1  # noqa: S311", True),
        ("x = 1  # noqa: S311  # no secret", False),
        ("x = 1  # noqa: S311 - a simulation", False),
        ("x = 1  # type: ignore[misc]", True),
        ("x = 1  # type: ignore[misc]  # noqa: B023", True),
        ("x = 1  # type: ignore[misc]  # noqa: B023  # called at once", False),
        ("import x  # pyright: ignore[reportMissingImports]", True),
        ("x = 1  # type: ignore", True),
    ],
)
def test_a_bare_line_is_told_from_one_with_a_reason(line: str, is_bare: bool) -> None:
    assert unreasoned(line) == is_bare


def test_every_ignored_rule_says_why_on_its_line() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("shared", "workers", "plugins", "tests")
        for path in sorted((ROOT / top).rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if unreasoned(line)
    ]

    assert bare == []
