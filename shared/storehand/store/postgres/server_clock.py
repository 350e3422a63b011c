"""The server's clock without asking it every time."""

from __future__ import annotations

import time

from storehand.store.postgres.link import Link
from storehand.store.postgres.links import Links

_GOOD_FOR_S = 30.0
"""Clocks drift by some 50 ppm: 1.5 ms."""


class ServerClock:
    """Never ahead of the server, and behind it by less than the quickest answer of the last half minute took."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._offset: float | None = None
        self._learned_at = 0.0

    def now(self) -> float:
        offset = self._offset
        if offset is None or time.monotonic() - self._learned_at > _GOOD_FOR_S:
            self.learn(*self._links.read(_ask))
            offset = self._offset
        assert offset is not None
        return time.monotonic() + offset

    def learn(self, server_s: float, monotonic_s: float) -> None:
        """The server said so, and the answer was here then."""
        offset = server_s - monotonic_s
        if self._offset is None or offset > self._offset or monotonic_s - self._learned_at > _GOOD_FOR_S:
            self._offset, self._learned_at = offset, monotonic_s


def _ask(link: Link) -> tuple[float, float]:
    row = link.run("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return row[0], time.monotonic()
