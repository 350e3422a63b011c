"""Makes one row of the several that Shopify and WooCommerce write per product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from storehand.bulk.cells import folded, is_empty
from storehand.bulk.rows import Row


class Folder(Protocol):
    """`folded` counts the rows that joined another one."""

    folded: int

    def fold(self, rows: Iterable[Row]) -> Iterator[Row]: ...


def folder_for(columns: tuple[str, ...]) -> Folder | None:
    """What folds this file's rows; none where every row is a product of its own."""
    by_fold = {folded(name): name for name in columns}
    if {"handle", "title"} <= by_fold.keys():
        options = [by_fold[name] for name in (f"option{n}value" for n in (1, 2, 3)) if name in by_fold]
        return _Shopify(by_fold["handle"], by_fold["title"], options)
    if {"type", "parent"} <= by_fold.keys():
        return _Woo(by_fold["type"])
    return None


class _Shopify:
    """A product's further variants and images are rows with its handle and no title: their option values join the
    first row's."""

    def __init__(self, handle: str, title: str, options: list[str]) -> None:
        self._handle, self._title, self._options = handle, title, options
        self.folded = 0

    def fold(self, rows: Iterable[Row]) -> Iterator[Row]:
        head: Row | None = None
        cells: dict[str, Any] = {}
        for row in rows:
            if head is not None and row.problem is None and self._goes_on(row, cells):
                self.folded += 1
                for name in self._options:
                    value = row.cells.get(name)
                    if not is_empty(value) and str(value) not in str(cells.get(name) or "").split(", "):
                        cells[name] = ", ".join(filter(None, (cells.get(name), str(value))))
                continue
            if head is not None:
                yield Row(head.number, cells, head.line, head.problem)
            head, cells = row, dict(row.cells)
        if head is not None:
            yield Row(head.number, cells, head.line, head.problem)

    def _goes_on(self, row: Row, cells: dict[str, Any]) -> bool:
        same = row.cells.get(self._handle) == cells.get(self._handle)
        return same and not is_empty(row.cells.get(self._handle)) and is_empty(row.cells.get(self._title))


class _Woo:
    """Rows of type `variation` belong to a parent that has all their values already."""

    def __init__(self, type_column: str) -> None:
        self._type = type_column
        self.folded = 0

    def fold(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.problem is None and str(row.cells.get(self._type) or "").strip().casefold() == "variation":
                self.folded += 1
                continue
            yield row
