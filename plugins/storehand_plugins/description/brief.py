"""One job's wishes, worked out once: what to say, in which order, what to say first and what never."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from storehand.contracts.base import Check
from storehand.contracts.description import DescriptionInput
from storehand.contracts.product import Product
from storehand_plugins.checks import find_words, fold, split_sentences
from storehand_plugins.description.asked_words import Forbidden, holding, says
from storehand_plugins.description.facts import brand_of, dropped_fact, plan_of
from storehand_plugins.description.intake import taken_in
from storehand_plugins.description.kinds import FactKind, Language
from storehand_plugins.description.languages import in_one_language
from storehand_plugins.description.personal import fitted
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.rules import check

_ORDER = list(FactKind)
_NOT_WORDS = re.compile(r"[\W_]+")
_SAME_NAME = {"颜色": "color", "配色": "color", "colour": "color", "材质": "material", "材料": "material"} | {
    "尺寸": "size",
    "尺码": "size",
    "图案": "pattern",
    "品牌": "brand",
    "名称": "name",
    "适用人群": "audience",
}
_QUOTE_MAX = 200
_CATEGORY = {"en": "Category: {leaf}.", "zh": "类目：{leaf}。"}


@dataclass(frozen=True, slots=True)
class Brief:
    """`plan` has the facts to say, those asked for first among their kind; `lead` opens the text for a shopper.

    `left_out` are facts with a forbidden word, `dropped` those that clash, `foreign` those in another language, which
    only a chat model can say. `must` are (attribute name, value) pairs. `keywords` can be said, and `quotes` are
    sentences for those that no fact has.
    """

    input: DescriptionInput
    product: Product
    asked: str
    plan: Plan
    forbidden: Forbidden
    lead: tuple[Fact, ...] = ()
    personalised_on: tuple[str, ...] = ()
    left_out: tuple[Fact, ...] = ()
    dropped: tuple[Fact, ...] = ()
    foreign: tuple[Fact, ...] = ()
    must: tuple[tuple[str, str], ...] = ()
    keywords: tuple[str, ...] = ()
    quotes: tuple[tuple[str, str], ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def language(self) -> Language:
        return self.plan.language

    @property
    def asked_plan(self) -> Plan:
        """What a model is asked to say: the lead gets its sentence from the realiser."""
        if not self.lead:
            return self.plan
        return replace(self.plan, facts=tuple(fact for fact in self.plan.facts if fact not in self.lead))

    def is_must(self, fact: Fact) -> bool:
        return (fact.label, fact.value) in self.must

    def wanted_first(self, facts: Sequence[Fact]) -> list[Fact]:
        """Must-mention, then what fits the shopper, then what has a keyword, then the rest in its order."""
        return sorted(facts, key=self._rank)

    def _rank(self, fact: Fact) -> int:
        if self.is_must(fact):
            return 0
        if fact in self.lead:
            return 1
        return 2 if self.keywords and find_words(f"{fact.key} {fact.value}", self.keywords) else 3

    def unnamed(self, text: str) -> str:
        """The text without the product's name and brand, whose words nobody can choose."""
        for own in (self.plan.name, self.plan.brand):
            text = text.replace(own, " ") if own else text
        return text


def brief_of(given: DescriptionInput, go_on: Callable[[], None] = lambda: None) -> Brief:
    """The wishes of this job. `go_on` is called between the steps that a long product makes slow; it may raise."""
    intake = taken_in(given.product, go_on)
    product = intake.product
    asked = given.locale or product.in_language or product.language
    language: Language = "zh" if asked.lower().startswith("zh") else "en"
    plan = plan_of(product, language, given.tone)
    plan, foreign = in_one_language(plan)
    brief = Brief(
        given,
        product,
        asked,
        plan,
        Forbidden(given.forbidden_words),
        dropped=tuple(dropped_fact(name, value) for name, value in intake.dropped),
        foreign=foreign,
        checks=intake.checks,
    )
    if given.forbidden_words:
        brief = _without_forbidden(brief)
    if given.must_mention:
        brief = _with_musts(brief)
    if given.user is not None:
        brief = _fitted(brief)
    if given.keywords:
        brief = _with_keywords(brief)
    if brief.must or brief.lead or brief.keywords:
        facts = sorted(brief.wanted_first(brief.plan.facts), key=lambda fact: _ORDER.index(fact.kind))
        brief = replace(brief, plan=replace(brief.plan, facts=tuple(facts)))
    return brief


