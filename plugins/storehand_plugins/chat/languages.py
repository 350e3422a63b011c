"""Which language a customer writes, and whether the shop answers in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Language = Literal["en", "zh"]

OTHER = "other"
"""A language that replies are not written in."""

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[a-zA-Z\u00c0-\u024f]+")
_OTHER_SCRIPT = re.compile(
    r"[\u3040-\u30ff\uac00-\ud7af\u1100-\u11ff\u0400-\u04ff\u0370-\u03ff\u0590-\u05ff\u0600-\u06ff\u0900-\u0dff\u0e00-\u0eff]"
)
_FOREIGN = frozenset(
    """
    que como donde cuando cuanto puedo quiero por para mi pedido esta gracias hola necesito devolver tengo una
    los las el wie wann ist mein meine ich nicht und bitte bestellung kann wo der die das ein eine zurück
    lieferung geld möchte habe je ne pas est une mon ma commande où quand comment bonjour merci vous les des
    le la puis retourner voudrais votre dove quando posso il mio ordine grazie non sono vorrei come ciao della
    onde meu minha você obrigado não está quero uma waar mijn bestelling wanneer kan ik niet het een
    """.split()  # noqa: SIM905  # a list of one word per line would be pages
)
_ENGLISH = frozenset(
    """
    the a an is are was my your i you to of in for it and or can do does how what when where why who which
    with have has this that not please order refund return want need help me hello hi on if be will would
    could should from at
    """.split()  # noqa: SIM905  # a list of one word per line would be pages
)
_SHARED = frozenset(("a", "is", "in", "me", "die", "an", "was", "come", "on", "hi"))


def language_of(text: str) -> str | None:
    """`zh`, `en`, `other` for a language of another script or family; none where nothing can be told by."""
    han, words = len(_HAN.findall(text)), [word.lower() for word in _LATIN_WORD.findall(text)]
    foreign = len(_OTHER_SCRIPT.findall(text))
    if foreign > han and foreign > len(words):
        return OTHER
    if han and han * 2 >= len(words):
        return OTHER if foreign >= 3 and foreign * 3 > han else "zh"
    if not words:
        return None
    strange = sum(word in _FOREIGN and word not in _SHARED for word in words)
    known = sum(word in _ENGLISH and word not in _SHARED for word in words)
    if strange >= 2 and strange > known:
        return OTHER
    return "en" if any(len(word) > 1 for word in words) else None


def reply_language(
    text: str, *, earlier: Sequence[str], locale: str | None, languages: Sequence[str]
) -> tuple[Language, bool]:
    """The language to reply in, and whether the customer's own is one that the shop answers in.

    A text without words (a number, a sign) is in the language of the customer's earlier words, else the locale's.
    """
    accepted = {_base(each) for each in languages}
    found = language_of(text)
    if found is None:
        found = next((said for said in map(language_of, reversed(earlier)) if said), None)
    if found is None:
        found = _base(locale) if locale else next((each for each in languages if _base(each) in ("en", "zh")), "en")
        found = _base(found)
    if found == "zh" or found == "en":
        if found in accepted:
            return ("zh", True) if found == "zh" else ("en", True)
        return ("zh" if found == "zh" else "en"), False
    asked = _base(locale) if locale else ""
    return ("zh" if asked == "zh" or ("en" not in accepted and "zh" in accepted) else "en"), False


def _base(locale: str) -> str:
    return locale.split("-")[0].lower()
