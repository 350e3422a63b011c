"""Knowledge bases as plain files: immutable versions, and a pointer to the current one that is switched in one step.

    <knowledge_dir>/<tenant>/<name>/0001-3f9c2a7d1b04.jsonl     one article per line, never changed again
    <knowledge_dir>/<tenant>/<name>/current                     the name of the version that is served

The folder can be mounted read-only into any number of workers; they see a new version as soon as `current` changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from storehand.contracts.chat import Article
from storehand.errors import InvalidInput, Unavailable

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[0-9]{4,}-[0-9a-f]{12}")
POINTER = "current"
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a knowledge base. `saved_at` is in epoch seconds."""

    name: str
    version: str
    articles: int
    saved_at: float
    is_current: bool


Stamp = tuple[int, int, int]
"""Changes whenever `current` is written: time, inode and size of the file."""


class KnowledgeStore:
    """The knowledge bases of one folder. Every method is about one tenant; none ever sees another's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self, tenant: str) -> list[str]:
        """The tenant's knowledge bases that have a current version."""
        try:
            return sorted(each.name for each in self._tenant(tenant).iterdir() if (each / POINTER).is_file())
        except FileNotFoundError:
            return []

    def versions(self, tenant: str, name: str) -> list[Version]:
        """Oldest first. InvalidInput for a name that is not there."""
        current = self.current(tenant, name)
        found = []
        for file in sorted(self._base(tenant, name).glob("*.jsonl"), key=_order):
            if VERSION.fullmatch(file.stem):
                lines = sum(1 for line in file.read_bytes().split(b"\n") if line)
                found.append(Version(name, file.stem, lines, file.stat().st_mtime, file.stem == current))
        return found

    def stamp(self, tenant: str, name: str) -> Stamp:
        """One `stat`: whether the current version may have changed. InvalidInput, which names those that exist, for a
        knowledge base that is not there."""
        try:
            found = (self._base(tenant, name) / POINTER).stat()
        except (FileNotFoundError, NotADirectoryError):
            raise self._unknown(tenant, name) from None
        except OSError as error:
            raise Unavailable(f"the knowledge base {name!r} can't be read: {error}") from None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def current(self, tenant: str, name: str) -> str:
        """The version that is served."""
        try:
            version = (self._base(tenant, name) / POINTER).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise self._unknown(tenant, name) from None
        except OSError as error:
            raise Unavailable(f"the knowledge base {name!r} can't be read: {error}") from None
        if not VERSION.fullmatch(version):
            raise Unavailable(
                f"the pointer of the knowledge base {name!r} is damaged; `storehand knowledge use` mends it"
            )
        return version

    def load(self, tenant: str, name: str, version: str) -> tuple[Article, ...]:
        """The articles of a version. InvalidInput for a version that is not there, Unavailable for a damaged file."""
        if not VERSION.fullmatch(version):
            raise InvalidInput(f"{version!r} is no version of a knowledge base")
        file = self._base(tenant, name) / f"{version}.jsonl"
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            known = ", ".join(each.version for each in self.versions(tenant, name))
            raise InvalidInput(f"the knowledge base {name!r} has no version {version!r}; it has: {known}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"the knowledge base {name!r} can't be read: {error}") from None
        try:
            return tuple(Article.model_validate_json(line) for line in lines if line)
        except ValidationError as error:
            raise Unavailable(
                f"version {version} of the knowledge base {name!r} is damaged: {error.errors()[0]['msg']}"
            ) from None

    def publish(self, tenant: str, name: str, articles: Sequence[Article]) -> Version:
        """Saves the articles as a version and serves it from now on. The same articles as in an older version bring
        that one back: no second copy is kept."""
        content = "".join(json.dumps(each.to_json_dict(), ensure_ascii=False) + "\n" for each in articles).encode()
        folder = self._base(tenant, name)
        folder.mkdir(parents=True, exist_ok=True)
        version = self._saved(folder, content)
        _replace(folder / POINTER, f"{version}\n".encode())
        return Version(name, version, len(articles), datetime.now(UTC).timestamp(), is_current=True)

    def use(self, tenant: str, name: str, version: str) -> int:
        """Serves an older (or newer) version again; the number of its articles. The file is read before the switch."""
        articles = self.load(tenant, name, version)
        _replace(self._base(tenant, name) / POINTER, f"{version}\n".encode())
        return len(articles)

    def remove(self, tenant: str, name: str) -> None:
        """The knowledge base with all its versions. Jobs that name it fail from now on."""
        self.stamp(tenant, name)
        folder = self._base(tenant, name)
        (folder / POINTER).unlink()  # first: whoever reads meanwhile finds no knowledge base instead of half of one
        shutil.rmtree(folder)

    def _saved(self, folder: Path, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()[:12]
        for _ in range(_TRIES):
            known = sorted((file for file in folder.glob("*.jsonl") if VERSION.fullmatch(file.stem)), key=_order)
            same = next((file.stem for file in known if file.stem.endswith(digest)), None)
            if same is not None:
                return same
            version = f"{(_order(known[-1]) if known else 0) + 1:04d}-{digest}"
            if not any(file.stem.startswith(version.split("-")[0] + "-") for file in known) and _create(
                folder / f"{version}.jsonl", content
            ):
                return version
        raise Unavailable("somebody else is saving versions of this knowledge base all the time; try again")

    def _tenant(self, tenant: str) -> Path:
        """Percent signs for whatever is no plain letter: a tenant can't climb out of the folder."""
        return self._folder / quote(tenant, safe="").replace(".", "%2E")

    def _base(self, tenant: str, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} is no name of a knowledge base: a-z, 0-9, _ and -, at most 64")
        return self._tenant(tenant) / name

    def _unknown(self, tenant: str, name: str) -> InvalidInput:
        known = ", ".join(self.names(tenant)) or "none yet; `storehand knowledge ingest` makes one"
        return InvalidInput(f"there is no knowledge base {name!r}; there are: {known}", details={"knowledgeBase": name})


def _order(file: Path) -> int:
    return int(file.stem.split("-")[0])


def _create(path: Path, content: bytes) -> bool:
    """The whole file or none; False if it is there already."""
    temporary = _written(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def _replace(path: Path, content: bytes) -> None:
    _written(path, content).replace(path)


def _written(path: Path, content: bytes) -> Path:
    """A file beside `path`, on disk, readable for the workers of other users."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary = Path(name)
    temporary.chmod(0o644)
    return temporary
