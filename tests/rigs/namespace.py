"""A network of its own for a process, tied to ours by one link that can be cut. Root on Linux; elsewhere skipped."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from types import TracebackType
from typing import Self

_numbers = itertools.count(1)


def why_not() -> str:
    """Why this machine can't do it; empty where it can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the program ip (iproute2)"
    name = f"shtry{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"this machine refuses network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return ""


class Namespace:
    """A context manager. `outside` is our address as the inside sees it, `inside` the other way round."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.name = f"sh{os.getpid()}n{number}"
        self._link = f"v{os.getpid() % 100_000}n{number}"[:15]
        subnet = f"10.{200 + os.getpid() % 50}.{(os.getpid() // 50 + number) % 250}"
        self.outside, self.inside = f"{subnet}.1", f"{subnet}.2"

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            _ip("addr", "add", f"{self.outside}/24", "dev", self._link)
            _ip("link", "set", self._link, "up")
            _ip("-n", self.name, "addr", "add", f"{self.inside}/24", "dev", "eth0")
            _ip("-n", self.name, "link", "set", "eth0", "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "link", "del", self._link], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    @property
    def command(self) -> tuple[str, ...]:
        """What stands before a command that shall run inside."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Packets vanish both ways; neither end is told."""
        _ip("link", "set", self._link, "down")

    def heal(self) -> None:
        _ip("link", "set", self._link, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
