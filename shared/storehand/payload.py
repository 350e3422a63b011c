"""A job's input as JSON: one spelling per content, so that the same input has the same fingerprint everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storehand.errors import InvalidInput, PayloadTooLarge

if TYPE_CHECKING:
    from storehand.job import NewJob
    from storehand.settings import Settings


def encode_input(data: Mapping[str, Any]) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN. InvalidInput for what JSON or UTF-8 cannot carry."""
    try:
        text = json.dumps(dict(data), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        text.encode("utf-8")  # half a surrogate pair passes json and fails here
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the input is not plain JSON: {error}") from None
    return text


def fingerprint(encoded: str) -> str:
    """What two inputs are compared by."""
    return hashlib.sha256(encoded.encode("utf-8")).hexdigest()


def job_fingerprint(new: NewJob, encoded: str) -> str:
    """Of a new job whose `input` is `encoded`: the same whether its input travels in the row or lies elsewhere."""
    return new.fingerprint or fingerprint(encoded)


def check_size(data: Mapping[str, Any], max_bytes: int) -> None:
    """PayloadTooLarge for an input over the limit, measured as UTF-8 JSON."""
    size_bytes = len(encode_input(data).encode("utf-8"))
    if size_bytes > max_bytes:
        raise PayloadTooLarge(
            f"the input has {size_bytes} bytes of JSON, the limit payload_max_bytes is {max_bytes}",
            details={"size_bytes": size_bytes, "max_bytes": max_bytes},
        )


def large_fingerprint(data: Mapping[str, Any], settings: Settings) -> str | None:
    """None for an input that fits into a row; the fingerprint of one that has to lie outside (`Payloads.move_out`).
    PayloadTooLarge where there is no outside, or for one that is too large for it too."""
    encoded = encode_input(data)
    size_bytes = len(encoded.encode("utf-8"))
    if size_bytes <= settings.payload_max_bytes:
        return None
    if settings.payload_url is None:
        raise PayloadTooLarge(
            f"the input has {size_bytes} bytes of JSON, the limit payload_max_bytes is {settings.payload_max_bytes};"
            " with payload_url set, larger ones are stored beside the job",
            details={"size_bytes": size_bytes, "max_bytes": settings.payload_max_bytes},
        )
    if size_bytes > settings.payload_ref_max_bytes:
        raise PayloadTooLarge(
            f"the input has {size_bytes} bytes of JSON, the limit payload_ref_max_bytes is"
            f" {settings.payload_ref_max_bytes}",
            details={"size_bytes": size_bytes, "max_bytes": settings.payload_ref_max_bytes},
        )
    return fingerprint(encoded)
