"""The fields beside the description, and its three formats."""

import re
from html import unescape

import pytest

from tests.unit.describing import ALL_FIELDS, BAG, KETTLE, Asked, described, rules, texts

LIMITS = {"en": {"seo_title": 60, "meta_description": 155}, "zh": {"seo_title": 30, "meta_description": 80}}
WRONG = {"name": 'Cup <b>&"A"</b>', "brand": "T & Co", "positiveNotes": ["<script>x</script>", "Steel & glass"]}


@pytest.mark.parametrize(("product", "locale"), [(KETTLE, "en"), (BAG, "zh")])
@pytest.mark.parametrize("seed", range(5))
def test_every_field_is_there_within_its_limit(product: object, locale: str, seed: int):
    best = described(product, fields=ALL_FIELDS, seed=seed).best
    assert best.bullets is not None
    assert best.seo_title
    assert best.meta_description
    assert best.alt_text
    assert 3 <= len(best.bullets) <= 6
    assert len(best.title) <= 150
    assert len(best.seo_title) <= LIMITS[locale]["seo_title"]
    assert len(best.meta_description) <= LIMITS[locale]["meta_description"]
    assert len(best.alt_text) <= 125
    assert best.unsupported_claims == ()


def test_only_what_was_asked_for_is_there():
    best = described(KETTLE).best
    assert (best.bullets, best.seo_title, best.meta_description, best.alt_text) == (None, None, None, None)


def test_the_short_fields_read_like_a_shop():
    best = described(KETTLE, fields=ALL_FIELDS).best
    assert best.seo_title == "Harbour Electric Kettle – auto shut-off | Quiet Home"
    assert best.meta_description == (
        "Harbour Electric Kettle by Quiet Home: auto shut-off, BPA-free, stainless steel, matte black, 1.7 L capacity, "
        "2200 W power."
    )
    assert best.alt_text == "Harbour Electric Kettle by Quiet Home, stainless steel, matte black"
    assert best.bullets == (
        "Auto shut-off",
        "BPA-free",
        "Material: stainless steel; colour: matte black",
        "Capacity: 1.7 L; power: 2200 W",
    )


def test_a_name_that_is_too_long_is_cut_at_a_word():
    output = described({"name": "Very Long Product Name " * 8}, fields=ALL_FIELDS)
    assert {text[-4:] for name, text in texts(output).items() if name in ("seo_title", "alt_text")} == {"Long"}
    assert rules(output).count("field.cut") == 4


def test_few_facts_make_few_bullets_and_are_never_padded():
    output = described("Kettle, 1.7 L", fields=["bullets"])
    assert output.best.bullets == ("1.7 L",)
    assert "bullets.few" in rules(output)


def test_bullets_stand_on_lines_of_their_own():
    lines = described(BAG, format="bullets").best.description.split("\n")
    assert "城市通勤双肩包" in lines[0]
    assert len(lines) > 3
    assert all(line.startswith("• ") for line in lines[1:])


def test_html_is_safe_and_its_spans_point_into_the_markup():
    output = described(WRONG, format="html", forbidden_words=["cup"])
    html = output.best.description
    assert set(re.findall(r"</?(\w+)", html)) <= {"p", "ul", "li"}
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    stated = {each.value: html[each.start : each.end] for each in output.best.attributes if each.field == "description"}
    assert {value: unescape(text).lower() for value, text in stated.items()} == {
        value: value.lower() for value in ("<script>x</script>", "Steel & glass", "T & Co")
    }


def test_a_claim_in_html_is_found_where_it_stands():
    reply = "Title: Cup\nDescription: The cup & lid has Super Retina XDR inside. It is 5G."
    output = described("Cup, 5G", by=Asked("chat", lambda prompt: reply), format="html")
    [claim] = output.best.unsupported_claims
    assert output.best.description[claim.start : claim.end] == claim.text == "Super Retina XDR"


def test_a_claim_in_a_bullet_names_the_bullet():
    reply = "Title: Cup\nDescription: The cup is 5G.\nBullets:\n- 5G\n- A cup\n- Has Super Retina XDR"
    output = described("Cup, 5G", by=Asked("chat", lambda prompt: reply), fields=["bullets"])
    [check] = [each for each in output.checks if each.rule.startswith("fact")]
    assert check.field == "bullets[2]"
    assert texts(output)["bullets[2]"][check.start : check.end] == "Super Retina XDR"


@pytest.mark.parametrize("product", [KETTLE, BAG])
def test_variants_open_and_order_differently(product: dict[str, object]):
    variants = described(product, n_variants=4).variants
    openings = {re.sub(r"(made|designed|with|for) .*", "", each.description.split(".")[0]) for each in variants}
    assert len({each.description for each in variants}) == len(openings) == 4
    firsts = [[each.start for each in variant.attributes] for variant in variants]
    assert len({tuple(sorted(range(len(each)), key=each.__getitem__)) for each in firsts}) >= 3


def test_variants_that_cannot_differ_are_said_to_be_alike():
    assert "variants.alike" in rules(described("Kettle", n_variants=3, length={"max": 20}))
