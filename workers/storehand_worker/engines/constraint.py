"""Guided output: which tokens may follow, so that a text can only become JSON of its request's schema.

The grammar is llguidance's (DECISIONS.md says why). It knows tokens by their bytes, so half a Chinese character is
allowed where the rest can follow, and nowhere else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from storehand.errors import EngineError, InvalidInput, ModelNotAvailable, StorehandError
from storehand_worker.engines.json_schema import as_text
from storehand_worker.engines.tokens import Tokens

if TYPE_CHECKING:
    from llguidance import LLMatcher

GRAMMARS = 128
"""Compiled schemas that are kept, the last used ones."""
STYLE: dict[str, Any] = {"whitespace_pattern": " ", "json_allowed_escapes": 'nrt\\"'}
"""One space at most where JSON has room for some: indentation would double the tokens. No escapes of single
characters: they are what a lone surrogate or a zero byte hides in."""

STAND_IN = "<|no end|>"

Bits = NDArray[np.uint8]
"""A bit per token, the lowest of a byte first."""


class Constraint:
    """One row's place in its grammar. Only for the engine's thread."""

    def __init__(self, home: Constraints, matcher: LLMatcher) -> None:
        self.home = home
        self.matcher = matcher
        self.is_complete = False
        """Nothing can follow: the text is JSON of the schema and ends here."""

    def advance(self, token: int) -> StorehandError | None:
        """Takes the token that was chosen; an error where the grammar can't go on."""
        self.matcher.consume_token(token)
        if self.matcher.is_error():
            return EngineError(f"the JSON schema could not be followed: {_first_line(self.matcher.get_error())}")
        self.is_complete = self.matcher.is_stopped() or (not self.home.ends and self.matcher.is_accepting())
        return None


class Constraints:
    """The grammars of one model's tokenizer. `start` may be called from any thread; nothing is built before it is."""

    def __init__(
        self,
        tokens: Tokens,
        *,
        vocabulary: int,
        ends: Iterable[int] = (),
        suppress: Tensor | None = None,
        threads: int = 1,
    ) -> None:
        self.vocabulary = vocabulary
        self.ends = frozenset(end for end in ends if 0 <= end < vocabulary)
        self._suppressed: list[int] = [] if suppress is None else suppress.tolist()
        self._tokens = tokens
        self._threads = threads
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, LLMatcher] = OrderedDict()

    def start(self, schema: Mapping[str, Any]) -> Constraint:
        """A new text's constraint; compiles what was not asked for lately. InvalidInput with the reason for a schema
        that can't be served, ModelNotAvailable for a tokenizer that can't."""
        text = as_text(schema)
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
        if found is None:
            found = self._compile(text)
            with self._lock:
                self._kept[text] = found
                if len(self._kept) > GRAMMARS:
                    self._kept.popitem(last=False)
        return Constraint(self, found.deep_copy())

    def fill(self, constraints: Sequence[Constraint]) -> Bits:
        """Which tokens may follow in each row, [rows, bytes]; side by side on the binding's threads."""
        bits = np.zeros((len(constraints), self._width), dtype=np.uint8)
        start = bits.ctypes.data
        if self._threads == 1:  # handing over to another thread takes longer than the work
            for index, each in enumerate(constraints):
                each.matcher.unsafe_compute_mask_ptr(start + index * self._width, self._width)
        else:
            work = [(each.matcher, index) for index, each in enumerate(constraints)]
            self._executor.unsafe_compute_mask_ptr(work, start, self._width, len(work))
        return bits

    @cached_property
    def free(self) -> Bits:
        """Tokens that the model does not suppress."""
        return self._without(self._suppressed)

    @cached_property
    def free_to_go_on(self) -> Bits:
        """Those of `free` that are no end."""
        return self._without((*self._suppressed, *self.ends))

    def _without(self, tokens: Sequence[int]) -> Bits:
        flags = np.ones(8 * self._width, dtype=bool)
        flags[list(tokens)] = False
        flags[self.vocabulary :] = False
        return np.packbits(flags, bitorder="little")

    @cached_property
    def _width(self) -> int:
        """Bytes of a row's bits: whole words of 32."""
        return 4 * -(-int(self._tokenizer.vocab_size) // 32)

    def _compile(self, text: str) -> LLMatcher:
        library = _library()
        with self._lock:
            tokenizer = self._tokenizer
        grammar = library.LLMatcher.grammar_from_json_schema(text, overrides=STYLE)
        matcher = library.LLMatcher(tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise InvalidInput(f"json_schema can't be served: {_first_line(matcher.get_error())}")
        matcher.compute_bitmask()  # what this learns the copies know: the first mask is the slowest
        if matcher.is_error():
            raise InvalidInput(f"json_schema can't be served: {_first_line(matcher.get_error())}")
        return matcher

    @cached_property
    def _tokenizer(self) -> Any:
        """A model without an end token gets a stand-in that it can't write: its texts end as soon as they may."""
        text, size = self._tokens.definition(extra=None if self.ends else STAND_IN)
        try:
            return _library().LLTokenizer(
                text, n_vocab=max(size, self.vocabulary), eos_token=sorted(self.ends) or [size - 1]
            )
        except Exception as error:  # the library's own kinds, for tokenizers it can't read
            raise ModelNotAvailable(f"this model's tokenizer can't be guided by a JSON schema: {error}") from error

    @cached_property
    def _executor(self) -> Any:
        return _library().LLExecutor(num_threads=self._threads)


def _library() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise ModelNotAvailable("json_schema needs llguidance: pip install 'storehand[models]'") from error
    return llguidance


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300]
