"""Characters nobody sees: taken out with a way back to the original; and text read in the wrong character set."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from storehand_plugins.checks.folding import Folded, fold

_KEPT_CONTROLS = frozenset("\t\n\r")
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_JOINERS = frozenset("\u200c\u200d")
_FLAG = "\U0001f3f4"
_FLAG_END = "\U000e007f"


@dataclass(frozen=True, slots=True)
class Visible:
    """`text` without hidden characters; `text[i]` was the original character `origin[i]`."""

    text: str
    origin: tuple[int, ...]
    removed: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original offsets of a range of `text`; it must not be empty."""
        return self.origin[start], self.origin[end - 1] + 1


def visible(text: str) -> Visible:
    """Without control, zero-width, bidirectional, tag and blank characters, byte-order marks and lone surrogates.

    Tabs and line ends stay, and so do the joiners and selectors that emoji and some scripts are spelt with.
    """
    if text.isascii() and text.isprintable():
        return Visible(text, tuple(range(len(text))), 0)
    origin = tuple(index for index, char in enumerate(text) if not _is_hidden(text, index, char))
    return Visible("".join(text[index] for index in origin), origin, len(text) - len(origin))


def fold_visible(text: str) -> Folded:
    """`fold` of what can be seen, with offsets into the original text."""
    seen = visible(text)
    folded = fold(seen.text)
    if not seen.removed:
        return folded
    return Folded(folded.text, tuple(seen.origin[index] for index in folded.origin))


def _is_hidden(text: str, index: int, char: str) -> bool:
    if char.isascii():
        return not (char.isprintable() or char in _KEPT_CONTROLS)
    code = ord(char)
    if char in _BLANK_LETTERS or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return True
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return not (code in (0xFE0E, 0xFE0F) and index > 0 and _is_emoji_part(text[index - 1]))
    if 0xE0000 <= code <= 0xE007F:
        return not _ends_a_flag(text, index)
    category = unicodedata.category(char)
    if category == "Cf" and char in _JOINERS and 0 < index < len(text) - 1:
        return not (_is_joined(text[index - 1]) and _is_joined(text[index + 1]))
    return category in ("Cc", "Cs") or (category == "Cf" and char not in _VISIBLE_FORMATS)


def _is_emoji_part(char: str) -> bool:
    return char in "#*0123456789" or unicodedata.category(char) in ("So", "Sk", "Sm", "Po") or ord(char) >= 0x1F000


def _is_joined(char: str) -> bool:
    """Emoji and the scripts whose spelling needs joiners (Arabic, the scripts of India)."""
    code = ord(char)
    return (
        0x0600 <= code <= 0x0DFF or char == "\ufe0f" or (code > 0x2000 and unicodedata.category(char) in ("So", "Sk"))
    )


def _ends_a_flag(text: str, index: int) -> bool:
    """Scotland's flag is a black flag, tag letters and an end tag; tag letters elsewhere are hidden text."""
    start = index
    while start > max(0, index - 7) and 0xE0000 <= ord(text[start - 1]) <= 0xE007F:
        start -= 1
    if start == 0 or text[start - 1] != _FLAG:
        return False
    end = text.find(_FLAG_END, start)
    return index <= end <= start + 7


_SINGLE_BYTES = {bytes([code]).decode("cp1252"): code for code in range(256) if code not in (129, 141, 143, 144, 157)}
_SINGLE_BYTES |= {chr(code): code for code in range(0x80, 0xA0)}
_HIGH = "".join(re.escape(char) for char, code in _SINGLE_BYTES.items() if code >= 0x80)
_HIGH_RUN = re.compile(f"[{_HIGH}]{{2,}}")
_THREE_BYTES = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_TWO_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]")
_TELLTALE = re.compile(rb"[\xc2\xc3][\xa0-\xbf]")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff\ue000-\uf8ff€？]{3,}")
_KNOWN = re.compile("\ufffd|锟斤拷|烫烫烫|屯屯屯")


def is_mojibake(text: str) -> bool:
    """Whether part of it was read in the wrong character set: "Ã©", "ä¸­æ–‡", "ÖÐÎÄ", "涓枃", replacement marks."""
    if text.isascii():
        return False
    if _KNOWN.search(text):
        return True
    pairs = 0
    for run in _HIGH_RUN.findall(text):
        raw = bytes(_SINGLE_BYTES[char] for char in run)
        if _THREE_BYTES.search(raw) or _TELLTALE.search(raw) or _is_gbk(raw):
            return True
        pairs += len(_TWO_BYTES.findall(raw))
    return pairs >= 2 or any(_is_utf8(run) for run in _HAN_RUN.findall(text))


def _is_gbk(raw: bytes) -> bool:
    """Four and more accented letters in a row are no word of any language, but two Chinese characters."""
    if len(raw) < 4 or len(raw) % 2:
        return False
    return all(0xB0 <= lead <= 0xF7 and trail >= 0xA1 for lead, trail in zip(raw[::2], raw[1::2], strict=True))


def _is_utf8(run: str) -> bool:
    try:
        raw = run.encode("gb18030")
    except UnicodeEncodeError:
        return False
    return any(len(found) >= 6 and _decodes(found) for found in re.findall(rb"(?:[\xe3-\xe9\xef][\x80-\xbf]{2})+", raw))


def _decodes(raw: bytes) -> bool:
    return all("\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef" for char in raw.decode(errors="replace"))
