"""The Dockerfile: what hadolint says, what it promises: a user without rights, no compilers, all pinned."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from storehand.cli.app import build_app
from tests.image.dockerfile import Stage, Step, is_ignored, read_stages

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORE = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SMALL_PACKAGES = {"tini"}
"""All that the last stage may install: a compiler or a shell tool is a gift to whoever breaks in."""


def hadolint(text: str) -> str:
    """What it complains about; nothing if nothing."""
    program = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([program, "--no-color", "-"], input=text, capture_output=True, text=True, timeout=30)
    return said.stdout + said.stderr


def complaints(text: str) -> list[str]:
    """What breaks the promises that hadolint does not know."""
    stages = read_stages(text)
    last = stages[-1]
    steps = [step for stage in stages for step in stage.steps]
    found = [f"ADD {step.value}" for step in steps if step.word == "ADD"]
    found += [
        f"fetches by hand: {step.value}" for step in steps if re.search(r"https?://|\bcurl\b|\bwget\b", step.value)
    ]
    found += [f"unpinned: {line}" for step in steps for line in _pip_installs(step) if not _is_pinned(line)]
    found += [f"the last stage runs pip: {line}" for step in last.steps for line in _pip_installs(step)]
    found += [f"the last stage installs {name}" for name in sorted(_apt_packages(last) - SMALL_PACKAGES)]
    user = (last.values("USER") or ["0"])[-1].split(":")
    if not all(part.isdecimal() and int(part) > 0 for part in user):
        found.append(f"the user is {user}: Kubernetes can tell only by a number that it is not root")
    found += [f"{source} is not in the context" for stage in stages for source in _missing(stage)]
    found += [f"extra {name!r} is unknown" for name in _extras(text) - set(PROJECT["optional-dependencies"])]
    return found


def _pip_installs(step: Step) -> list[str]:
    parts = re.split(r"&&|\|\||;", step.value) if step.word == "RUN" else []
    return [part.strip() for part in parts if re.search(r"\bpip\b.* install\b", part)]


def _is_pinned(command: str) -> bool:
    return "--constraint constraints.txt" in command or "--no-deps" in command


def _apt_packages(stage: Stage) -> set[str]:
    found: set[str] = set()
    for run in stage.values("RUN"):
        for listed in re.findall(r"apt-get install (.*?)(?:&&|$)", run):
            found |= {word for word in listed.split() if not word.startswith("-")}
    return found


def _missing(stage: Stage) -> list[str]:
    copies = [step for step in stage.steps if step.word == "COPY" and "from" not in step.flags]
    sources = [source for step in copies for source in step.arguments[:-1]]
    return [source for source in sources if not (ROOT / source).exists() or is_ignored(source, IGNORE)]


def _extras(text: str) -> set[str]:
    return {name for said in re.findall(r"^ARG EXTRAS=(\S+)$", text, re.MULTILINE) for name in said.split(",")}


def test_hadolint_has_nothing_to_say():
    assert not hadolint(TEXT)


def test_hadolint_bites():
    assert "DL3009" in hadolint(TEXT.replace("&& rm -rf /var/lib/apt/lists/*", "&& true"))
    assert "DL3015" in hadolint(TEXT.replace("--no-install-recommends ", ""))


def test_the_image_keeps_its_promises():
    assert not complaints(TEXT)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("USER 10001:10001", "USER storehand", "the user is"),
        ("USER 10001:10001", "USER 0", "the user is"),
        ("recommends tini", "recommends tini gcc", "installs gcc"),
        ("COPY shared shared", "COPY tests tests", "tests is not in the context"),
        ("COPY shared shared", "ADD https://example.org/x.tgz /", "ADD https"),
        ("&& rm -rf /var/lib/apt", "&& curl https://example.org | sh && rm -rf /var/lib/apt", "fetches by hand"),
        ("install --constraint constraints.txt build", "install build", "unpinned"),
        ("HEALTHCHECK NONE", "RUN python -m pip install --no-deps x", "the last stage runs pip"),
        ("redis,postgres", "redis,postgers", "'postgers' is unknown"),
    ],
)
def test_the_checks_bite(old, new, complaint):
    assert old in TEXT

    assert any(complaint in each for each in complaints(TEXT.replace(old, new)))


def test_the_context_holds_what_is_copied_and_nothing_else():
    copied = {
        source
        for stage in read_stages(TEXT)
        for step in stage.steps
        if step.word == "COPY" and "from" not in step.flags
        for source in step.arguments[:-1]
    }

    assert {line[1:] for line in IGNORE if line.startswith("!")} == copied
    for private in (
        ".env",
        ".storehand/secrets/broker_url",
        ".git/config",
        "shared/storehand/__pycache__/job.pyc",
        "x.db",
    ):
        assert is_ignored(private, IGNORE), private


def test_it_starts_our_command_under_a_first_process_that_passes_signals_on():
    last = read_stages(TEXT)[-1]
    *first, program = json.loads(last.values("ENTRYPOINT")[-1])
    (command,) = json.loads(last.values("CMD")[-1])

    assert first == ["tini", "--"]
    assert program in PROJECT["scripts"]
    assert command in _commands()
    assert last.values("STOPSIGNAL") == ["SIGTERM"]


def _commands() -> set[str]:
    group: Any = get_command(build_app())
    return set(group.commands)


def test_its_version_is_the_projects_and_its_python_the_tested_one():
    assert f"ARG VERSION={PROJECT['version']}" in TEXT
    assert re.search(r"^ARG BASE=python:3\.11-slim", TEXT, re.MULTILINE)


def test_whatever_the_programs_write_lies_in_two_folders_that_can_be_mounted():
    last = read_stages(TEXT)[-1]
    places = dict(re.findall(r"(\w+)=(/\S+)", " ".join(last.values("ENV"))))
    written = {places[name] for name in ("HOME", "HF_HOME", "STOREHAND_DATA_DIR")} | set(last.values("WORKDIR"))

    assert all(path == "/tmp" or path.startswith("/var/lib/storehand") for path in written)
