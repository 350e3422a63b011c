"""Redis: bulk jobs never take all places of a worker's prefetch, however many of them wait."""

from __future__ import annotations

from typing import Any

from kombu.utils.scheduling import cycle_by_name

from storehand.broker.qos import Reserve

LIMITED_POLL_S = 0.1
"""How long one read waits while only reserved places are free: so late a place that others may take is noticed."""


class Reserving:
    """A mixin for kombu's Redis channel; the option `reserved` is that of the embedded transport."""

    reserved: Any = None

    qos: Any
    active_queues: list[str]
    _queue_cycle: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reserve = Reserve.from_option(self.reserved)

    def _brpop_start(self, timeout: float | None = None) -> None:
        covered = [queue for queue in self.active_queues if self._reserve.covers(queue)]
        if not covered or self._has_room_for_others():
            super()._brpop_start(timeout)  # type: ignore[misc]  # the channel's
            return
        whole, self._queue_cycle = self._queue_cycle, cycle_by_name("priority")(covered)  # type: ignore[no-untyped-call]  # kombu has no types
        try:
            super()._brpop_start(LIMITED_POLL_S)  # type: ignore[misc]  # the channel's
        finally:
            self._queue_cycle = whole

    def has_reserved(self, queue: str) -> bool:
        return self._reserve.covers(queue)

    def _has_room_for_others(self) -> bool:
        covered, others = self.qos.in_hand()
        return self._reserve.room("", prefetch=self.qos.prefetch_count, covered=covered, others=others) != 0
