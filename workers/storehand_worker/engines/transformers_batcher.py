"""transformers' continuous batching, driven step by step from our own thread. Knows no requests.

Its manager has a thread, queues and a fatal-error path of its own: one bad request kills the thread and every text in
flight, and a cancelled text never ends. So the manager is built as its documentation says, but never started: the body
of its loop is called here, and what it raises reaches the caller. A test holds what is borrowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from storehand.errors import EngineError
from storehand_worker.engines.text_model import GIVEN, LONG, PROBE_STEPS, SHORT, are_close, only

PAGE = 32
"""Tokens of a page of keys and values: short texts waste half a page each."""
MASK_BYTES = 256 * 1024**2
"""Without flash attention a mask [tokens of a step, tokens of the cache] is kept; sizes are chosen to stay within."""

Pen = Callable[[Tensor, Sequence[str]], Sequence[int]]
"""From the logits [texts, vocabulary] of the texts with these names to a token for each."""


class Batcher:
    """Texts by name. Only for the engine's thread."""

    def __init__(self, model: Any, pen: Pen, *, slots: int, max_tokens: int, batch_tokens: int) -> None:
        self._model = model
        self._pen = pen
        pages = slots * -(-max_tokens // PAGE)
        tokens = max(slots, min(batch_tokens, MASK_BYTES // (pages * PAGE * model.dtype.itemsize)))
        self._sizes: dict[str, Any] = {"num_blocks": pages, "max_batch_tokens": tokens, "max_requests_per_batch": slots}
        self.restart()

    def restart(self) -> None:
        """A fresh manager with an empty cache; every text is forgotten."""
        self._manager: Any = None  # the old cache goes before the new one comes
        self._manager = self._model.init_continuous_batching(
            generation_config=GenerationConfig(  # type: ignore[no-untyped-call]  # transformers'
                do_sample=False, eos_token_id=-1, pad_token_id=0
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=PAGE,
                safety_margin=0.0,  # the cache has room for all slots
                auto_switch_to_flash=False,  # it may fetch kernels from the network
                use_async_batching=False,  # a pen must know the token before
                use_cuda_graph=False,
                **self._sizes,
            ),
        )
        processors = self._manager.logit_processor
        processors.logits_processor.append(_Grip(self._pen))
        processors.tensors_required += 1
        processors._retrieve_processors_kwargs()
        processors.do_processing = True
        self._manager.background_thread_status.clear()
        self._manager.current_batch = 0
        self._manager.batch_processor = self._manager._create_batch_processor()

    def add(self, name: str, ids: Sequence[int], *, max_new_tokens: int) -> None:
        """In the batch from the next step on, if there is a place."""
        self._manager.add_request(list(ids), request_id=name, max_new_tokens=max_new_tokens)

    def drop(self, name: str) -> None:
        """Out of the batch before the next step."""
        self._manager.cancel_request(name)

    def step(self) -> None:
        """One forward over all texts. Long prompts take more than one before they get a token."""
        before = self._manager.current_batch
        self._manager._generation_loop_body(self._manager.batch_processor, False)
        if self._manager.current_batch == before:
            raise EngineError("continuous batching found nothing to do for the texts it has")
        while self._manager.get_result(timeout=0) is not None:
            pass  # the pen has seen every token already

    @property
    def size(self) -> tuple[int, int]:
        """Texts and tokens of the step at work, or of the last one."""
        batch = self._manager.batch_processor.inputs_and_outputs.requests_in_batch
        return len(batch), sum(each.query_length for each in batch)


def runs_truly(model: Any) -> bool:
    """Whether a short and a long prompt side by side get the logits of the model's own forward. Classes whose attention
    knows no pages (Bloom) are run without an error, and wrongly."""
    wanted = _own_logits(model)
    found: dict[str, list[Tensor]] = {"0": [], "1": []}

    def pen(logits: Tensor, names: Sequence[str]) -> Sequence[int]:
        for name, row in zip(names, logits, strict=True):
            found[name].append(row.to(wanted.dtype, copy=True))
        return [GIVEN] * len(names)

    batcher = Batcher(model, pen, slots=2, max_tokens=PAGE, batch_tokens=PAGE)
    for name, prompt in zip(found, (SHORT, LONG), strict=True):
        batcher.add(name, prompt, max_new_tokens=PROBE_STEPS)
    for _ in range(2 * PROBE_STEPS):
        if any(len(rows) < PROBE_STEPS for rows in found.values()):
            batcher.step()
    return are_close(wanted, torch.stack([row for rows in found.values() for row in rows]))


@torch.inference_mode()
def _own_logits(model: Any) -> Tensor:
    """[2 x steps, vocabulary], of the probe's prompts."""
    steps = []
    for prompt in (SHORT, LONG):
        ids = torch.tensor([[*prompt, *[GIVEN] * (PROBE_STEPS - 1)]], device=model.device)
        steps.append(model(input_ids=ids, use_cache=False).logits[0, -PROBE_STEPS:])
    return torch.cat(steps)


class _Grip(ContinuousBatchingLogitsProcessor):
    """Takes each step's logits to the pen, and gives back some that leave no choice."""

    supported_kwargs: dict[str, type] = {}  # noqa: RUF012  # the library's own declaration
    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._names: list[str] = []

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        self._names = [each.state.request_id for each in requests_with_new_token]
        return torch.zeros(len(self._names), dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        count = len(self._names)  # more rows than that belong to prompts that are read in part
        if count:
            scores[:count] = only(self._pen(scores[:count], self._names), scores[:count])
        return scores
