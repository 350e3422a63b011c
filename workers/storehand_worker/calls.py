"""What the model calls of one attempt cost, summed by role: a line each in the job's history."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from storehand.engine import Result
from storehand.job import NewNote
from storehand.task import ModelInfo
from storehand_worker.job_trace import UNTRACED, JobTrace


@dataclass(slots=True)
class _Sum:
    model: str
    kind: str
    requests: int = 0
    wait_s: float = 0.0
    run_s: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Calls:
    """Written by the threads of one job, read when it ends. `trace` is told of each call as a whole."""

    def __init__(self, trace: JobTrace = UNTRACED) -> None:
        self.trace = trace
        self._by_role: dict[str, _Sum] = {}
        self._lock = threading.Lock()

    def add(self, role: str, info: ModelInfo, result: Result) -> None:
        """One request to the engine was answered."""
        timings = result.timings
        with self._lock:
            total = self._by_role.get(role)
            if total is None:
                total = self._by_role[role] = _Sum(info.name, info.kind)
            total.requests += 1
            total.wait_s += timings.lane_wait_s
            total.run_s += timings.inference_s
            total.prompt_tokens += result.prompt_tokens
            total.output_tokens += result.completion_tokens

    def notes(self) -> tuple[NewNote, ...]:
        """`called`, one per role. Requests of one call lie beside each other in the engine, so their seconds may add up
        to more than the job took."""
        with self._lock:
            return tuple(
                NewNote(
                    "called",
                    {
                        "role": role,
                        "model": total.model,
                        "kind": total.kind,
                        "wait_s": round(total.wait_s, 4),
                        "run_s": round(total.run_s, 4),
                        "batches": total.requests,
                        "prompt_tokens": total.prompt_tokens,
                        "output_tokens": total.output_tokens,
                    },
                )
                for role, total in self._by_role.items()
            )
