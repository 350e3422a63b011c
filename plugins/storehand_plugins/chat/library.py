"""The knowledge bases a worker has in memory: loaded at their first question, again when their pointer changes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from storehand.contracts.chat import Article
from storehand.errors import InvalidInput, Unavailable
from storehand.knowledge import KnowledgeStore, Stamp
from storehand_plugins.chat.index import Index

log = logging.getLogger(__name__)

MOST_BASES = 64
"""Kept in memory; the one not asked for longest goes first."""


@dataclass(slots=True)
class Shelf:
    """One loaded version. `vectors` holds embeddings by model and article, filled by whoever computes them first."""

    version: str
    index: Index
    stamp: Stamp
    vectors: dict[str, dict[str, list[float]]] = field(default_factory=dict)


class Library:
    """Safe to use from many threads; two that miss at once both load, and one result stays."""

    def __init__(self, store: KnowledgeStore) -> None:
        self._store = store
        self._shelves: OrderedDict[tuple[str, str], Shelf] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, tenant: str, name: str) -> Shelf:
        """The current version; costs one `stat` when it is in memory. InvalidInput for an unknown name.

        A version that can't be read leaves the one in memory in service.
        """
        stamp = self._store.stamp(tenant, name)
        key = (tenant, name)
        with self._lock:
            shelf = self._shelves.get(key)
            if shelf is not None:
                self._shelves.move_to_end(key)
        if shelf is not None and shelf.stamp == stamp:
            return shelf
        try:
            shelf = self._load(tenant, name, stamp)
        except (Unavailable, InvalidInput) as error:
            if shelf is None:
                raise
            log.warning(
                "knowledge base %s of tenant %s: %s; version %s stays in service", name, tenant, error, shelf.version
            )
            return shelf
        with self._lock:
            self._shelves[key] = shelf
            self._shelves.move_to_end(key)
            while len(self._shelves) > MOST_BASES:
                self._shelves.popitem(last=False)
        return shelf

    def _load(self, tenant: str, name: str, stamp: Stamp) -> Shelf:
        version = self._store.current(tenant, name)
        articles: Sequence[Article] = self._store.load(tenant, name, version)
        log.info("knowledge base %s of tenant %s: version %s with %d articles", name, tenant, version, len(articles))
        return Shelf(version, Index(articles), stamp)
