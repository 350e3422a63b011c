"""Whether a review is in a language that our words do not cover: by its script, else by its small words."""

from __future__ import annotations

import re

_READ_CHARS = 2000
_LETTER = re.compile(r"[^\W\d_]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1cff\u3040-\u30ff\uac00-\ud7af]")
_WORD = re.compile(r"[a-zà-ÿœ']+")
# ruff: noqa: SIM905  # a sentence of words reads better than a list
_ENGLISH = frozenset(
    "the and is it this i my was for but not very of with have that so are you they we be on in to".split()
)
_OTHERS = frozenset(
    "der die das ist nicht und ein eine ich sehr mit für auch aber zu war sind nach es gut habe wird bin "
    "le la les est une et pas je très mais pour avec qui des du que ce cette suis bien plus de "
    "el los muy es un y no pero con por para mi lo una al il di che non molto sono per ma più bello buono "
    "o os muito não com uma meu het een van zeer goed niet".split()
) - {"no", "die", "me", "war", "o", "y"}


def is_unsupported(folded: str) -> bool:
    """A third of another script's letters, or at least two small words of a language like German or French and more
    of them than English ones."""
    text = folded[:_READ_CHARS]
    letters = len(_LETTER.findall(text))
    if letters and 3 * len(_OTHER_SCRIPT.findall(text)) >= letters:
        return True
    words = _WORD.findall(text)
    others = len({word for word in words if word in _OTHERS and word not in _ENGLISH})
    english = len({word for word in words if word in _ENGLISH})
    accents = len({word for word in words if not word.isascii()})
    return others + accents >= 2 and others >= 1 and others + accents > 2 * english
