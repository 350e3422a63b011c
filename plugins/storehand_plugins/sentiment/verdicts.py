"""Plain words about how a thing fares, which small classifiers misread: "not bad", 不漏, "broke after a week"."""

from __future__ import annotations

import re

MAX_CHARS = 80
"""In a longer review the rest says more than one turn of phrase."""

_GOOD = re.compile(
    r"\b(?:not (?:at all )?(?:too |so )?bad|(?:isn't|wasn't|aren't) bad|nothing (?:is |was )?(?:bad|wrong|to complain)"
    r"|no complaints?"
    r"|(?:no|without(?: any)?|never had (?:any|an?)|zero) (?:[a-z]+ ){0,2}"
    r"(?:problems?|issues?|complaints?|troubles?|defects?)"
    r"|(?:doesn't|does not|didn't|did not|don't|never|won't) (?:even )?"
    r"(?:leaks?|leaked|breaks?|broke|scratch(?:es)?|tears?|fades?|rusts?|shrinks?|stains?|overheats?)"
    r"|not easily (?:broken|scratched|torn|damaged))\b"
    r"|(?:没有?|毫无|无)(?:任何|什么|一点|半点)?(?:质量)?(?:问题|毛病|异味|色差)(?!就好)"
    r"|(?:问题|毛病)(?:都|也)没有?|不(?:容易|易|会)?(?:漏|掉色|起球|变形|生锈|褪色|缩水|开裂)|不(?:容易|易)(?:坏|断|破|脏)|没坏过"
)
_BAD = re.compile(
    r"\b(?:die[sd]?|drain(?:s|ed)?) (?:too |so |very |really )?(?:fast|quickly|quick)\b"
    r"|\b(?:broke|died|broken|stopped working|fell apart|failed|cracked|tore|leaked) (?:\w+ )?"
    r"(?:after|within|in) (?:only |just |about )?(?:an?|one|two|three|four|five|six|few|\d+)\b"
    r"|(?:用|穿|戴|买|到手|洗|装|骑|开)(?:了|回来|来|着)?(?:还?不到|才|没|仅)?[一二两三四五六七八九十半几\d]+"
    r"个?(?:天|周|星期|礼拜|月|次|回|小时|下)(?:左右|不到)?"
    r"就(?:坏|断|裂|破|漏|不行|不能用|掉|散|塌|没电|开胶|死机)"
    r"|(?<!不)(?:很|太|特别|非常)?容易(?:坏|断|破|裂|掉色|变形|起球|漏|脏|刮花|褪色|生锈|开胶)"
    r"|(?:问题|毛病)(?:很多|不少|太多)"
    r"|\bha(?:s|d|ve) (?:many |several |some |a lot of )?(?:problems|issues)\b|\beasy to break\b"
    r"|\b(?:scratch|break|tear|stain|crack|rip|fade|wrinkle|bend|snap|leak|chip)(?:e?s) (?:too |so |very )?easily\b"
)
_TURN = re.compile(
    r"\b(?:but|however|although|though|if|hope|until|except)\b|nothing special"
    r"|但|不过|可是|然而|虽然|如果|希望|就好了|吗|不知道|会不会|有没有|是否|还没|担心|[?？]"
)


def verdict(folded: str) -> int:
    """1 or -1 where a short text says plainly how the thing fares and turns nowhere; 0 everywhere else."""
    if len(folded) > MAX_CHARS or _TURN.search(folded):
        return 0
    good, bad = _GOOD.search(folded), _BAD.search(folded)
    if bool(good) == bool(bad):
        inside = good is not None and bad is not None and good.start() <= bad.start() and bad.end() <= good.end()
        return 1 if inside else 0
    return 1 if good else -1
