"""From a file to jobs: rows are read, folded, grouped, mapped and checked, one after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from storehand.bulk.cells import is_empty
from storehand.bulk.contract import Contract, problems
from storehand.bulk.lines import Stream
from storehand.bulk.mapping import Mapping as ColumnMapping
from storehand.bulk.rows import Problem, Row
from storehand.bulk.source import Source
from storehand.bulk.spool import Spool
from storehand.bulk.unit import Kept, Rejected, Unit, digest_of, seed_of
from storehand.bulk.variants import Folder, folder_for


@dataclass(slots=True)
class Plan:
    """`units()` may be walked once per run; the counters fill up meanwhile. `fill_empty` are columns: a row where none
    of them is empty needs no job; it is kept for the output with `keeps_filled`, else skipped."""

    source: Source
    contract: Contract
    mapping: ColumnMapping
    limit: int | None = None
    fill_empty: tuple[str, ...] = ()
    keeps_filled: bool = False
    seed: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    rows_read: int = 0
    is_whole: bool = False
    """Whether the file was read to its end."""

    def total(self) -> int | None:
        """Jobs to come, at most; none for stdin and for groups before they are formed."""
        if self.mapping.group_column:
            return None
        rows = self._count()
        return rows if rows is None or self.limit is None else min(rows, self.limit)

    def units(self) -> Iterator[Unit | Kept | Rejected]:
        made = self._grouped() if self.mapping.group_column else self._single()
        yield from made
        for note, count in self.mapping.converter.notes.items():
            self.notes[note] += count

    def _count(self) -> int | None:
        folder = self._folder()
        return sum(1 for _ in folder.fold(self.source.rows())) if folder else self.source.count()

    def _folder(self) -> Folder | None:
        """What joins the rows of one product; stdin is read only once and comes as it is."""
        is_catalogue = self.contract.task in ("description", "copy")
        return folder_for(self.source.columns) if is_catalogue and not isinstance(self.source, Stream) else None

    def _rows(self) -> Iterator[Row]:
        rows = self.source.rows()
        folder = self._folder()
        folded = folder.fold(rows) if folder else rows
        limited = folded if self.limit is None or self.mapping.group_column else islice(folded, self.limit)
        for row in limited:
            self.rows_read += 1
            yield row
        self.is_whole = self.limit is None or self.rows_read < self.limit
        if folder and folder.folded:
            self.notes["rows of variants joined with their product"] += folder.folded

    def _single(self) -> Iterator[Unit | Kept | Rejected]:
        for row in self._rows():
            own_id = self.mapping.own_id(row.cells)
            if row.problem is not None:
                yield Rejected(row.number, row.line, own_id, (row.problem,), row.cells)
            elif self._is_filled(row.cells):
                self.filled += 1
                if self.keeps_filled:
                    yield Kept(row.number, row.cells, digest_of(own_id, row.cells))
            else:
                root, item = self.mapping.document(row.cells)
                if item is not None and self.mapping.shape.item:
                    root[self.mapping.shape.item] = [self._completed(item, row.number)]
                yield self._unit([row], own_id, root)

    def _grouped(self) -> Iterator[Unit | Rejected]:
        unreadable: list[Rejected] = []
        spool = Spool(self._keyed(unreadable))
        try:
            yield from unreadable
            made: Iterator[tuple[str, list[Row]]] = spool.groups()
            for key, rows in made if self.limit is None else islice(made, self.limit):
                for own_id, part in self._parts(key, rows):
                    yield from self._joined(own_id, part)
            self.is_whole = self.limit is None
        finally:
            spool.close()

    def _keyed(self, unreadable: list[Rejected]) -> Iterator[tuple[str, Row]]:
        column = self.mapping.group_column or ""
        for row in self._rows():
            key = row.cells.get(column)
            if row.problem is not None or is_empty(key):
                problem = row.problem or Problem(
                    "is empty, and rows are grouped by it", "fill it, or leave --group-by out", column=column
                )
                unreadable.append(Rejected(row.number, row.line, None, (problem,), row.cells))
            else:
                yield str(key).strip(), row

    def _parts(self, key: str, rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
        """What fits into one job; a split group's parts are `key#1`, `key#2` …"""
        most = self.mapping.shape.limit
        if len(rows) <= most:
            yield key, rows
        elif self.mapping.shape.over == "last":
            self.notes[f"groups over {most} rows: only their last {most} are sent"] += 1
            yield key, rows[-most:]
        else:
            self.notes[f"groups over {most} rows: sent in parts, KEY#1, KEY#2 …"] += 1
            for number, start in enumerate(range(0, len(rows), most), 1):
                yield f"{key}#{number}", rows[start : start + most]

    def _joined(self, key: str, rows: list[Row]) -> Iterator[Unit | Rejected]:
        """The group's job; rows that the contract refuses are rejected by themselves and the others go without them."""
        root: dict[str, Any] = {}
        good: list[tuple[Row, dict[str, Any]]] = []
        name = self.mapping.shape.item or ""
        for row in rows:
            part, item = self.mapping.document(row.cells)
            root = root or part
            if item is not None:
                good.append((row, self._completed(item, row.number)))
            elif name not in part:
                nothing = Problem(f"says nothing that belongs in {name}", "fill its cells, or take the row out")
                yield Rejected(row.number, row.line, key, (nothing,), row.cells)
        unit = self._of_items(key, rows, root, good)
        if isinstance(unit, Rejected) and (bad := _places(name, unit.problems)) and len(bad) < len(good):
            for place, (row, _) in enumerate(good):
                if place in bad:
                    yield Rejected(row.number, row.line, key, tuple(bad[place]), row.cells)
            unit = self._of_items(key, rows, root, [each for place, each in enumerate(good) if place not in bad])
        if good or name in root:
            yield unit

    def _of_items(
        self, key: str, rows: list[Row], root: dict[str, Any], items: list[tuple[Row, dict[str, Any]]]
    ) -> Unit | Rejected:
        if not items:
            return self._unit(rows, key, root)
        whole = {**root, self.mapping.shape.item or "": [item for _, item in items]}
        return self._unit([row for row, _ in items], key, whole)

    def _completed(self, item: dict[str, Any], number: int) -> dict[str, Any]:
        """What a contract needs and a file of single reviews or questions need not have."""
        if self.mapping.shape.item == "reviews":
            item.setdefault("id", str(number))
        if self.mapping.shape.item == "messages":
            item.setdefault("role", "customer")
        return item

    def _unit(self, rows: list[Row], own_id: str | None, data: dict[str, Any]) -> Unit | Rejected:
        first = rows[0]
        task = self.contract.task
        if task == "chat":
            data.setdefault("conversationId", own_id or str(first.number))
        if task == "sentiment" and isinstance(product := data.get("product"), dict) and "name" not in product:
            del data["product"]  # a bare product number says nothing about its reviews
        digest = digest_of(own_id, [data, self.seed] if self.seed else data)  # type: ignore[arg-type]  # either is JSON
        self._add_seed(data)
        given, faults = self.contract.check(data)
        if given is None:
            return Rejected(
                first.number, first.line, own_id, tuple(problems(faults, self.mapping.column_of)), first.cells
            )
        shown = rows[-1] if task == "chat" else first  # the message that is answered
        return Unit(first.number, len(rows), own_id, given, digest, shown.cells)

    def _add_seed(self, data: dict[str, Any]) -> None:
        if self.contract.has("seed"):
            if not (isinstance(data.get("generation"), dict) and "seed" in data["generation"]):
                data.setdefault("seed", seed_of(data, self.seed))
        elif self.contract.has("generation.seed"):
            generation = data.get("generation")
            if generation is None:
                data["generation"] = {"seed": seed_of(data, self.seed)}
            elif isinstance(generation, dict):
                data["generation"] = {"seed": seed_of(data, self.seed), **generation}

    def _is_filled(self, cells: Mapping[str, Any]) -> bool:
        return bool(self.fill_empty) and not any(is_empty(cells.get(column)) for column in self.fill_empty)


def _places(name: str, problems: tuple[Problem, ...]) -> dict[int, list[Problem]]:
    """Problems of a list's elements by their place in it; none if another part of the job is at fault too."""
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        match = re.match(rf"{re.escape(name)}\.(\d+)\b", problem.path)
        if match is None:
            return {}
        found.setdefault(int(match[1]), []).append(problem)
    return found
