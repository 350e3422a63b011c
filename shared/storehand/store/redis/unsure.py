"""Calls whose fate was never learned: the next one for the same thing asks under the same name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from storehand.errors import Unavailable
from storehand.store.redis.group import Group

_MOST = 10_000


class Unsure:
    """A claim that was executed although its caller heard Unavailable would find itself to be somebody else's."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def learning(self, group: Group, names: Sequence[Hashable]) -> Iterator[Asked]:
        asked = Asked(group, self._before(names))
        try:
            yield asked
        except Unavailable:
            self._remember(names, asked)
            raise
        if self._tokens:
            self._forget(names)

    def _before(self, names: Sequence[Hashable]) -> list[str | bool]:
        if not self._tokens:
            return [False] * len(names)
        with self._lock:
            return [self._tokens.get(each, False) for each in names]

    def _remember(self, names: Sequence[Hashable], asked: Asked) -> None:
        with self._lock:
            for name, token in zip(names, asked.tokens, strict=True):
                if isinstance(token, str):
                    self._tokens[name] = token
            while len(self._tokens) > _MOST:
                self._tokens.popitem(last=False)

    def _forget(self, names: Sequence[Hashable]) -> None:
        with self._lock:
            for name in names:
                self._tokens.pop(name, None)


class Asked:
    """One call about several things. `before` has, for each, the token of an earlier call, or False."""

    def __init__(self, group: Group, before: list[str | bool]) -> None:
        self.before = before
        self.tokens: list[str | bool] = before
        self._group = group

    def run(self, name: str, *arguments: Any) -> Any:
        call = self._group.start(name, *arguments, tokens=len(self.before))
        if call.error is not None and call.serial:
            self.tokens = [before or self._group.token(call, part) for part, before in enumerate(self.before)]
        return self._group.value(call)
