"""Compressed messages, unpacked up to a limit: a kilobyte can claim to be a gigabyte."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from kombu import compression as kombu_compression

from storehand.errors import MalformedMessage

compression: Any = kombu_compression  # kombu ships no types
_LZMA_MEMORY_BYTES = 128 * 1024 * 1024

_UNPACKERS: Mapping[str, Callable[[], Any]] = {
    "application/x-gzip": zlib.decompressobj,
    "application/x-bz2": bz2.BZ2Decompressor,
    "application/x-lzma": lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES),
}


def bound_decompression(max_bytes: int) -> None:
    """For the whole process, so for a worker's only. Methods that can't be bounded are refused."""
    for content_type in compression.encoders():
        encode, _ = compression.get_encoder(content_type)
        make = _UNPACKERS.get(content_type)
        compression.register(encode, _refused if make is None else _bounded(make, max_bytes), content_type)


def _bounded(make: Callable[[], Any], max_bytes: int) -> Callable[[bytes], bytes]:
    def unpack(data: bytes) -> bytes:
        unpacker = make()
        content: bytes = unpacker.decompress(data, max_bytes + 1)
        if len(content) > max_bytes:
            raise MalformedMessage(f"unpacked it has more than the {max_bytes} bytes a message may have")
        if not unpacker.eof:
            raise MalformedMessage("it is cut off")
        return content

    return unpack


def _refused(data: bytes) -> bytes:
    raise MalformedMessage("it is compressed in a way that is not accepted here")
