"""One memory plan for all models of a device: who needs how much, and whether it fits before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

LEAST_SLOTS = 8
"""A text engine that may choose its slots keeps at least so many: with fewer, batching gains little."""
RESERVE_BYTES = {"cuda": 512 << 20, "cpu": 64 << 20}
"""Beside the models: the libraries' work spaces, and what the allocator loses between blocks."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one engine takes: bytes for its weights, for the largest batch, and for each of its slots, if it has some.

    The plan may go down to `least_slots`; for an engine whose slots were set by hand these are its slots.
    """

    role: str
    model: str
    weights: int
    work: int
    slot: int = 0
    slots: int = 0
    least_slots: int = 0

    @property
    def memory(self) -> int:
        """Keys and values of all slots."""
        return self.slot * self.slots

    @property
    def total(self) -> int:
        return self.weights + self.work + self.memory


@dataclass(frozen=True, slots=True)
class Plan:
    """The needs of one device with the slots they get; `wanted` are the needs as they were asked for."""

    device: str
    free: int
    needs: tuple[Need, ...]
    wanted: tuple[Need, ...]

    @property
    def reserve(self) -> int:
        return RESERVE_BYTES[self.device.partition(":")[0]]

    @property
    def total(self) -> int:
        return self.reserve + sum(need.total for need in self.needs)

    @property
    def fits(self) -> bool:
        return self.total <= self.free

    @property
    def reduced(self) -> dict[str, int]:
        """Role -> slots, where the plan gives fewer than were asked for."""
        return {
            need.role: need.slots for need, was in zip(self.needs, self.wanted, strict=True) if need.slots < was.slots
        }

    @property
    def amounts(self) -> str:
        return f"{_size(self.total)} of {_size(self.free)}"

    def line(self) -> str:
        """The plan in one line."""
        parts = [
            f"{need.role} {_size(need.total)}" + (f" with {need.slots} slots" if need.slots else "")
            for need in self.needs
        ]
        return f"{self.device}: {self.amounts}: {', '.join(parts)}"

    def table(self) -> str:
        """A line per model, for an error that says what to change."""
        rows = [("role", "model", "weights", "slots", "keys and values", "work", "total")]
        rows += [
            (
                need.role,
                need.model,
                _size(need.weights),
                str(need.slots or "-"),
                _size(need.memory),
                _size(need.work),
                _size(need.total),
            )
            for need in self.needs
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def plan(device: str, needs: Iterable[Need], free: int) -> Plan:
    """Fewer slots where that makes everything fit: always from the engine whose slots take most, down to its least."""
    wanted = tuple(needs)
    given = Plan(device, free, wanted, wanted)
    while not given.fits:
        largest = max(
            (need for need in given.needs if need.slots > need.least_slots), key=lambda need: need.memory, default=None
        )
        if largest is None:
            return Plan(device, free, wanted, wanted)  # it does not help, so it is not done
        given = replace(given, needs=_with_fewer(given.needs, largest))
    return given


def _with_fewer(needs: Sequence[Need], largest: Need) -> tuple[Need, ...]:
    return tuple(replace(need, slots=need.slots - 1) if need is largest else need for need in needs)


def _size(size_bytes: int) -> str:
    if size_bytes >= 1 << 30:
        return f"{size_bytes / (1 << 30):.1f} GiB"
    return f"{size_bytes / (1 << 20):.1f} MiB"
