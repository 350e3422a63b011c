"""One server process and its data: started, stopped, killed, paused, and gone with the test process."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.waiting import until

START_S = 180.0
"""RabbitMQ needs 10 s of a core to boot, and the core may be shared."""

GUARDIAN = 'read -r _; folder=$1; shift; for pid in "$@"; do kill -9 "$pid"; done; sleep 1; rm -rf "$folder"'
"""Waits until the test process closes the pipe, be it by SIGKILL. PDEATHSIG would fire when a *thread* ends."""


class Server(ABC):
    """Inside `with` it runs. Its port and its data outlive `stop()` and `kill()`, until `close()`."""

    programs: ClassVar[tuple[str, ...]]
    package: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        reason = self.missing()
        if reason:
            raise RuntimeError(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="storehand-", dir="/tmp"))  # short: sockets live in it
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: subprocess.Popen[bytes] | None = None

    @classmethod
    def missing(cls) -> str | None:
        """Why it can't run on this machine; None where it can."""
        absent = [program for program in cls.programs if find_program(program) is None]
        return f"{', '.join(absent)} not found: apt-get install {cls.package} (make servers)" if absent else None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def fresh_url(self) -> str:
        """A place of its own on this server: a database or a virtual host that nothing else uses."""

    def start(self, timeout_s: float = START_S) -> None:
        """Returns when it answers."""
        self._prepare()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), env={**os.environ, **self._environment()}, cwd=self.folder, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        pids = map(str, (self._process.pid, *self._companions()))
        command = ["sh", "-c", GUARDIAN, "guardian", str(self.folder), *pids]
        self._guardian = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(self._is_up_or_dead, timeout_s=timeout_s, every_s=0.05)

    def stop(self, timeout_s: float = 60.0) -> None:
        """The orderly way: it writes what it has and leaves."""
        self._end(self.stop_signal, timeout_s)

    def kill(self) -> None:
        """`kill -9`: what it had not written is lost, its files stay."""
        self._end(signal.SIGKILL, 30.0)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """It stands still: connections stay open, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self.pause()
        try:
            yield
        finally:
            self.resume()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """The end of process and data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _is_up(self) -> bool: ...

    def _prepare(self) -> None:  # noqa: B027  # a hook, empty by default
        """Called before each start."""

    def _environment(self) -> Mapping[str, str]:
        return {}

    def _companions(self) -> list[int]:
        """Processes beside the server that end with the test process too."""
        return []

    def _is_up_or_dead(self) -> bool:
        assert self.is_running, f"{type(self).__name__} left while starting:\n{self.log_text()[-3000:]}"
        return self._is_up()

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None, "it does not run"
        for pid in family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        if self._process is not None and self.is_running:
            members = family(self._process.pid)
            for pid in members if number == signal.SIGKILL else members[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            self._process.wait(timeout_s)
            until(lambda: not any(map(_is_alive, members[1:])), timeout_s=timeout_s)
        self._process = None
        if self._guardian is not None:
            self._guardian.kill()
            self._guardian.communicate()
            self._guardian = None


def family(pid: int) -> list[int]:
    """The process and its descendants, parents first; where there is no /proc, only the process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state = entry.read_text().rpartition(")")[2].split()
            children.setdefault(int(state[1]), []).append(int(entry.parent.name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def find_program(name: str) -> str | None:
    """On the path, or where Debian keeps what users should not call."""
    homes = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/lib/rabbitmq/bin")]
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"]
    return shutil.which(name, path=os.pathsep.join([*map(str, homes), *places]))


def program(name: str) -> str:
    found = find_program(name)
    assert found is not None, f"{name} is not installed"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def fresh_name(word: str = "t") -> str:
    """For queue prefixes, schemas and virtual hosts: two tests that share a server never share a name."""
    return f"{word}{secrets.token_hex(4)}"
