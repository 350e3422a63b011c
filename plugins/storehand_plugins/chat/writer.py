"""Grounded generation: an instruction model writes, and only sentences that their sources support are said."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from storehand.contracts.base import Generation
from storehand.contracts.chat import ChatMessage, Citation
from storehand.task import GenerateOptions, Message, Models
from storehand_plugins.chat.grounding import Dropped, Supported, check_sentence
from storehand_plugins.chat.languages import Language, language_of
from storehand_plugins.chat.prompt import NO_ANSWER, messages
from storehand_plugins.chat.retrieval import Candidate
from storehand_plugins.chat.sentence_stream import SentenceStream

ROLE = "text"
_TOKENS = 320
_TEMPLATE_TOKENS = 64
_SOURCES = 4


@dataclass(frozen=True, slots=True)
class Written:
    """The sentences that were said, what they rest on, and what was left out. `has_streamed`: they are out."""

    sentences: tuple[str, ...]
    citations: tuple[Citation, ...]
    dropped: tuple[Dropped, ...]
    prompt_sha256: str
    has_streamed: bool


class _Speaker:
    """Checks sentences as they come and says the good ones; an engine's thread feeds it, the job's closes it."""

    def __init__(self, check: Callable[[str], Supported | Dropped | None], say: Callable[[str], None]) -> None:
        self._check = check
        self._say = say
        self._lock = threading.Lock()
        self._stream = SentenceStream()
        self._is_closed = False
        self._seen = 0
        self.kept: list[Supported] = []
        self.dropped: list[Dropped] = []

    def feed(self, piece: str) -> None:
        with self._lock:
            if not self._is_closed:
                self._take(self._stream.feed(piece))

    def close(self, whole: str, *, is_cut: bool) -> None:
        """`whole` is the final text: what the engine has not delivered yet is taken from it."""
        with self._lock:
            self._is_closed = True
            stream = SentenceStream()
            sentences = stream.feed(whole)
            rest = stream.close()
            self._take((sentences + (rest[:-1] if is_cut else rest))[self._seen :])

    def _take(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            self._seen += 1
            found = self._check(sentence)
            if isinstance(found, Dropped):
                self.dropped.append(found)
            elif found is not None and all(found.text != each.text for each in self.kept):
                self._say(found.text)
                self.kept.append(found)


def write(
    question: str,
    candidates: Sequence[Candidate],
    models: Models,
    *,
    language: Language,
    earlier: Sequence[ChatMessage],
    brand_voice: str | None,
    generation: Generation | None,
    seed: int,
    emit: Callable[[str], None],
) -> Written:
    """One sample is streamed sentence by sentence; of several the one with most supported sentences is taken, and the
    caller emits it. No sentence: the model had no answer that holds."""
    sampled = generation or Generation()
    room = models.info(ROLE).max_tokens
    tokens = max(16, min(sampled.max_new_tokens or _TOKENS, room // 2))
    sources, prompt = _fitting(question, candidates, models, room - tokens, language, earlier, brand_voice)
    options = GenerateOptions(
        max_new_tokens=tokens,
        temperature=0.0 if sampled.temperature is None else sampled.temperature,
        top_p=1.0 if sampled.top_p is None else sampled.top_p,
        n=sampled.n or 1,
        seed=seed if sampled.seed is None else sampled.seed,
        stop=sampled.stop,
    )

    def check(sentence: str) -> Supported | Dropped | None:
        if NO_ANSWER in sentence:
            return None
        found = check_sentence(sentence, sources, said=question)
        if isinstance(found, Supported) and language_of(found.text) not in (language, None):
            return Dropped(found.text, "it is in another language")
        return found

    said = 0

    def say(sentence: str) -> None:
        nonlocal said
        if options.n == 1:
            emit((" " if said and language == "en" else "") + sentence)
            said += 1

    speakers = [_Speaker(check, say)]
    completions = models.generate(ROLE, prompt, options, on_text=speakers[0].feed if options.n == 1 else None)
    speakers += [_Speaker(check, say) for _ in completions[1:]]
    for speaker, completion in zip(speakers, completions, strict=True):
        speaker.close(completion.text, is_cut=completion.finish_reason != "stop")
    best = max(speakers, key=lambda each: (len(each.kept), -len(each.dropped)))
    return Written(
        sentences=tuple(each.text for each in best.kept),
        citations=tuple(dict.fromkeys(citation for each in best.kept for citation in each.citations)),
        dropped=tuple(best.dropped),
        prompt_sha256=hashlib.sha256("\n".join(each.content for each in prompt).encode()).hexdigest(),
        has_streamed=options.n == 1 and bool(best.kept),
    )


def _fitting(
    question: str,
    candidates: Sequence[Candidate],
    models: Models,
    room: int,
    language: Language,
    earlier: Sequence[ChatMessage],
    brand_voice: str | None,
) -> tuple[Mapping[int, Candidate], list[Message]]:
    """As many sources and earlier messages as the prompt has room for; the best source always."""
    count, talk = min(_SOURCES, len(candidates)), list(earlier)
    while True:
        sources = dict(enumerate(candidates[:count], start=1))
        prompt = messages(question, sources, language=language, earlier=talk, brand_voice=brand_voice)
        size = _TEMPLATE_TOKENS + sum(models.count_tokens(ROLE, each.content) for each in prompt)
        if size <= room or (count == 1 and not talk and not brand_voice):
            return sources, prompt
        if talk:
            talk = talk[len(talk) // 2 + 1 :]
        elif count > 1:
            count -= 1
        else:
            brand_voice = None
