"""What a channel's consumers have in hand, and how many more they may take."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from storehand.broker.bases import VirtualQoS
from storehand.broker.messages import Verdict
from storehand.errors import SettingsError


@dataclass(frozen=True)
class Reserve:
    """`count` places of the prefetch are kept for queues whose name ends with `queues_ending`."""

    queues_ending: str = ""
    count: int = 0

    @classmethod
    def from_option(cls, option: Any) -> Reserve:
        """From the transport option `reserved`; SettingsError when it makes no sense."""
        if option is None:
            return cls()
        try:
            reserve = cls(str(option["queues_ending"]), int(option["count"]))
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"reserved needs queues_ending and count, not {option!r}") from error
        if reserve.count < 0 or not reserve.queues_ending:
            raise SettingsError(f"reserved needs a name's ending and a count >= 0, not {option!r}")
        return reserve

    def covers(self, queue: str) -> bool:
        return bool(self.queues_ending) and queue.endswith(self.queues_ending)

    def order(self, queues: Iterable[str]) -> list[str]:
        """Covered queues first, each part in the order consumed."""
        return sorted(dict.fromkeys(queues), key=lambda queue: not self.covers(queue))

    def room(self, queue: str, *, prefetch: int, covered: int, others: int) -> int | None:
        """How many more messages of `queue` may be claimed, None for any number.

        `covered` and `others` are in hand already. One place stays open to everyone, whatever the count, so that a
        prefetch below the reserve slows other queues down and does not stop them.
        """
        if not prefetch:
            return None
        free = prefetch - covered - others
        if not self.covers(queue):
            free = min(free, max(1, prefetch - self.count) - others)
        return max(0, free)


class QoS(VirtualQoS):
    """Keeps the tags in hand by claim, not by callback: a claimed message takes its place at once."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        super().__init__(channel, prefetch_count)
        self._guard = threading.Lock()
        self._covered = 0

    def claimed(self, tag: str, *, is_covered: bool) -> None:
        with self._guard:
            self._delivered[tag] = is_covered
            self._covered += is_covered

    def settled(self, tag: str) -> bool:
        """Frees the place; False when the tag is not in hand (any more)."""
        with self._guard:
            is_covered = self._delivered.pop(tag, None)
            self._covered -= bool(is_covered)
        return is_covered is not None

    def in_hand(self) -> tuple[int, int]:
        """How many of covered queues, how many of others."""
        with self._guard:
            return self._covered, len(self._delivered) - self._covered

    def forget(self) -> list[str]:
        """Empties the hands; what was in them."""
        with self._guard:
            tags = list(self._delivered)
            self._delivered.clear()
            self._covered = 0
        return tags

    def append(self, message: Any, delivery_tag: str) -> None:
        """Called by kombu when the message is delivered; it has its place since the claim."""

    def ack(self, delivery_tag: str) -> None:
        self._settle(delivery_tag, Verdict.DONE)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self._settle(delivery_tag, Verdict.REQUEUE if requeue else Verdict.DONE)

    def _settle(self, tag: str, verdict: Verdict) -> None:
        if self.settled(tag):
            self.channel.settle([tag], verdict)

    def restore_unacked(self) -> list[Any]:
        self.channel.settle(self.forget(), Verdict.HAND_BACK)
        return []