def _without_forbidden(brief: Brief) -> Brief:
    out = tuple(fact for fact in brief.plan.facts if brief.forbidden(f"{fact.key} {fact.value}"))
    checks = tuple(
        check(
            "forbidden.fact",
            field="input.product",
            text=fact.value,
            basis=f"{fact.label} has the forbidden word {brief.forbidden.spans(f'{fact.key} {fact.value}')[0].text!r}",
            suggestion="take the word off the list, or write the attribute in other words",
        )
        for fact in out
    )
    plan = replace(brief.plan, facts=tuple(fact for fact in brief.plan.facts if fact not in out))
    return replace(brief, plan=plan, left_out=out, checks=brief.checks + checks)


def _with_musts(brief: Brief) -> Brief:
    must: list[tuple[str, str]] = []
    unknown: list[Check] = []
    for number, name in enumerate(brief.input.must_mention):
        found = list(_named(name, brief))
        must += found
        if not found and _word(name) not in ("name", "title"):
            where = f"input.mustMention[{number}]"
            unknown.append(check("must_mention.unknown", field=where, span=(0, len(name)), text=name))
    return replace(brief, must=tuple(dict.fromkeys(must)), checks=brief.checks + tuple(unknown))


def _named(name: str, brief: Brief) -> Iterator[tuple[str, str]]:
    """Attributes of this name: as the input spells it, as a text says it, or a highlight's own words."""
    wanted = _word(name)
    for fact in (*brief.plan.facts, *brief.left_out, *brief.foreign, *brief.dropped):
        own = (fact.label, fact.key) if fact.label != "positiveNotes" else (fact.value,)
        if wanted in {_word(each) for each in own if each}:
            yield fact.label, fact.value
    if wanted == "brand" and (brand := brand_of(brief.product)):
        yield "brand", brand


def _word(name: str) -> str:
    squashed = _NOT_WORDS.sub("", fold(name).text)
    return _SAME_NAME.get(squashed, squashed)


def _fitted(brief: Brief) -> Brief:
    fit = fitted(brief.input.user, brief.plan.facts)
    checks = tuple(
        check("preference.protected", field="input.user.preferences", span=(0, len(each)), text=each)
        for each in fit.refused
    )
    return replace(brief, lead=fit.lead, personalised_on=fit.used, checks=brief.checks + checks)


def _with_keywords(brief: Brief) -> Brief:
    product, plan = brief.product, brief.plan
    facts = (f"{fact.key} {fact.value}" for fact in plan.facts if fact.kind is not FactKind.NOTE)
    said = [plan.name, plan.brand, brand_of(product), *facts]
    together = " | ".join(said)
    supported: list[str] = []
    quotes: list[tuple[str, str]] = []
    checks: list[Check] = []
    for number, keyword in enumerate(brief.input.keywords):
        if holding(keyword, said) is not None or says(keyword, together):
            supported.append(keyword)
        elif (quote := _quote(keyword, brief)) and not brief.forbidden(quote):
            supported.append(keyword)
            quotes.append((keyword, quote))
        else:
            where = f"input.keywords[{number}]"
            checks.append(check("keyword.unsupported", field=where, span=(0, len(keyword)), text=keyword))
    return replace(brief, keywords=tuple(supported), quotes=tuple(quotes), checks=brief.checks + tuple(checks))


def _quote(keyword: str, brief: Brief) -> str | None:
    """A sentence of the shop's own that has the keyword: its category, or from the current description."""
    product = brief.product
    steps = [step.strip() for step in (product.category or "").split(">")]
    if leaf := holding(keyword, [step for step in reversed(steps) if step]):
        return _CATEGORY[brief.language].format(leaf=leaf)
    text = product.description or ""
    sentences = (text[start:end] for start, end in split_sentences(text))
    return holding(keyword, [each for each in sentences if len(each) <= _QUOTE_MAX and each[-1] in ".!。！"])
