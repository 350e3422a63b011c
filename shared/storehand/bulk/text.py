"""Files of text as shops send them: plain or gzipped, UTF-8 or the encodings that spreadsheets write."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from storehand.errors import InvalidInput

_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PLAUSIBLE = 0.8
"""Share of the non-ASCII characters that must be everyday Chinese before a file counts as GB18030: that encoding gives
a meaning to nearly every sequence of bytes."""


def open_bytes(path: Path) -> IO[bytes]:
    """The file's content, unpacked where it is gzip. InvalidInput where it can't be read."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"can't read {path}: {error.strerror or error}") from None
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return cast(IO[bytes], gzip.open(path, "rb"))
    file.seek(0)
    return file


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """The file's text; line ends are kept as they are, because quoted cells may hold some."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


def detect_encoding(path: Path) -> str:
    """`utf-8`, `utf-8-sig`, `utf-16` or `gb18030`, by reading the whole file. InvalidInput for anything else."""
    with open_bytes(path) as file:
        start = file.read(4)
    for bom, name in _BOMS:
        if start.startswith(bom):
            return name
    bad = _first_bad_byte(path, "utf-8")
    if bad is None:
        return "utf-8"
    if _first_bad_byte(path, "gb18030") is None and _looks_chinese(path):
        return "gb18030"
    raise InvalidInput(
        f"{path.name} is neither UTF-8 nor GB18030 (first bad byte at offset {bad})",
        details={"advice": "save it as UTF-8 (in a spreadsheet: CSV UTF-8), or name its encoding: --encoding cp1252"},
    )


def checked_encoding(path: Path, encoding: str) -> str:
    """The encoding that was asked for, if there is such a one and the file is in it."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise InvalidInput(f"there is no encoding {encoding!r}; try utf-8, gb18030 or cp1252") from None
    bad = _first_bad_byte(path, encoding)
    if bad is not None:
        raise InvalidInput(f"{path.name} is not in {encoding}: the first bad byte is at offset {bad}")
    return encoding


def _first_bad_byte(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    before = held = 0
    try:
        with open_bytes(path) as file:
            while chunk := file.read(_CHUNK):
                held = len(decoder.getstate()[0])
                decoder.decode(chunk)
                before += len(chunk)
            held = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return max(0, before - held + error.start)
    except (OSError, EOFError) as error:
        raise InvalidInput(f"can't read {path}: {error}") from None
    return None


def _looks_chinese(path: Path) -> bool:
    common = total = 0
    for text in _foreign_characters(path):
        total += len(text)
        common += len(text.encode("gb2312", "ignore").decode("gb2312"))
        if total > 20_000:
            break
    return total > 0 and common / total >= _PLAUSIBLE


def _foreign_characters(path: Path) -> Iterator[str]:
    with open_text(path, "gb18030") as file:
        while chunk := file.read(_CHUNK):
            yield "".join(sign for sign in chunk if sign > "\x7f")
