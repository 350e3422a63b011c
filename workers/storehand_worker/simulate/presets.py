"""Kinds of workers to simulate, with the size of their jobs; rates are scaled so that each needs as many workers."""

from __future__ import annotations

from dataclasses import dataclass

from storehand_worker.simulate.generators import CHAT_S
from storehand_worker.simulate.machine import Machine


@dataclass(frozen=True, slots=True)
class Preset:
    machine: Machine
    slots: int
    """Of the rule: what the worker works on side by side with room to breathe."""
    size: float
    """Job sizes, against those of `text`."""
    about: str

    @property
    def scale(self) -> float:
        """Of the rates, so that the same trace fills the same number of workers."""
        return self.machine.jobs_per_s(CHAT_S * self.size) / Machine().jobs_per_s(CHAT_S)


PRESETS = {
    "text": Preset(Machine(), 32, 1.0, "continuous batching: 32 places, a full engine takes 2.5 times as long a job"),
    "encoder": Preset(
        Machine(engine_slots=64, crowding=20.0), 12, 1 / 6, "token-budget batches: side by side 3 times the throughput"
    ),
    "remote": Preset(
        Machine(concurrency=16, engine_slots=16, crowding=0.0, reserved=4, cold_start_s=20.0), 16, 1.0,
        "16 calls at once to a model elsewhere",
    ),
    "heavy": Preset(
        Machine(concurrency=4, engine_slots=4, crowding=0.0, reserved=1), 4, 7.5, "4 places, jobs of 45 and 90 s"
    ),
}  # fmt: skip
