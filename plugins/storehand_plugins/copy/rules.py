"""What advertising law and fair dealing forbid to say: absolute terms, false urgency, invented reviews, green and
health claims.

Sources: 广告法 Art. 9(3), exemptions of the 2023 guide 广告绝对化用语执法指南; 16 CFR 465 on reviews; EU 2024/825
on green claims; FTC Act s.5 and 12 on unproven claims, 广告法 Art. 17 on health.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.checks.injection import find_injection

Severity = Literal["info", "warn", "needs_evidence", "block"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it looks for, what may stand all the same, and the law's place."""

    id: str
    pattern: re.Pattern[str]
    basis: str
    suggestion: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Breach:
    """Characters `start` to `end` of a text break the rule."""

    rule: Rule
    start: int
    end: int
    text: str


_ABSOLUTE_ZH = (
    "最(?:好(?![先是在把别用将])|佳(?!食用|赏味|饮用|保存|使用)|优|强|大(?!程度|限度|的问题)|小(?!号|码)|高(?!温度?|水位)|低(?!温度?|消费)"
    "|新(?!日期|版)|先进|便宜|受欢迎|畅销|流行|时尚|安全|专业|轻|薄|快|美|热|棒|顶|划算|实惠|舒适|耐用|具)"
    "|第一(?![步次章天件款位人]|时间|视角|印象|阶段|口)|全国首[家个创]|国家级|世界级|宇宙级|国际级|(?:世界|国际|全球)领先|全网最低|史上最低|史无前例"
    "|前无古人|独一无二|绝无仅有|顶级|顶尖|极致|终极|巅峰|极品|填补国内空白|领袖品牌|唯一"
)
_CARE_ZH = "首选|独家|绝对|万能|永久|王牌|冠军|金牌|名牌"
_ABSOLUTE_EN = (
    r"\b(?:the (?:very )?best|best[- ]in[- ]class|world[- ]class|number one|no\.\s?1|unbeatable|ultimate|unrivall?ed"
    r"|unparalleled|revolutionary"
    r"|the most \w+|(?:the )?(?:lowest price|cheapest|finest|greatest)|guaranteed|flawless)\b"
    r"|#1\b"
)
_URGENCY = (
    "仅限今[天日]|最后一?[天日]|最后机会|手慢无|抢完即止|即将售罄|库存告急|仅剩|倒计时|错过不再|错过等一年|过时不候"
    r"|\b(?:today only|last chance|hurry|ends (?:today|tonight|soon)|only \w+ left|selling fast|almost gone|going fast"
    r"|don'?t miss out|final hours|act now|act fast)\b"
)
_REVIEWS = (
    "亲测|[顾客用户网友]{2}(?:都说|评价|推荐|反馈)|好评如潮|五星好评|回购|万人|爆款|热销|热卖|畅销|口碑|销量"
    r"|\b(?:customers? (?:say|love|agree)|(?:top|highly)[- ]rated|rated \d|five[- ]star|best[- ]?sell(?:er|ing)s?"
    r"|testimonials?|reviews? say|trusted by|loved by|award[- ]winning|everyone(?: is|'s) talking)\b"
)
_GREEN = (
    "环保|绿色(?:产品|健康|生活)|零碳|碳中和|可持续|无污染|零污染"
    r"|\b(?:eco[- ]?friendly|sustainab\w+|climate[- ](?:neutral|friendly|positive)|carbon[- ](?:neutral|free)"
    r"|environmentally[- ]friendly|biodegradable|planet[- ]friendly|green (?:product|choice|living))\b"
)
_HEALTH = (
    "治疗|治愈(?!系|感|的?(?:画|风|色|氛))|根治|医治|主治|包治|药到病除|疗效|药效|处方药|祖传秘方"
    "|抗癌|防癌|抗肿瘤|止痛|镇痛|消肿|祛湿|壮阳|补肾"
    "|治(?:好)?(?:失眠|感冒|咳嗽?|便秘|脱发|头[痛疼]|胃[痛病]|牙[痛疼]|腰[痛疼]|颈椎|关节|鼻炎|皮肤病|湿疹|脚气|痘|痔|高血压"
    "|糖尿病|近视|抑郁|百病|病)"
    "|(?:降|降低|调节|缓解|改善|预防|告别|消除|增强|提高|提升)(?:了)?[^，。！？\\s]{0,3}?(?:三高|血压|血糖|血脂|胆固醇|失眠|免疫力?|疼痛|炎症|焦虑症?"
    "|便秘|脱发|关节炎|颈椎病|近视|感冒|抑郁症?|疾病|癌症?)|减肥(?:药|神器|茶)"
    r"|\b(?:cures?(?! (?:time|cream))|curing (?!time)|remed(?:y|ies)|medicinal|therapeutic|anti-?cancer"
    r"|clinically (?:proven|tested)"
    r"|detox(?:es|ify|ifies|ifying)?|treat(?:s|ing|ment)? (?:for |of |your )?(?:insomnia|acne|eczema"
    r"|psoriasis|pain|arthritis|migraines?|anxiety|depression|diabetes|cancer|covid|colds?"
    r"|flu|infections?|allergies|hair loss|disease)"
    r"|(?:prevent|reliev|eas|reduc|lower|heal|fight|boost|strengthen|sooth|burn|combat)(?:e|es|s|ing|ed)?\s+"
    r"(?:\w+\s+)?(?:pain|cholesterol|anxiety|insomnia|depression|stress|inflammation|blood pressure|blood sugar"
    r"|immunity|immune system|disease|cancer|diabetes|arthritis"
    r"|migraines?|colds?|flu|acne|eczema|allergies|hair loss|wounds?|metabolism|belly fat|fat)"
    r"|(?:insomnia|arthritis|eczema|acne|migraine|pain|anxiety|stress)[- ](?:cure|relief|treatment|relieving)"
    r"|(?:rapid |fast )?weight[- ]loss)\b"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "law.health_claim",
        re.compile(_HEALTH, re.IGNORECASE),
        "广告法 Art. 17：非医疗广告不得涉及疾病治疗功能或使用医疗用语; FTC Act s.5, 12: health claims need proof",
        "leave it out; what is no medicine heals nothing（删去；普通商品不得宣称疗效）",
        "block",
    ),
    Rule(
        "law.absolute_term",
        re.compile(_ABSOLUTE_ZH),
        "广告法 Art. 9(3)：不得使用绝对化用语",
        "删去，或改写为可证明的事实",
        "block",
    ),
    Rule(
        "law.absolute_term",
        re.compile(_ABSOLUTE_EN, re.IGNORECASE),
        "a superlative needs proof (FTC Act s.5; 广告法 Art. 9(3) where the market is CN)",
        "leave it out, or say the fact behind it",
        "block",
    ),
    Rule(
        "law.absolute_term_with_care",
        re.compile(_CARE_ZH),
        "广告法 Art. 9、11：慎用，须有依据",
        "提供依据，或删去",
        "needs_evidence",
    ),
    Rule(
        "law.false_urgency",
        re.compile(_URGENCY, re.IGNORECASE),
        "pressure that the dates given do not bear out",
        "say the end of the offer instead",
        "warn",
    ),
    Rule(
        "law.review",
        re.compile(_REVIEWS, re.IGNORECASE),
        "16 CFR 465, 广告法 Art. 11: no invented reviews, ratings or sales figures",
        "leave it out, or quote a source",
        "needs_evidence",
    ),
    Rule(
        "law.green_claim",
        re.compile(_GREEN, re.IGNORECASE),
        "EU 2024/825: generic environmental claims need recognised performance",
        "name the fact instead (recycled share, certificate)",
        "needs_evidence",
    ),
)


def breaches(text: str) -> Iterator[Breach]:
    """Everything in the text that a rule is about, rule by rule."""
    for rule in RULES:
        for match in rule.pattern.finditer(text):
            yield Breach(rule, match.start(), match.end(), match.group())


def is_sayable(text: str, *, forbidden: Sequence[str] = ()) -> bool:
    """Whether copy may take this piece of the shop's own text over: green claims are the shop's to prove."""
    return _is_lawful(text) and not find_words(text, forbidden)


@lru_cache(maxsize=4096)  # every variant asks for the same facts
def _is_lawful(text: str) -> bool:
    return all(breach.rule.id == "law.green_claim" for breach in breaches(text)) and not find_injection(text)
