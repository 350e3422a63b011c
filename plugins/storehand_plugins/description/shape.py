"""What the form of a value tells: whether it is a thing, a property or half a sentence, one or many, and its unit."""

from __future__ import annotations

import re

from storehand_plugins.description.kinds import FactKind, Language

_QUALITY_ENDINGS = ("able", "ible", "proof", "less", "-free", " free", "resistant", "friendly", " safe", "-safe")
_NO_QUALITIES = frozenset(("cable", "table", "vegetable", "timetable"))
_QUALITY = re.compile(
    "(?:very |super |ultra |extra )?(?:lightweight|light|slim|compact|soft|warm|quiet|cordless"
    "|organic|vegan|handmade|stackable|durable|elastic|thin"
    "|insulated|heated|scented|unscented|certified|recycled|reversible|oscillating|pre-seasoned)"
)
_HALF_SENTENCE = re.compile(
    "(?:keeps|lies|fits|supports|includes|comes|has|holds|works|made|designed|suits|folds|reduces|charges|connects|provides"
    "|offers|features|protects|lasts|absorbs|runs|serves|removes|cleans|heats|cools|ideal|suitable|compatible|great"
    "|perfect|for|with"
    "|packs|rolls|stays|dries|slips|clips|attaches|stows|unfolds|stretches|washes|wipes|repels|resists|blocks|prevents|helps"
    "|lets|allows|makes|gives|brings|boils|brews|grinds|reaches|turns|opens|closes|locks|stands|sits|hangs|adjusts|adapts"
    "|doubles|delivers|ensures|improves|comfortably|easily|quickly) "
    r"|[a-z]{2,}[^\Ws]s (?:into|onto|itself|its|your|easily|quickly|flat|away|neatly|securely|automatically) "
)
_ZH_QUALITY = re.compile(
    "(?!不锈|可可|可乐|易拉|能量|能源|含片|带子)"  # nouns that only begin like a property
    "(?:支持|可|易|免|不|能|适合|适用|采用|内置|配备|含|带|自带|兼容|便于|方便)"
    r"|(?:保温|保冷|保鲜|锁温|续航|待机|承重|容纳|播放|使用|充电|加热|亮灯|通话)[^\d的器盒杯]{0,3}\d"
    "|自动(?:断电|关机|关闭|清洁|除霜|感应|调节|识别|回充|补水|烘干|锁屏|开盖)$"
    "|(?:吸汗|速干|快干|排汗|滋润|呵护|贴合|减少|提升|改善|缓解|去除).{0,4}$"
    "|(?:(?:防|抗|耐|低|轻|无).{1,2}|(?:轻便|便携|柔软|透气|保暖).{0,2}|(?:质地|手感|口感|触感).{2,4})$"
)
_NO_PLURAL = re.compile("series|lens|news|canvas|gas|always|atlas|chess|less|plus|bonus|express")
_HEAD = re.compile(r"\s(?:for|with|of|in)\s|[(,/|]| - ")
_UNIT_CODES = {  # UN/CEFACT recommendation 20
    "CMT": ("cm", "厘米"),
    "MMT": ("mm", "毫米"),
    "MTR": ("m", "米"),
    "INH": ("in", "英寸"),
    "KGM": ("kg", "千克"),
    "GRM": ("g", "克"),
    "LTR": ("L", "升"),
    "MLT": ("ml", "毫升"),
    "WTT": ("W", "瓦"),
    "KWT": ("kW", "千瓦"),
    "VLT": ("V", "伏"),
    "HTZ": ("Hz", "赫兹"),
    "HUR": ("hours", "小时"),
    "MIN": ("minutes", "分钟"),
    "DAY": ("days", "天"),
    "MON": ("months", "个月"),
    "ANN": ("years", "年"),
    "CEL": ("°C", "℃"),
    "LBR": ("lb", "磅"),
    "ONZ": ("oz", "盎司"),
    "P1": ("%", "%"),
    "4L": ("MB", "MB"),
    "E34": ("GB", "GB"),
    "E35": ("TB", "TB"),
    "AMH": ("Ah", "安时"),
    "E09": ("mAh", "毫安时"),
}


def feature_kind(text: str, language: Language) -> FactKind:
    """How a highlight without a name fits a sentence."""
    if language == "zh":
        return FactKind.QUALITY if _ZH_QUALITY.match(text) else FactKind.FEATURE
    lowered = text.lower()
    last = lowered.split()[-1]
    if " " in text and is_half_sentence(text):
        return FactKind.PHRASE
    if last not in _NO_QUALITIES and (_QUALITY.fullmatch(lowered) or lowered.endswith(_QUALITY_ENDINGS)):
        return FactKind.QUALITY
    return FactKind.FEATURE


def is_half_sentence(text: str) -> bool:
    """Whether English words begin with a verb: "Fits laptops up to"."""
    return _HALF_SENTENCE.match(text.lower() + " ") is not None


def is_plural(name: str) -> bool:
    """Whether an English name speaks of many: by its last word before any "for", "with" or bracket."""
    words = _HEAD.split(name)[0].split()
    last = words[-1].lower() if words else ""
    if len(last) < 4 or not last.isalpha() or _NO_PLURAL.fullmatch(last):
        return False
    return last.endswith("s") and not last.endswith(("ss", "us", "is"))


def unit_of(code: str | None, language: Language) -> str:
    """A unit code as words to put behind a number; an unknown code is left out."""
    if code is None or code.upper() not in _UNIT_CODES:
        return ""
    english, chinese = _UNIT_CODES[code.upper()]
    return chinese if language == "zh" else f" {english}"
