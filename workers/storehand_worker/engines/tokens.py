"""Text to token ids and back, from any thread, for both kinds of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storehand.errors import InvalidInput
from storehand.task import Message, Prompt


class Tokens:
    """A model's tokenizer. Calls the fast tokenizer directly: the transformers wrapper may change shared state
    (padding, truncation) while another thread encodes."""

    def __init__(self, tokenizer: Any, *, name: str, template_arguments: Mapping[str, Any] | None = None) -> None:
        backend = tokenizer.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        self._wrapper = tokenizer
        self._backend = backend
        self._name = name
        self._template_arguments = dict(template_arguments or {})

    @property
    def has_chat_template(self) -> bool:
        return bool(getattr(self._wrapper, "chat_template", None))

    @property
    def pad_id(self) -> int:
        """Fills rectangles; any id does, because what it fills is masked."""
        return int(self._wrapper.pad_token_id or 0)

    def definition(self, *, extra: str | None = None) -> tuple[str, int]:
        """The whole tokenizer as the JSON of a tokenizer.json, and the number of its ids. `extra` is a special token
        to add; it gets the last id."""
        text: str = self._backend.to_str()
        if extra is not None:
            copy = type(self._backend).from_str(text)
            copy.add_special_tokens([extra])
            text = copy.to_str()
            return text, int(copy.token_to_id(extra)) + 1
        return text, int(self._backend.get_vocab_size(with_added_tokens=True))

    def count(self, text: str) -> int:
        return len(self._backend.encode(text).ids)

    def encode(self, text: str) -> list[int]:
        """As the tokenizer does it by itself, its own special tokens included."""
        ids: list[int] = self._backend.encode(text).ids
        return ids

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Plain text as it is; messages through the chat template."""
        if isinstance(prompt, str):
            return self.encode(prompt)
        return list(self._backend.encode(self._render(prompt), add_special_tokens=False).ids)

    def _render(self, messages: Sequence[Message]) -> str:
        if not messages:
            raise InvalidInput("the prompt has no messages")
        if not self.has_chat_template:
            raise InvalidInput(f"{self._name} has no chat template: give the prompt as plain text")
        try:
            text = self._apply(messages)
        except Exception as error:  # templates refuse roles or orders with errors of their own
            merged = _without_system(messages)
            if merged is None:
                raise InvalidInput(f"the chat template of {self._name} refuses these messages: {error}") from error
            return self._render(merged)
        merged = _without_system(messages)
        if merged is not None and messages[0].content.strip() not in text:  # some templates just leave it out
            return self._render(merged)
        return text

    def _apply(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self._wrapper.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, **self._template_arguments
        )
        return text

    @property
    def end_id(self) -> int | None:
        """The tokenizer's own end token."""
        found = self._wrapper.eos_token_id
        return None if found is None else int(found)

    def encode_pair(self, text: str, pair: str | None, *, cut_to: int | None) -> tuple[list[int], list[int], bool]:
        """Ids, segment ids, and whether the text was cut. `cut_to` counts the special tokens; without it nothing is
        cut."""
        first = self._backend.encode(text, add_special_tokens=False)
        second = None if pair is None else self._backend.encode(pair, add_special_tokens=False)
        room = None if cut_to is None else cut_to - self._backend.num_special_tokens_to_add(pair is not None)
        is_cut = room is not None and len(first.ids) + (len(second.ids) if second else 0) > room
        if room is not None and is_cut:
            _cut(first, second, room)
        whole = self._backend.post_process(first, second)
        return whole.ids, whole.type_ids, is_cut

    def encode_windows(self, text: str, *, size: int, overlap: int) -> list[tuple[list[int], list[int]]]:
        """Ids and segment ids of a text in pieces of up to `size` tokens, its special tokens around each."""
        whole = self._backend.encode(text, add_special_tokens=False)
        whole.truncate(size - self._backend.num_special_tokens_to_add(False), stride=overlap)
        pieces = [self._backend.post_process(piece) for piece in (whole, *whole.overflowing)]
        return [(piece.ids, piece.type_ids) for piece in pieces]

    def decode(self, ids: Sequence[int]) -> str:
        """The text, without special tokens."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text


def _cut(first: Any, second: Any | None, room: int) -> None:
    """Shortens the longer one until both fit."""
    if second is None:
        first.truncate(room)
        return
    shorter, longer = sorted((first, second), key=lambda each: len(each.ids))
    shorter.truncate(min(len(shorter.ids), room // 2))
    longer.truncate(room - len(shorter.ids))


def _without_system(messages: Sequence[Message]) -> list[Message] | None:
    """The system's words in front of the first user's, for models that know no system; none where there is none."""
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return None
    first = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
    return [first, *messages[2:]]
