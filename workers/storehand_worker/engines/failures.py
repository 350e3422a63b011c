"""What a failed forward means: the model's errors on one side, ours on the other."""

from __future__ import annotations

from storehand.errors import EngineError, OutOfMemory, StorehandError
from storehand_worker.discretion import told

OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",  # the CPU's allocator on Windows
    "can't allocate memory",  # and on Linux
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
LOST_DEVICE = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "illegal address",
    "misaligned address",
    "unspecified launch failure",
    "launch timed out",
    "uncorrectable ECC",
    "CUDA-capable device(s) is/are busy or unavailable",
    "context is destroyed",
    "unknown error",
)
"""Texts of CUDA errors that stick: every later call of the process raises them again."""


def as_engine_error(error: BaseException) -> StorehandError:
    """What a caller sees of a failed step, in words that quote no request of the batch. Holds nothing of it: a
    traceback would keep its tensors alive."""
    if isinstance(error, StorehandError):
        return error
    text = told(error)
    if is_out_of_memory(error):
        return OutOfMemory(f"this request does not fit into the device's memory ({text[:200]})")
    return EngineError(f"the model failed on this request ({text[:500]})")


def is_out_of_memory(error: BaseException) -> bool:
    """torch raises OutOfMemoryError where its own allocator fails, plain RuntimeErrors where others do."""
    if isinstance(error, MemoryError | OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY)


def is_fatal(error: BaseException) -> bool:
    """Whether the device itself is lost: such a CUDA error sticks until the process ends.

    An AcceleratorError without a known text counts too: going on with a broken context answers wrongly at best.
    """
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    if type(error).__name__ == "AcceleratorError":
        return True
    text = str(error)
    return ("CUDA" in text or "cuDNN" in text) and any(each in text for each in LOST_DEVICE)
