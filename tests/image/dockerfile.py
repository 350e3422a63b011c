"""A Dockerfile read into stages, and its build steps carried out in a folder: the same commands, no engine.

Carried out are ARG, ENV, WORKDIR, COPY and RUN of one stage and those it stands on. Absolute paths that the steps write
to lie under the given folder; cache mounts are left out.
"""

from __future__ import annotations

import fnmatch
import io
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

PLACES = ("/opt/storehand", "/package", "/src", "/tmp/empty", "/tmp/wheel")


@dataclass(frozen=True)
class Step:
    word: str
    value: str

    @property
    def flags(self) -> dict[str, str]:
        named = [part[2:].partition("=") for part in self.value.split() if part.startswith("--")]
        return {name: value for name, _, value in named}

    @property
    def arguments(self) -> list[str]:
        """Of COPY: sources, then the destination."""
        return [part for part in shlex.split(self.value) if not part.startswith("--")]


@dataclass(frozen=True)
class Stage:
    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def values(self, word: str) -> list[str]:
        return [step.value for step in self.steps if step.word == word]


def read_stages(text: str) -> list[Stage]:
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()))
    stages: list[Stage] = []
    for each in parser.structure:
        word, value = each["instruction"], each["value"]
        if word == "FROM":
            base, _, name = value.partition(" AS ")
            stages.append(Stage(name or "last", base))
        elif word != "COMMENT" and stages:
            stages[-1].steps.append(Step(word, value))
    return stages


def is_ignored(path: str, lines: Sequence[str]) -> bool:
    """By .dockerignore's rules, as far as this project's file uses them: the last line that matches decides."""
    parents = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
    ignored = False
    for line in lines:
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        names = path.split("/") if anywhere != pattern else parents
        if any(fnmatch.fnmatchcase(name, anywhere) for name in names):
            ignored = not line.startswith("!")
    return ignored


@dataclass
class Build:
    """Carries out a stage's steps under `folder`. CalledProcessError, with what was printed, where a command fails."""

    stages: Sequence[Stage]
    context: Path
    folder: Path
    arguments: Mapping[str, str]
    ignore: Sequence[str]
    python: str
    """The interpreter that stands for the base image's."""

    def run(self, name: str) -> None:
        chain = self._chain(name)
        values: dict[str, str] = {}
        where = self.folder
        for step in (step for stage in chain for step in stage.steps):
            match step.word:
                case "ARG":
                    key, _, default = step.value.partition("=")
                    values[key] = self.arguments.get(key, default)
                case "ENV":
                    values |= dict(part.partition("=")[::2] for part in shlex.split(step.value))
                case "WORKDIR":
                    where = self._place(step.value)
                    where.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(step, where)
                case "RUN":
                    self._run(step.value, where, values)

    def _chain(self, name: str) -> list[Stage]:
        known = {stage.name: stage for stage in self.stages}
        stage = known[name]
        return [*(self._chain(stage.base) if stage.base in known else []), stage]

    def _place(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def _copy(self, step: Step, where: Path) -> None:
        *sources, target = step.arguments
        for source in sources:
            origin = self.context / source
            destination = where / target if target != "./" else where / source
            if origin.is_dir():
                shutil.copytree(origin, destination, ignore=self._left_out, dirs_exist_ok=True)
            else:
                shutil.copy2(origin, destination)

    def _left_out(self, folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(self.context).as_posix()
        return {name for name in names if is_ignored(f"{inside}/{name}", self.ignore)}

    def _run(self, command: str, where: Path, values: Mapping[str, str]) -> None:
        plain = re.sub(r"--mount=\S+\s+", "", command)
        moved = re.sub("|".join(map(re.escape, PLACES)), lambda found: str(self._place(found[0])), plain)
        own = {name: os.environ[name] for name in ("PATH", "HOME", *_PIP) if name in os.environ}
        environment = {**own, **values, "PATH": f"{Path(self.python).parent}:{os.environ['PATH']}"}
        environment.pop("PIP_CACHE_DIR", None)
        ended = subprocess.run(["sh", "-c", moved], cwd=where, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"


_PIP = tuple(name for name in os.environ if name.startswith("PIP_"))
"""Where this machine's pip looks for packages."""
