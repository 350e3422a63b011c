"""Every rule that a check may name is written down in one place."""

import re
from pathlib import Path

from storehand_plugins import description
from storehand_plugins.description.rules import RULES

SOURCES = [path.read_text(encoding="utf-8") for path in Path(str(description.__file__)).parent.glob("*.py")]


def test_no_check_names_an_unknown_rule_and_no_rule_is_idle():
    named = {rule for text in SOURCES for rule in re.findall(r'check\(\s*"([a-z_.]+)"', text)}
    named |= {rule for text in SOURCES for rule in re.findall(r'rule = "([a-z_.]+)" if', text)}
    named |= {f"fact.{kind}_unsupported" for kind in ("number", "unit", "material", "comparison", "certification")}
    named |= {"fact.claim_unsupported", "fact.missing"}
    assert named == set(RULES)


def test_names_are_plain_and_reasons_are_sentences():
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", rule) for rule in RULES)
    assert all(len(why) > 20 for _, why in RULES.values())
