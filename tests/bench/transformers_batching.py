"""transformers' own continuous batching under the same load, with sizes that suit a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from tests.bench.machine import measured
from tests.bench.random_text import Work, tokens_of
from tests.bench.rounds import Run, tell


@dataclass(frozen=True)
class Way:
    """How it is set up. Its own choice of sizes takes most of the machine's memory, so they are named."""

    attention: str
    batch_tokens: int

    def __str__(self) -> str:
        return f"{self.attention.replace('|', ' ')}, {self.batch_tokens} tokens"


WAYS = (Way("sdpa", 512), Way("sdpa", 1024), Way("paged|eager", 512))


class Batching:
    """One loaded model; a manager per run."""

    def __init__(self, folder: str, way: Way, *, rows: int = 32, dtype: str = "float32") -> None:
        from transformers import AutoModelForCausalLM

        disable_progress_bar()
        self._way, self._rows = way, rows
        self._model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, attn_implementation=way.attention, dtype=getattr(torch, dtype)
        ).eval()

    def run(self, work: Sequence[Work]) -> Run:
        """All requests at once; starting the manager does not count."""
        manager = self._manager()
        manager.start()
        try:
            self._answers(manager, [Work(work[0].prompt, 2)], name="warm")
            with measured() as used:
                self._answers(manager, work, name="r")
        finally:
            manager.stop(block=True)
        return Run.of(used, tokens_of(work))

    def _manager(self) -> Any:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        return self._model.init_continuous_batching(
            generation_config=GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0, max_new_tokens=128),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=32,
                num_blocks=640,
                max_batch_tokens=self._way.batch_tokens,
                max_requests_per_batch=self._rows,
                auto_switch_to_flash=False,
            ),
        )

    def _answers(self, manager: Any, work: Sequence[Work], *, name: str) -> None:
        for number, each in enumerate(work):
            added = manager.add_request(list(each.prompt), request_id=f"{name}{number}", max_new_tokens=each.tokens)
            assert added is not None, "transformers' continuous batching refused a request"
        left = {f"{name}{number}": each.tokens for number, each in enumerate(work)}
        while left:
            output = manager.get_result(timeout=5)
            if output is None:
                assert manager.is_running(), "transformers' continuous batching died"
                continue
            if output.is_finished():
                assert len(output.generated_tokens) == left.pop(output.request_id), output.error


def best_way(folder: str, work: Sequence[Work]) -> Way:
    """The fastest of `WAYS` on a sample of the load."""
    rates = {way: Batching(folder, way).run(work).per_cpu_s for way in WAYS}
    for way, rate in rates.items():
        tell(f"transformers' continuous batching, {way}: {rate:.0f} tokens per CPU s")
    return max(rates, key=lambda way: rates[way])
