"""The token budget of one engine: configured, cut when memory runs out, grown again, and kept across restarts."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections import deque
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from storehand.engine import EngineSpec

log = logging.getLogger(__name__)

CUT = 0.7
GROWTH = 0.02
CLEAN_BATCHES = 100
"""After so many batches without trouble the budget grows by GROWTH."""

SHORTAGE_WINDOW_S = 300.0
SHORTAGES = 3
"""So many batches out of memory within the window: the engine is degraded."""


class Budget:
    """Pure: told how batches went, answers how large the next one may be, in tokens or in rows. Never over
    `configured`, never under 1."""

    def __init__(self, configured: int, *, learned: int | None = None) -> None:
        self._configured = configured
        self._tokens = float(configured if learned is None else max(min(learned, configured), 1))
        self._clean = 0

    @property
    def tokens(self) -> int:
        return int(self._tokens)

    def ran_out(self, batch_tokens: int) -> None:
        """A batch of so many tokens did not fit: the next ones stay well below it."""
        self._tokens = max(CUT * min(self._tokens, batch_tokens), 1.0)
        self._clean = 0

    def went_well(self) -> bool:
        """One more batch without trouble; whether the budget has grown by it."""
        if self._tokens >= self._configured:
            return False
        self._clean += 1
        if self._clean < CLEAN_BATCHES:
            return False
        self._clean = 0
        self._tokens = min(max(self._tokens * (1 + GROWTH), self._tokens + 1), self._configured)
        return True


class BudgetFile:
    """What was learned for one model on one device and type, in a file of its own.

    Workers that share a folder write the same file: the last one's budget stands, which is as good as any.
    """

    def __init__(self, folder: str, *, model: str, place: str) -> None:
        self._about = {"model": model, "place": place}
        slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:40]
        digest = sha256(f"{model}\n{place}".encode()).hexdigest()[:12]
        self._path = Path(folder) / "budgets" / f"{slug}-{digest}.json" if folder and place else None

    def read(self) -> int | None:
        """The learned tokens; none where nothing was learned. An unreadable file is a fresh start."""
        if self._path is None:
            return None
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if {**content, **self._about} != content:
                raise ValueError("it is about something else")
            return int(content["tokens"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("the learned budget in %s can't be read (%s); it is learned anew", self._path, error)
            return None

    def write(self, tokens: int) -> None:
        """Whole or not at all: a reader never sees half of it. A folder that can't be written is told once."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _replace(self._path, json.dumps({**self._about, "tokens": tokens}))
        except OSError as error:
            log.warning("the learned budget can't be kept in %s (%s); a restart learns it anew", self._path, error)
            self._path = None


class KeptBudget:
    """The budget of one engine with its file, and how often memory ran out of late."""

    def __init__(self, spec: EngineSpec, *, place: str) -> None:
        self._role = spec.role
        self._file = BudgetFile(spec.state_dir, model=spec.name, place=place)
        self._budget = Budget(spec.binding.batch_tokens, learned=self._file.read())
        self._times: deque[float] = deque(maxlen=SHORTAGES)
        self.shortages = 0
        """Batches that ran out of memory since the start."""

    @property
    def tokens(self) -> int:
        """What a batch may have now, padding included."""
        return self._budget.tokens

    def ran_out(self, batch_tokens: int) -> None:
        """A batch of so many tokens did not fit."""
        self._budget.ran_out(batch_tokens)
        self._file.write(self.tokens)

    def went_well(self) -> None:
        """A batch that the budget made was computed at once."""
        if self._budget.went_well():
            self._file.write(self.tokens)

    def note_shortage(self, at: float) -> None:
        """A batch had to be taken apart for want of memory, however often."""
        self.shortages += 1
        self._times.append(at)
        log.warning(
            "a batch of %s did not fit into memory and was taken apart; from now on one has %d tokens at most",
            self._role,
            self.tokens,
        )

    def is_short(self, at: float) -> bool:
        """Memory ran out again and again of late."""
        return len(self._times) == SHORTAGES and at - self._times[0] <= SHORTAGE_WINDOW_S


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
