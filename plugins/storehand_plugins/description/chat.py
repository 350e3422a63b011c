"""How a chat model is asked for a description, and how its answer is read whatever it wraps around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storehand.task import Message
from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Fact, Plan

_SYSTEM = {
    "en": (
        "You write product descriptions for an online shop. State every fact of the list once, with its words, "
        "numbers and units unchanged. Add no other fact, number, material, certificate or award, and no superlative."
    ),
    "zh": (
        "你为网店撰写商品描述。列表里的每项事实都要写到，文字、数字和单位保持原样。"
        "不要添加列表之外的任何事实、数字、材质、认证或奖项，不使用绝对化用语。"
    ),
}
_ASK = {
    "en": "Language: {locale}\nTone: {tone}\n\nAnswer in exactly this form, with two to six sentences of description:\n"
    "Title: ...\nDescription: ...",
    "zh": "语言：{locale}\n语气：{tone}\n\n请严格按以下格式回答，描述写两到六句话：\n标题：……\n描述：……",
}
_TONES_ZH = {"neutral": "中性", "warm": "温暖", "lively": "活泼", "professional": "专业", "minimal": "简洁"}

_THINKING = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
_TITLE = re.compile(
    r"^[\W_]*(?:product )?(?:title|标题|商品标题)[\W_]*?[:：][*_\s]*(?P<text>.+)$", re.IGNORECASE | re.MULTILINE
)
_BODY = re.compile(
    r"^[\W_]*(?:product )?(?:description|描述|商品描述|产品描述|正文)[\W_]*?[:：][*_\s]*(?P<text>.+)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_BULLET = re.compile(r"^\s*(?:[-*•#>]+\s*)", re.MULTILINE)
_SPACES = re.compile(r"\s+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_WHOLE = re.compile(r".*[.!?。！？]", re.DOTALL)
_MIN_BODY = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chat model said, without labels and markup."""

    title: str
    body: str


def messages(plan: Plan, locale: str) -> list[Message]:
    """The question, in the language of the product."""
    is_chinese = plan.language == "zh"
    product, brand, facts = ("商品：", "品牌：", "事实：") if is_chinese else ("Product: ", "Brand: ", "Facts:")
    lines = [product + plan.name]
    if plan.brand:
        lines.append(brand + plan.brand)
    lines.append(facts)
    lines += [f"- {_line(fact, is_chinese=is_chinese)}" for fact in plan.facts]
    tone = _TONES_ZH[plan.tone] if is_chinese else plan.tone
    ask = _ASK[plan.language].format(locale=locale, tone=tone)
    return [Message("system", _SYSTEM[plan.language]), Message("user", "\n".join(lines) + "\n\n" + ask)]


def _line(fact: Fact, *, is_chinese: bool) -> str:
    names = {
        FactKind.MATERIAL: "材质" if is_chinese else "material",
        FactKind.COLOR: "颜色" if is_chinese else "color",
        FactKind.SIZE: "尺寸" if is_chinese else "size",
    }
    name = fact.key or names.get(fact.kind, "")
    return f"{name}{'：' if is_chinese else ': '}{fact.value}" if name else fact.value


def parse(text: str, plan: Plan, *, is_cut: bool = False) -> Answer | None:
    """Title and body; none when there is no body, or it is in the wrong one of the two languages.

    Without labels the first of several lines is the title; a single paragraph gets the product's name as its title.
    `is_cut`: the model ran out of tokens, so the last half sentence is dropped.
    """
    plain = _THINKING.sub("", text).replace("**", "").strip()
    title, body = _TITLE.search(plain), _BODY.search(plain)
    if body is not None:
        answer = Answer(title["text"] if title else plan.name, body["text"])
    else:
        rest = plain[title.end() :] if title else plain
        first, _, others = plain.partition("\n")
        if title:
            answer = Answer(title["text"], rest)
        elif others.strip() and len(first) <= 150:
            answer = Answer(first, others)
        else:
            answer = Answer(plan.name, plain)
    return _cleaned(answer, plan, is_cut=is_cut)


def _cleaned(answer: Answer, plan: Plan, *, is_cut: bool) -> Answer | None:
    title = _tidy(answer.title)
    body = _tidy(_BULLET.sub("", answer.body))
    if is_cut:
        whole = _WHOLE.match(body)
        body = whole.group() if whole else ""
    if len(body) < _MIN_BODY or not _is_in_language(body, plan):
        return None
    return Answer(title or plan.name, body)


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" \"'“”「」*_#")


def _is_in_language(body: str, plan: Plan) -> bool:
    """By script, with the product's own words left out: an English text may name a Chinese brand."""
    for own in sorted((plan.name, plan.brand, *(fact.value for fact in plan.facts)), key=len, reverse=True):
        if own:
            body = body.replace(own, "")
    han, latin = len(_HAN.findall(body)), len(_LATIN.findall(body))
    return han * 4 >= latin if plan.language == "zh" else han * 4 <= latin
