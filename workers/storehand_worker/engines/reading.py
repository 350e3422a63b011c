"""Texts and pairs as an encoder reads them: the prompt its card asks for, its tokens, and what becomes of long ones.

Option `long_texts` says the last: `refuse` them (InvalidInput), `cut` them to their beginning (of a pair the longer
text first), or `chunk` them: windows that overlap by an eighth are answered each, and the answer is their mean by
tokens. Left out, a classifier cuts and says so (`Classification.truncated`); for vectors and scores, where nobody would
notice, long texts are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from storehand.engine import EngineSpec
from storehand.errors import InvalidInput, SettingsError
from storehand_worker.engines.encoder_model import Encoded
from storehand_worker.engines.loading import read_json
from storehand_worker.engines.tokens import Tokens

POLICIES = ("refuse", "cut", "chunk")
OVERLAP = 8
"""A window repeats one in so many of the tokens before it, so that no sentence is seen in halves alone."""
_SAME = {"document": "passage", "passage": "document"}
"""Cards call what is searched by either name."""


class Reader:
    """Callable from any thread."""

    def __init__(self, spec: EngineSpec, tokens: Tokens, *, max_tokens: int, vocabulary: int) -> None:
        self._tokens = tokens
        self._limit = max_tokens
        self._vocabulary = vocabulary
        self._policy = _policy(spec)
        self._prompts = _prompts(spec)

    def read(self, text: str, pair: str | None, *, prompt: str = "") -> list[Encoded]:
        """One row, or one for each window of a long text. `prompt` names one of the model's; without a name its default
        counts, and a name it doesn't know means no prompt."""
        whole = self._prompt(prompt) + text
        ids, segments, is_cut = self._tokens.encode_pair(
            whole, pair, cut_to=self._limit if self._policy == "cut" else None
        )
        if not ids:
            raise InvalidInput("a text has no tokens")
        if max(ids) >= self._vocabulary:
            raise InvalidInput("a text has tokens that the model does not know")
        if len(ids) <= self._limit:
            return [Encoded(ids, segments, is_cut)]
        if self._policy != "chunk":
            raise InvalidInput(f"a text of {len(ids)} tokens is over the {self._limit} this model reads")
        windows = self._tokens.encode_windows(whole, size=self._limit, overlap=self._limit // OVERLAP)
        return [Encoded(*window) for window in windows]

    def _prompt(self, name: str) -> str:
        other = _SAME.get(name)
        return self._prompts.get(name, "" if other is None else self._prompts.get(other, ""))


def merged(windows: Sequence[tuple[int, Sequence[float]]]) -> list[float]:
    """The mean of several windows' numbers; `windows` holds each one's tokens, which are its weight."""
    total = sum(tokens for tokens, _ in windows)
    columns = zip(*(numbers for _, numbers in windows), strict=True)
    weights = [tokens / total for tokens, _ in windows]
    return [sum(weight * number for weight, number in zip(weights, column, strict=True)) for column in columns]


def split(items: Sequence[Any], counts: Sequence[int]) -> list[Sequence[Any]]:
    """The items in groups of these sizes."""
    ends = [0]
    for count in counts:
        ends.append(ends[-1] + count)
    return [items[start:end] for start, end in pairwise(ends)]


def _policy(spec: EngineSpec) -> str:
    policy = str(spec.binding.options.get("long_texts", "cut" if spec.kind == "classify" else "refuse"))
    if policy not in POLICIES:
        raise SettingsError(f"models.{spec.role}.options.long_texts is {policy!r}; it can be {', '.join(POLICIES)}")
    if policy == "chunk" and spec.kind == "score":
        raise SettingsError(f"models.{spec.role}.options.long_texts: a mean of scores would say nothing; refuse or cut")
    return policy


def _prompts(spec: EngineSpec) -> Mapping[str, str]:
    """By name, as the folder's sentence-transformers file says or the option `prompts` instead; the default one under
    the empty name."""
    config = read_json(spec.folder, "config_sentence_transformers.json")
    found = spec.binding.options.get("prompts", config.get("prompts") or {})
    if not isinstance(found, Mapping):
        raise SettingsError(f"models.{spec.role}.options.prompts must be a table, not {found!r}")
    prompts = {str(name): str(text) for name, text in found.items() if text}
    default = spec.binding.options.get("default_prompt_name", config.get("default_prompt_name"))
    return {**prompts, "": prompts.get(str(default), "")}
