"""English articles by sound, in front of a shop's own words, which keep every letter."""

from __future__ import annotations

import re

from storehand_plugins.description.shape import is_plural

_NO_ARTICLE = ("a", "an", "the", "our", "your", "free", "one", "two", "some", "any", "my")
_MASS = re.compile(
    r"\b(?:tea|coffee|jewell?ery|chocolate|soap|honey|oil|wrapping|shipping|delivery|paper|ribbon|sugar|salt|wine|yarn"
    r"|milk|rice|soil|food|credit|lotion|shampoo|gel|ink|wax|cream|cash|assembly|engraving|returns|membership)$",
    re.IGNORECASE,
)
_AN = re.compile(r"(?:[aeiou]|hour|honest|honou?r|heir)", re.IGNORECASE)
_YOU = re.compile(r"(?:uni(?!n|m)|use|usu|utensil|ute|eu|ewe|one(?![a-z])|once|ukulele|u[- ]|ufo)", re.IGNORECASE)
"""What begins with a vowel and sounds like "you" or "won"."""

_LETTERS = re.compile(r"[A-Z]{2,}(?![a-z])")
_SPELT = (
    "USB",
    "LED",
    "OLED",
    "UV",
    "USA",
    "UK",
    "EU",
    "HDMI",
    "SSD",
    "SD",
    "LCD",
    "MP",
    "FM",
    "XL",
    "XXL",
    "SUV",
    "NFC",
)
_READ_WITH_AN = "AEFHILMNORSX"


def with_article(thing: str) -> str:
    """ "USB cable" is a USB cable, "Stanley mug" a Stanley mug. As it stands where it wants no article or none is sure:
    a plural, a number, tea, an owner, other scripts, a word in capitals that may be read or spelt."""
    first = thing.split(" ")[0]
    has_none = (
        first.lower() in _NO_ARTICLE or first.endswith(("'s", "\u2019s")) or is_plural(thing) or _MASS.search(thing)
    )
    if has_none or not first.isascii() or not first[:1].isalpha():
        return thing
    if capitals := _LETTERS.match(first):
        word = capitals.group()
        if word not in _SPELT and re.search("[AEIOUY]", word):
            return thing
        return f"{'an' if word[0] in _READ_WITH_AN else 'a'} {thing}"
    return f"{'an' if _AN.match(first) and not _YOU.match(first) else 'a'} {thing}"
