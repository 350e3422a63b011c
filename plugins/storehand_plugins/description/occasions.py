"""The occasions that a model's text tells of: those of the product's own kind and neutral ones, in known wordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

from storehand_plugins.checks import split_sentences
from storehand_plugins.description import phrases_en, phrases_zh
from storehand_plugins.description.groups import GENERIC
from storehand_plugins.description.kinds import Language
from storehand_plugins.description.plan import Plan

_PHRASES: dict[Language, ModuleType] = {"en": phrases_en, "zh": phrases_zh}
_FORMS = {"be": "(?:is|are)", "Be": "(?:Is|Are)", "it": "(?:it|they)", "It": "(?:It|They)", "s": "s?", "es": "(?:es)?"}
_FORMS |= {"by": "(?: by <brand>|<brand>)?", "scene": "(?P<scene>[^.!?。！？<>]+)"}
_BLANK = re.compile(r"\\\{(\w+)\\\}")


def at_home(opening: Sequence[str], plan: Plan) -> tuple[str, ...] | None:
    """Sentences without a fact as they may be said: another kind's occasion makes way for one of the product's own.

    None where the sentences are no wording of the phrases: the small model has put two of them together.
    """
    text = (" " if plan.language == "en" else "").join(opening)
    scenes = _PHRASES[plan.language].SCENES
    foreign: re.Match[str] | None = None
    for frame in _frames(plan.language):
        if found := frame.fullmatch(text):
            scene = found.groupdict().get("scene")
            if scene is None or scene in scenes[plan.group] or scene in scenes[GENERIC]:
                return tuple(opening)
            foreign = found
    if foreign is None:
        return None
    own: str = scenes[plan.group][sum(map(ord, text)) % len(scenes[plan.group])]
    text = text[: foreign.start("scene")] + own + text[foreign.end("scene") :]
    return tuple(text[start:end] for start, end in split_sentences(text))


def tells_one(words: str, language: Language) -> bool:
    """Whether words that state facts run into an occasion."""
    return _scenes(language).search(words) is not None


@lru_cache(maxsize=2)
def _frames(language: Language) -> tuple[re.Pattern[str], ...]:
    """Every opener and closer; where the occasion stands, anything may."""
    phrases = _PHRASES[language]
    frames = dict.fromkeys(
        frame for table in (phrases.OPENERS, phrases.CLOSERS) for tone in table.values() for frame in tone
    )
    return tuple(re.compile(_BLANK.sub(lambda blank: _FORMS[blank[1]], re.escape(frame))) for frame in frames)


@lru_cache(maxsize=2)
def _scenes(language: Language) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(scene) for each in _PHRASES[language].SCENES.values() for scene in each))
