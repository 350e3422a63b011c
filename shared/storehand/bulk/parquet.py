"""Reads Parquet through pyarrow, which the extra `files` brings; a batch of rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storehand.bulk.rows import Row
from storehand.errors import InvalidInput, SettingsError

_BATCH = 1000


class Parquet:
    kind = "parquet"
    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as file:
            self.columns = tuple(str(name) for name in file.schema_arrow.names)

    def rows(self) -> Iterator[Row]:
        number = 0
        with self._open() as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for cells in batch.to_pylist():
                    number += 1
                    yield Row(number, cells)

    def count(self) -> int:
        with self._open() as file:
            return int(file.metadata.num_rows)

    def _open(self) -> Any:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped, unused-ignore]  # an extra, without types
        except ImportError:
            advice = "install `storehand[files]`, or save the file as CSV or JSON Lines"
            raise SettingsError("reading Parquet needs pyarrow", details={"advice": advice}) from None
        try:
            return ParquetFile(self.path)
        except (ArrowException, OSError, ValueError) as error:
            raise InvalidInput(f"can't read {self.path}: {error}") from None
