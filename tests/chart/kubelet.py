"""What a kubelet does with a pool's pod, done here with processes: start it, ask its probes, stop it within its grace.

Everything comes out of the rendered pod: command, environment, probes, hook and grace. Only places are other ones: the
folders of volumes lie in the test's folder, ports are free ones, the broker and the store are those of the test.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from tests.chart.pods import Pod, env
from tests.chart.render import Document
from tests.pipeline.workers import Shop, WorkerProcess

BIN = Path(sys.executable).parent
IMAGE_ENTRYPOINT = ["storehand"]
"""Of the Dockerfile; a pod that gives no command of its own gets it."""


@dataclass(frozen=True)
class Stopped:
    """How a pod ended."""

    exit_code: int
    hook_code: int | None
    seconds: float
    was_killed: bool
    """The grace was over, and the process still there."""


class PodProcess(WorkerProcess):
    """A worker started as its container would be; a context manager like any `WorkerProcess`."""

    def __init__(self, shop: Shop, name: str, pod: Pod, documents: list[Document], secrets: Mapping[str, str]) -> None:
        super().__init__(shop, name, (), {})
        self._container = pod.main
        self._grace_s = float(pod.spec.get("terminationGracePeriodSeconds", 30))
        self._root = shop.folder / name
        self._settings = self._places(env(self._container, documents), secrets)

    def command(self) -> list[str]:
        arguments = self._container.get("args") or []
        host = ["-n", f"celery@{self.name}"] if arguments[:1] == ["worker"] else []  # a pod has a host name of its own
        return _found([*(self._container.get("command") or IMAGE_ENTRYPOINT), *arguments, *host])

    def is_ready(self) -> bool:
        """As the pod's own startup and readiness probes say."""
        assert self.exit_code() is None, f"the worker left with {self.exit_code()}:\n{self.log_text()}"
        try:
            return self.probe("startupProbe") and self.probe("readinessProbe")
        except OSError:
            return False

    def probe(self, kind: str) -> bool:
        """Whether the container's probe of this kind passes."""
        return 200 <= self.get(self._container[kind]["httpGet"]["path"])[0] < 400

    @property
    def environment(self) -> dict[str, str]:
        return {**self._shop.environment, **self._settings}

    def stop(self) -> Stopped:
        """The hook, SIGTERM, and SIGKILL when the grace is over; its time runs from the beginning of the hook."""
        began = time.monotonic()
        hook_code = self._run_hook()
        if self.exit_code() is None:
            self.send(SIGTERM)
        was_killed = not self._left_within(began + self._grace_s - time.monotonic())
        if was_killed:
            self.kill()
        return Stopped(self.wait(), hook_code, time.monotonic() - began, was_killed)

    def _run_hook(self) -> int | None:
        hook = ((self._container.get("lifecycle") or {}).get("preStop") or {}).get("exec")
        if hook is None:
            return None
        command, grace_s = _found(hook["command"]), self._grace_s
        try:
            ran = subprocess.run(command, env=self.environment, capture_output=True, timeout=grace_s, check=False)
        except subprocess.TimeoutExpired:
            return None
        return ran.returncode

    def _left_within(self, seconds: float) -> bool:
        try:
            self.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _places(self, said: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
        """The pod's environment, with what lies on volumes moved below the test's folder."""
        for name, text in secrets.items():
            file = self._root / "secrets" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        moved = {
            "STOREHAND_DATA_DIR": str(self._root / "data"),
            "STOREHAND_SECRETS_DIR": str(self._root / "secrets"),
            "STOREHAND_HTTP_HOST": self.host,
            "HOME": str(self._root),
        }
        assert set(moved) - {"HOME"} <= set(said), "the pod does not say where its data and secrets are"
        return {**said, **moved}


def _found(command: list[str]) -> list[str]:
    """The image has our command on its path."""
    program, *arguments = command
    assert program == "storehand", f"the image has no {program}"
    return [str(BIN / program), *arguments]
