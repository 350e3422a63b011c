"""The way of one job from its claim to the first work of a model for it, by the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from storehand_worker.engines.lane import now


@dataclass(slots=True)
class Start:
    """Stamped as it goes on; what has not been reached is none. `claimed_at` is after the claim was committed."""

    job_id: str
    claimed_at: float = field(default_factory=now)
    entered_at: float | None = None
    checked_at: float | None = None
    asked_at: float | None = None
    queued_at: float | None = None
    scheduled_at: float | None = None

    def ask(self) -> None:
        """The task calls a model; only the first call counts."""
        if self.asked_at is None:
            self.asked_at = now()

    def queue(self) -> None:
        """The first request stands in the lane: it is checked and tokenised."""
        if self.queued_at is None:
            self.queued_at = now()

    def schedule(self, lane_wait_s: float) -> bool:
        """The first request has been answered after such a wait; True the first time."""
        if self.scheduled_at is not None or self.queued_at is None:
            return False
        self.scheduled_at = self.queued_at + lane_wait_s
        return True

    @property
    def total_s(self) -> float:
        """Claimed to scheduled, 0 while it is not."""
        return 0.0 if self.scheduled_at is None else self.scheduled_at - self.claimed_at

    def stages(self) -> dict[str, float]:
        """Seconds by stage: at the turnstile, input checked, the task's own code, tokenised, in the lane."""
        marks = (self.entered_at, self.checked_at, self.asked_at, self.queued_at, self.scheduled_at)
        found, before = dict[str, float](), self.claimed_at
        for name, mark in zip(("turnstile", "check", "task", "submit", "lane"), marks, strict=True):
            found[name] = 0.0 if mark is None else mark - before
            before = before if mark is None else mark
        return found
