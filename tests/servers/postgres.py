"""postgres: a cluster of its own; as root it runs as another user, for it refuses root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from typing import ClassVar

from tests.servers.server import Server, answers, fresh_name, program

SETTINGS = (
    "listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=32MB", "synchronous_commit=on",
    "log_min_messages=warning", "autovacuum_naptime=10s",
)  # fmt: skip


class PostgresServer(Server):
    """`url` is the database `storehand`; `fresh_url()` a new, empty one.

    fsync is off: `kill()` is the death of a process, not of the machine. options: `"synchronous_commit=off"`.
    """

    programs: ClassVar[tuple[str, ...]] = ("postgres", "initdb", "psql")
    package: ClassVar[str] = "postgresql"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": ends the sessions, then itself

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options

    @property
    def url(self) -> str:
        return self.database_url("storehand")

    def database_url(self, name: str) -> str:
        return f"postgresql://storehand@127.0.0.1:{self.port}/{name}"

    def fresh_url(self) -> str:
        name = fresh_name()
        self.run_sql(f"CREATE DATABASE {name}")
        return self.database_url(name)

    def run_sql(self, statement: str, database: str = "template1") -> str:
        """What psql prints: rows, unaligned."""
        url = self.database_url(database)
        command = [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=_PSQL_ENVIRONMENT)
        return done.stdout.strip()

    def _prepare(self) -> None:
        data = self.folder / "data"
        if data.exists():
            with contextlib.suppress(FileNotFoundError):
                (data / "postmaster.pid").unlink()  # kill -9 left it; its number may be another process by now
            return
        if os.geteuid() == 0:
            shutil.chown(self.folder, _USER, _USER)
        login = ["-A", "trust", "-U", "storehand", "--locale=C", "-E", "UTF8", "--no-sync"]
        subprocess.run(
            [*_as_user(), program("initdb"), "-D", str(data), *login], check=True, capture_output=True, cwd=self.folder
        )

    def start(self, timeout_s: float = 180.0) -> None:
        super().start(timeout_s)
        if self.run_sql("SELECT count(*) FROM pg_database WHERE datname = 'storehand'") == "0":
            self.run_sql("CREATE DATABASE storehand")

    def _command(self) -> list[str]:
        sockets = f"unix_socket_directories={self.folder}"
        options = [f"--{each}" for each in ("fsync=off", *SETTINGS, sockets, *self.options)]
        return [*_as_user(), program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options]

    def _is_up(self) -> bool:
        if not answers(self.port):
            return False
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run_sql("SELECT 1") == "1"
        return False


_PSQL_ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "PGCONNECT_TIMEOUT": "5"}


def _user() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"


_USER = _user()


def _as_user() -> list[str]:
    """setpriv is part of every Debian and, unlike su, starts no session of its own."""
    return ["setpriv", "--reuid", _USER, "--regid", str(pwd.getpwnam(_USER).pw_gid), "--clear-groups"] * (
        os.geteuid() == 0
    )
