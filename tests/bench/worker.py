"""A real worker as a subprocess, on an embedded broker of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storehand import Client, Settings
from tests.bench.plugin import install
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Worker:
    process: subprocess.Popen[bytes]
    client: Client
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def folder(self) -> Path:
        return self.client.settings.data_dir


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def storehand_worker(**settings: str) -> Iterator[Worker]:
    """Ready to take jobs; stopped by SIGTERM at the end. Settings are written as in the environment; `plugins` that
    name `bench` get the tasks of `plugin.py`."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as folder:
        port = free_port()
        plugins = [str(install(Path(folder) / "site"))] if "bench" in settings.get("plugins", "").split(",") else []
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*plugins, str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "STOREHAND_DATA_DIR": folder,
            "STOREHAND_HTTP_PORT": str(port),
            "STOREHAND_LOG_LEVEL": "WARNING",
            **{f"STOREHAND_{key.upper()}": value for key, value in settings.items()},
        }
        command = [sys.executable, "-m", "celery", "-A", "storehand_worker.app", "worker", "-l", "WARNING"]
        log = (Path(folder) / "worker.log").open("wb")
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            until(lambda: process.poll() is not None or _is_ready(port), timeout_s=120, every_s=0.1)
            assert process.poll() is None, (Path(folder) / "worker.log").read_text()[-4000:]
            ours = {key: value for key, value in settings.items() if key != "models"}
            with Client(Settings(data_dir=Path(folder), **ours)) as client:  # type: ignore[arg-type]  # parsed
                yield Worker(process, client, port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            log.close()
