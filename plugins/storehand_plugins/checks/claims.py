"""Claims without a number that nothing in the input supports: materials, certificates, boasts, invented names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from storehand.contracts.claim import ClaimKind
from storehand_plugins.checks.folding import fold
from storehand_plugins.checks.sentences import split_sentences

_ENGLISH = (
    "aluminium|aluminum|bamboo|bluetooth|certified|cotton|dishwasher[- ]safe|fast[- ]charging|glass|gold|guaranteed"
    "|high[- ]definition|leather|linen|machine[- ]washable|microwave[- ]safe|organic|powder[- ]coated|ceramic|copper"
    "|recycled|scratch[- ]resistant|shock[- ]?proof|silk|silver|stainless steel|steel|titanium|touch ?screen|uncoated"
    "|vegan|warranty|water[- ]?proof|water[- ]resistant|wireless|wood|wooden|wool"
    "|award[- ]winning|best[- ]selling|revolutionary|ultimate|unrivalled|unparalleled|world[- ]class|the best|the most"
)
_CHINESE = (
    "高清大屏|高清|大屏|全面屏|触摸屏|防水|防尘|防摔|无线|蓝牙|快充|超长续航|不锈钢|铝合金|钛合金|真皮|纯棉|羊毛|真丝|亚麻"
    "|实木|竹制|陶瓷|玻璃|有机|认证|质保|保修|正品|进口|可机洗|食品级|医用级|环保材料|指纹识别|人脸识别"
    "|国家级|世界级|顶级|顶尖|极致|首选|唯一|销量第一|第一品牌|独一无二|最[佳好大高新强轻薄快]"
)
_TERM = re.compile(rf"(?<![a-z])(?:{_ENGLISH})(?![a-z])|{_CHINESE}")
_NAME = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]*(?:\s+[A-Z][A-Za-z]*)+(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of the original text."""

    start: int
    end: int
    text: str
    kind: ClaimKind = "other"


def unsupported_claims(text: str, sources: Iterable[str]) -> list[Claim]:
    """Terms of a known list, and capitalised English names of two and more words, that no source has; in order."""
    given = " ".join(fold(source).squashed().text for source in sources)
    folded = fold(text)
    spans = [folded.span(*match.span()) for match in _TERM.finditer(folded.text)]
    spans += _names(text, given)
    found: list[Claim] = []
    for start, end in sorted(spans):
        if (found and start < found[-1].end) or fold(text[start:end]).squashed().text in given:
            continue
        found.append(Claim(start, end, text[start:end]))
    return found


def _names(text: str, given: str) -> list[tuple[int, int]]:
    """A name is invented when the source has not one of its words; a sentence's first word proves nothing."""
    starts = {start for start, _ in split_sentences(text)}
    spans = []
    for match in _NAME.finditer(text):
        words = [
            word for word in re.finditer(r"[A-Za-z]+", match.group()) if match.start() + word.start() not in starts
        ]
        unknown = [word for word in words if word.group().lower() not in given]
        if len(unknown) >= 2 and len(unknown) == len(words):
            spans.append((match.start() + words[0].start(), match.end()))
    return spans
