"""How a chat model's answer is read, whatever it wraps around it: labels, JSON, code fences, thoughts, small talk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storehand_plugins.checks import fold
from storehand_plugins.description.plan import Plan

TITLE, DESCRIPTION, BULLETS = "title", "description", "bullets"
_LABELS = {
    TITLE: "title|product title|标题|商品标题",
    DESCRIPTION: "description|product description|描述|商品描述|产品描述|正文",
    BULLETS: "bullets?|bullet points?|highlights|要点|卖点|商品要点",
    "seo_title": "seo[ _-]?title|seo ?标题",
    "meta_description": "meta[ _-]?description|meta ?描述|元描述|搜索描述",
    "alt_text": "alt[ _-]?text|alt|图片说明|替代文本",
}
_LABEL = re.compile(
    r"^[^\w\n]*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _LABELS.items()) + r")[*_\s]*[:：][*_ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_THOUGHT = re.compile(r"<(think|thinking|reasoning|thought)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning|thought)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•·#>]+|\d{1,2}[.)、])\s+|^\s*[•·]\s*", re.MULTILINE)
_HEADING = re.compile(r"^\s*(?:#+\s*)")
_CHATTER = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|below is|let me know|feel free|i hope|i'd be|hope this"
    r"|note:|please note: this"
    r"|当然|好的|以下是|下面是|这是为|希望|如需|如果您|如有|请告诉我|欢迎随时)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_SPACES = re.compile(r"\s+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[a-z0-9]+")
_LATIN = re.compile(r"[A-Za-z]")
_WHOLE = re.compile(r".*[.!?。！？]", re.DOTALL)
_MIN_BODY = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chat model said, without labels and markup. `parts` are the other fields; bullets are several texts."""

    title: str
    body: str
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse(text: str, plan: Plan, *, is_cut: bool = False) -> Answer | None:
    """Title, body and other fields; none when there is no body, or it is in the wrong one of the two languages.

    Without labels the first of several lines is the title; a single paragraph gets the product's name as its title.
    `is_cut`: the model ran out of tokens, so what it wrote last loses its half sentence.
    """
    plain = _FENCE.sub("", unthought(text)).replace("**", "").strip()
    sections = _from_json(plain) or _sections(plain)
    if sections is None or DESCRIPTION not in sections:
        sections = {**(sections or {}), **_unlabelled(plain, sections, plan)}
    body = _tidy(_BULLET.sub("", sections.get(DESCRIPTION, "")))
    if is_cut:
        last = list(sections)[-1]
        if last == DESCRIPTION:
            whole = _WHOLE.match(body)
            body = whole.group() if whole else ""
        else:
            sections.pop(last)
    if len(body) < _MIN_BODY or not is_in_language(body, plan):
        return None
    title = _tidy(_HEADING.sub("", sections.get(TITLE, "").strip().split("\n")[0]))
    return Answer(title or plan.name, body, _parts(sections, plan))


def unthought(text: str) -> str:
    """Without what a reasoning model thinks before it answers; its opening tag may stand in the prompt."""
    return _THOUGHT_END.sub("", _THOUGHT.sub("", text))


def is_in_language(body: str, plan: Plan) -> bool:
    """By script, with the product's own words left out: an English text may name a Chinese brand."""
    for own in sorted((plan.name, plan.brand, *(fact.value for fact in plan.facts)), key=len, reverse=True):
        if own:
            body = body.replace(own, "")
    han, latin = len(_HAN.findall(body)), len(_LATIN.findall(body))
    return han * 4 >= latin if plan.language == "zh" else han * 4 <= latin


def names_product(title: str, plan: Plan) -> bool:
    """Whether a title speaks of this product: at least half of its name's words, in Chinese pairs of characters."""
    wanted = _pieces(plan.name)
    return not wanted or len(wanted & _pieces(title)) * 2 >= len(wanted)


def _pieces(text: str) -> set[str]:
    folded = fold(text).text
    han = "".join(_HAN.findall(folded))
    return set(_WORD.findall(folded)) | {han[at : at + 2] for at in range(len(han) - 1)}


def _sections(plain: str) -> dict[str, str] | None:
    """What stands behind each label, up to the next."""
    found = list(_LABEL.finditer(plain))
    sections: dict[str, str] = {}
    for match, following in zip(found, (*found[1:], None), strict=False):
        name = match.lastgroup or ""
        text = plain[match.end() : following.start() if following else len(plain)]
        sections.setdefault(name, _CHATTER.sub("", text).strip())
    return sections or None


def _unlabelled(plain: str, sections: dict[str, str] | None, plan: Plan) -> dict[str, str]:
    if sections and TITLE in sections:
        title, _, rest = sections[TITLE].partition("\n")
        return {TITLE: title, DESCRIPTION: rest}
    spoken = _CHATTER.sub("", plain).strip() if sections is None else ""
    first, _, others = spoken.partition("\n")
    if others.strip() and len(first) <= 150:
        return {TITLE: first, DESCRIPTION: others}
    return {TITLE: plan.name, DESCRIPTION: spoken}


def _from_json(plain: str) -> dict[str, str] | None:
    """The fields of a JSON object, wherever it stands in the answer."""
    start, end = plain.find("{"), plain.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        given: Any = json.loads(plain[start : end + 1], strict=False)
    except ValueError:
        return None
    if not isinstance(given, dict):
        return None
    sections: dict[str, str] = {}
    for name, value in given.items():
        label = _LABEL.match(f"{name}:")
        lines = value if isinstance(value, list) else [value]
        if label and label.lastgroup and all(isinstance(each, str) for each in lines):
            sections.setdefault(label.lastgroup, "\n".join(lines))
    return sections or None


def _parts(sections: Mapping[str, str], plan: Plan) -> dict[str, tuple[str, ...]]:
    parts: dict[str, tuple[str, ...]] = {}
    for name, text in sections.items():
        if name in (TITLE, DESCRIPTION):
            continue
        lines = [_tidy(_BULLET.sub("", line)) for line in text.split("\n")]
        lines = [line for line in lines if line and is_in_language(line, plan)]
        if name != BULLETS:
            lines = [" ".join(lines)] if lines else []
        if lines:
            parts[name] = tuple(lines)
    return parts


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" \"'“”「」*_#")
