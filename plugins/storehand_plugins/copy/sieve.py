"""What of a chat model's text may stay: sentences with the shop's facts only, placeholders filled from the offer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storehand.contracts.copy import Component, CopyInput
from storehand_plugins.checks import find_numbers, split_sentences, unsupported_claims, unsupported_numbers
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.rules import breaches
from storehand_plugins.copy.sources import product_sources
from storehand_plugins.copy.tokens import find_tokens

PLACEHOLDER = re.compile(r"[\[【]\s*([A-Z][A-Z_]{2,20})\s*[\]】]")
_DEAL = re.compile(
    "半价|免费|买[一二三两]送|包邮|免运费|立减|打折|折扣|满减|赠品|赠送"
    r"|half[- ]price|for free|\bfree\b|\b(?:discount|rebate|cashback|buy one|bogo)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    "今[天晚日]|明天|本周|周末|下周|月底|即日起"
    r"|\b(?:today|tonight|tomorrow|this (?:week|weekend|month)|midnight|monday|tuesday|wednesday|thursday|friday"
    r"|saturday|sunday|january|february|march|april|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://|www\.|\w@\w|\.(?:com|cn|net|shop)\b", re.IGNORECASE)
_MARKUP = re.compile(r"[*_`#>]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")


class Sieve:
    """Checks one job's model texts."""

    def __init__(self, brief: Brief, given: CopyInput) -> None:
        self._brief = brief
        self._sources = [*product_sources(given), *brief.trends, *brief.tastes]
        self._own = sorted(
            {*self._sources, *(name for item in brief.items for name in item.names)}, key=len, reverse=True
        )
        self._values = placeholders(brief)

    def kept(self, text: str, component: Component) -> list[str]:
        """The sentences that may stand, filled; a one-line component stands whole or not at all."""
        plain = _MARKUP.sub("", text).strip(" \"“”'")
        if component != "body":
            plain = " ".join(plain.split())
            return [filled] if (filled := self._checked(plain)) else []
        pieces = [plain[start:end] for start, end in split_sentences(plain)]
        return [filled for piece in pieces if (filled := self._checked(piece))]

    def _checked(self, sentence: str) -> str:
        bare = PLACEHOLDER.sub(" ", sentence)
        names = PLACEHOLDER.findall(sentence)
        if not bare.strip(" .,!。，！") or any(name not in self._values for name in names):
            return ""
        if any(True for _ in self._faults(bare)):
            return ""
        return PLACEHOLDER.sub(lambda match: self._values[match[1]], sentence).strip()

    def _faults(self, bare: str) -> Iterator[object]:
        """Whatever the shop has not said, or nobody may say."""
        yield from unsupported_numbers(bare, self._sources)
        yield from (
            number for number in find_numbers(bare) if number.unit in ("%", "折") and not self._has(number.value)
        )
        yield from unsupported_claims(bare, self._sources)
        yield from breaches(bare)
        yield from find_words(bare, self._brief.forbidden)
        yield from find_injection(bare)
        yield from find_tokens(bare)
        for pattern in (_DEAL, _WHEN, _ADDRESS):
            yield from (match for match in pattern.finditer(bare) if not self._has(match.group()))
        if "[" in bare or "]" in bare or not self._is_in_language(bare):
            yield bare

    def _has(self, text: str) -> bool:
        return any(text.casefold() in source.casefold() for source in self._sources)

    def _is_in_language(self, text: str) -> bool:
        """By script, without the shop's own words."""
        for own in self._own:
            text = text.replace(own, "")
        han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
        return han * 4 >= latin if self._brief.is_chinese else han == 0


def placeholders(brief: Brief) -> dict[str, str]:
    """What a model writes in brackets instead of a value, and the value."""
    found = {"PRODUCT": brief.names[0]} if len(brief.items) == 1 else {}
    if brief.offer is None:
        return found
    found["OFFER"] = brief.offer.label
    names = {"CODE": "code", "GIFT": "gift", "START": "starts_at", "END": "ends_at", "MIN_SPEND": "min_spend"}
    values = {str(key): value for key, value in brief.offer.values.items()}
    return found | {name: values[key] for name, key in names.items() if key in values}
