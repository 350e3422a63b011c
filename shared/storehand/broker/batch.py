"""Several publishes as one commit, so that a thousand messages cost one sync of the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from storehand.broker.messages import Draft

if TYPE_CHECKING:
    from storehand.broker.channel import Channel


class PublishBatch:
    """Collects what a channel publishes until `flush`. It has the shape that kombu's `Producer.batch()` asks for."""

    def __init__(self, channel: Channel, max_size: int) -> None:
        self.channel = channel
        self._max_size = max_size
        self._drafts: list[Draft] = []

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Whatever the channel publishes inside goes into this batch."""
        outer, self.channel.current_batch = self.channel.current_batch, self
        try:
            yield
        finally:
            self.channel.current_batch = outer

    def publish(self, message: dict[str, Any], **options: Any) -> Any:
        with self.collecting():
            return self.channel.basic_publish(message, **options)

    def add(self, drafts: Iterable[Draft]) -> None:
        self._drafts.extend(drafts)
        if len(self._drafts) >= self._max_size:
            self.flush()

    def flush(self) -> None:
        """One commit. When it raises QueueBusy or QueueUnavailable nothing since the last flush was written."""
        drafts, self._drafts = self._drafts, []
        self.channel.commit(drafts)

    def discard(self) -> None:
        self._drafts.clear()

    def close(self) -> None:
        self.discard()
