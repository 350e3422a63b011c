"""Inputs too large for a row lie in files or objects of their own, beneath `payload_url`; the row names them.

One name per job, `<tenant>/<SHA-256 of the input>-<job id>.json`: whoever deletes a job deletes its input, and no
other job's; whoever reads it sees whether it is whole.
"""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from storehand.errors import PayloadLost, SettingsError, StorehandError, Unavailable
from storehand.job import Job, NewJob
from storehand.payload import encode_input, fingerprint

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

_REF = re.compile(r"[^/]+/(?P<sha256>[0-9a-f]{64})-[^/]+\.json")

log = logging.getLogger("storehand.payloads")


class Place(Protocol):
    """Where the inputs lie. Raises FileNotFoundError for a name that is not there, anything else for trouble."""

    def write(self, name: str, data: bytes) -> None:
        """All or nothing; lasting once it returns."""
        ...

    def read(self, name: str) -> bytes: ...

    def delete(self, name: str) -> None: ...


class Payloads:
    """The inputs of jobs outside the store. Without a `url` there are none: what a row names then is Unavailable."""

    def __init__(self, url: str | None) -> None:
        self._place = None if url is None else _place(url)

    def move_out(self, jobs: Sequence[NewJob]) -> list[NewJob]:
        """Stores the inputs that are marked as large by their fingerprint, and returns the jobs as their rows will be.
        All or none. Unavailable when they can't be written."""
        moved: list[NewJob] = []
        for job in jobs:
            if job.fingerprint is None or job.payload_ref is not None:
                moved.append(job)
                continue
            try:
                moved.append(self._move_out(job, job.fingerprint))
            except StorehandError:
                self.forget(each.payload_ref for each in moved)
                raise
        return moved

    def whole(self, job: Job) -> Job:
        """The job with its input. PayloadLost when there is none any more, Unavailable while it can't be read."""
        if job.payload_ref is None:
            return job
        match = _REF.fullmatch(job.payload_ref)
        if match is None:
            raise PayloadLost("the job's row does not name a stored input")
        try:
            text = self._there().read(job.payload_ref).decode("utf-8")
        except FileNotFoundError:
            raise PayloadLost("the stored input of this job is gone") from None
        except UnicodeDecodeError:
            raise PayloadLost("the stored input of this job is damaged") from None
        except Exception as error:  # each kind of storage has its own
            raise _unavailable(error, "read") from error
        if fingerprint(text) != match["sha256"]:
            raise PayloadLost("the stored input of this job is damaged")
        return replace(job, input=json.loads(text))

    def delete(self, refs: Iterable[str | None]) -> None:
        """Deletes stored inputs; those that are gone are no trouble. Unavailable when one can't be deleted."""
        for ref in refs:
            if ref is not None and _REF.fullmatch(ref):
                try:
                    self._there().delete(ref)
                except FileNotFoundError:
                    continue
                except Exception as error:  # each kind of storage has its own
                    raise _unavailable(error, "deleted") from error

    def forget(self, refs: Iterable[str | None]) -> None:
        """`delete` where nobody waits for it: what can't be deleted stays behind and is logged."""
        for ref in refs:
            try:
                self.delete([ref])
            except Unavailable as error:
                log.warning("%s: %s stays behind; docs/privacy.md says how such files are found", error.message, ref)

    def _move_out(self, job: NewJob, sha256: str) -> NewJob:
        ref = f"{_path_part(job.tenant)}/{sha256}-{_path_part(job.id)}.json"
        try:
            self._there().write(ref, encode_input(job.input).encode("utf-8"))
        except Unavailable:
            raise
        except Exception as error:  # each kind of storage has its own
            raise _unavailable(error, "written") from error
        return replace(job, input={}, payload_ref=ref)

    def _there(self) -> Place:
        if self._place is None:
            raise Unavailable("the input of this job lies outside the store, and no payload_url is set here")
        return self._place


def open_payloads(settings: Settings) -> Payloads:
    return Payloads(None if settings.payload_url is None else settings.payload_url.get_secret_value())


def checked_url(url: str) -> str:
    """ValueError for a URL that can't hold payloads."""
    parts = urlsplit(url)
    if not parts.scheme or "://" not in url:
        raise ValueError("payload_url must be a URL: file:///shared/payloads, s3://bucket/prefix")
    if parts.scheme == "memory":
        raise ValueError("payload_url memory:// is forgotten with its process: workers could not read it")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError("payload_url must name an absolute folder: file:///shared/payloads")
    return url


def _place(url: str) -> Place:
    parts = urlsplit(url)
    return _Folder(Path(unquote(parts.path))) if parts.scheme == "file" else _Remote(url)


class _Folder:
    """A folder that clients and workers share. It is not made here: a share that is not mounted must not look like an
    empty one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        path = self._existing() / name
        path.parent.mkdir(mode=0o770, exist_ok=True)
        beside = path.with_name(f".{uuid.uuid4().hex}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, name: str) -> bytes:
        return (self._existing() / name).read_bytes()

    def delete(self, name: str) -> None:
        (self._existing() / name).unlink()

    def _existing(self) -> Path:
        if not self._root.is_dir():
            raise Unavailable(f"the folder {self._root} of payload_url is not there: make it, or mount it")
        return self._root


class _Remote:
    """Whatever fsspec has a file system for. One object is written by one request, which the storage does whole or not
    at all."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def write(self, name: str, data: bytes) -> None:
        system, root = self._system()
        system.pipe_file(f"{root}/{name}", data)

    def read(self, name: str) -> bytes:
        system, root = self._system()
        data: bytes = system.cat_file(f"{root}/{name}")
        return data

    def delete(self, name: str) -> None:
        system, root = self._system()
        system.rm_file(f"{root}/{name}")

    def _system(self) -> tuple[Any, str]:
        """Asked for each time: fsspec keeps one per thread and knows when a process has forked."""
        try:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec has no types

            system, root = url_to_fs(self._url)
        except (ImportError, ValueError) as error:
            raise SettingsError(
                f"payload_url can't be used: {error}",
                details={"advice": "install `storehand[payloads]` and fsspec's package for this kind of URL"},
            ) from None
        return system, str(root).rstrip("/")


def _path_part(text: str) -> str:
    """A tenant or an id as one part of a path, whatever stands in it."""
    return quote(text, safe="").replace(".", "%2E")


def _unavailable(error: Exception, done: str) -> StorehandError:
    if isinstance(error, StorehandError):
        return error
    return Unavailable(f"the stored input can't be {done} ({type(error).__name__})")
