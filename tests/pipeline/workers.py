"""Real workers in processes of their own, on the embedded queue, with the probe plugin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from types import TracebackType

from storehand.settings import Settings
from tests.waiting import until

ROOT = Path(__file__).parents[2]


class Shop:
    """One data folder, its settings, and the ledger of the probe task."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self._plugin_path = _installed_plugin(folder)
        self.overrides: dict[str, object] = {
            "data_dir": str(folder / "data"),
            "plugins": '["probe"]',
            "concurrency": 16,
            "lease_s": 2,
            "reconcile_s": 0.5,
            "publish_grace_s": 1,
            "synchronous": "NORMAL",
            **settings,
        }

    @property
    def settings(self) -> Settings:
        overrides = {**self.overrides, "plugins": ["probe"]}
        return Settings(**overrides)  # type: ignore[arg-type]  # strings and numbers, as in the environment

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("STOREHAND_")}
        ours = {
            f"STOREHAND_{key.upper()}": json.dumps(value) if isinstance(value, dict) else str(value)
            for key, value in self.overrides.items()
        }
        path = os.pathsep.join([str(self._plugin_path), str(ROOT), *kept.get("PYTHONPATH", "").split(os.pathsep)])
        return {**kept, **ours, "PYTHONPATH": path.rstrip(os.pathsep), "PROBE_LEDGER": str(self.ledger)}

    def noted(self, what: str) -> Counter[str]:
        """How often each job started or ended, by its id."""
        lines = self.ledger.read_text(encoding="utf-8").splitlines()
        return Counter(line.split()[1] for line in lines if line.startswith(f"{what} "))

    def worker(self, *arguments: str, name: str = "w1", patience_s: float = 60, **settings: object) -> WorkerProcess:
        return WorkerProcess(self, name, arguments, settings, patience_s=patience_s)


class WorkerProcess:
    """A context manager: inside, the worker takes jobs; after it, it is gone. `host`: where its probes answer."""

    host = "127.0.0.1"

    def __init__(
        self, shop: Shop, name: str, arguments: tuple[str, ...], settings: dict[str, object], *, patience_s: float = 60
    ) -> None:
        self.log = shop.folder / f"{name}.log"
        self.name = name
        self._shop = shop
        self._port = _free_port()
        self._patience_s = patience_s
        self._arguments = arguments
        self._settings = {f"STOREHAND_{key.upper()}": str(value) for key, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WorkerProcess:
        self.start()
        try:
            until(self.is_ready, timeout_s=self._patience_s, every_s=0.05)  # asking oftener slows its start
        except AssertionError:
            self.__exit__(None, None, None)
            raise AssertionError(f"the worker did not come up:\n{self.log_text()}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        environment = {**self._shop.environment, **self._settings, "STOREHAND_HTTP_PORT": str(self._port)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command(), *self._arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._shop.folder,
            )

    def command(self) -> list[str]:
        options = ["-n", f"{self.name}@test", "--without-mingle", "--without-gossip", "--without-heartbeat"]
        return [sys.executable, "-m", "celery", "-A", "storehand_worker.app", "worker", "-l", "INFO", *options]

    def is_ready(self) -> bool:
        assert self.exit_code() is None, f"the worker left with {self.exit_code()}:\n{self.log_text()}"
        try:
            return bool(self.get("/readyz")[0] == 200)
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self._port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    @property
    def address(self) -> str:
        """host:port of its probes and metrics."""
        return f"{self.host}:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def exit_code(self) -> int | None:
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout_s: float = 30.0) -> int:
        """The exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def _installed_plugin(folder: Path) -> Path:
    """What `pip install` would leave behind: an entry point, found because its folder is on the path."""
    site = folder / "site"
    info = site / "storehand_probe-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-probe\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[storehand]\nprobe = tests.pipeline.probe_plugin\n")
    return site


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
