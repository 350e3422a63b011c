"""The promises of the house: file sizes, names that must not land, documents in step."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared/storehand", "workers/storehand_worker", "plugins/storehand_plugins")
MAX_LINES = 300


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / line for line in listed.stdout.splitlines()]
    return [file for file in files if file.is_file()]


def test_every_source_file_is_one_noun_of_at_most_300_lines():
    sources = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]

    long = {str(f.relative_to(ROOT)): n for f in sources if (n := len(f.read_text().splitlines())) > MAX_LINES}

    assert sources
    assert not long


def test_every_module_opens_with_a_sentence_that_says_what_it_owns():
    sources = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]

    silent = [str(f.relative_to(ROOT)) for f in sources if not f.read_text().lstrip().startswith(('"""', 'r"""'))]

    assert not silent


def test_no_file_names_a_package_registry_or_a_path_of_a_machine():
    hosts = ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "deb." + "debian", "/wo" + "rk/", "/ro" + "ot/")
    texts = _tracked("*.py", "*.md", "*.toml", "*.txt", "*.json", "*.yaml", "Makefile", ".ci/*")

    guilty = [(f.name, host) for f in texts for host in hosts if host in f.read_text(encoding="utf-8")]

    assert texts
    assert not guilty


def test_no_user_document_mentions_what_lies_outside_the_project():
    outside = re.compile(r"shared/(DESIGN|STYLE|research|data|hooks)\b")

    assert not [file.name for file in _tracked("*.md") if outside.search(file.read_text(encoding="utf-8"))]


def test_the_version_has_its_entry_in_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_constraints_pin_exactly_and_name_no_place():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]

    assert "torch==2.13.0" in lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)


def test_the_readme_names_the_two_commands_and_ci_calls_the_second():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "make demo" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("page", ["settings.md", "metrics.md"])
def test_the_reference_pages_are_what_the_code_says(page):
    from tests.project.docs import PAGES

    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == PAGES[page](), "run: make docs"


def test_every_hook_has_its_heading_in_the_docs():
    import inspect

    from storehand import hookspecs

    hooks = [
        name
        for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
        if hasattr(function, "storehand_spec")
    ]
    text = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")

    assert len(hooks) >= 7
    assert not [hook for hook in hooks if not re.search(rf"^#+ .*`{hook}", text, re.MULTILINE)]
