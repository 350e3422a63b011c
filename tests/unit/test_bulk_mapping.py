"""Columns find their places by the names shops use, and cells become what the contract wants."""

from __future__ import annotations

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storehand.bulk import cells
from storehand.bulk.rows import Row
from storehand.bulk.unit import Rejected, seed_of
from storehand.bulk.variants import folder_for
from storehand.contracts import INPUTS
from storehand.errors import InvalidInput
from tests.unit.bulk_files import contract, mapping, plan


def product_of(row, **options):
    return mapping("description", *row, **options).document(row)[0]["product"]


def test_merchant_center_names_are_known():
    row = {
        "id": "A1", "title": "Rain Jacket", "product_type": "Clothes > Jackets", "google_product_category": "5598",
        "gtin": "4006381333931", "mpn": "RJ-1", "brand": "Nordhaven", "color": "Blue", "material": "Nylon",
        "pattern": "Plain", "size": "M", "gender": "female", "age_group": "kids", "price": "59.90 EUR",
        "availability": "in_stock", "product_detail": "General:Fill:Down,General:Weight:300 g",
        "product_highlight": '"Packs small, dries fast",Two pockets',
    }  # fmt: skip

    product = product_of(row)

    assert product["sku"] == "A1"
    assert product["audience"] == {"suggestedGender": "female", "suggestedMinAge": 5, "suggestedMaxAge": 13}
    assert product["offers"] == {"price": "59.90", "priceCurrency": "EUR", "availability": "InStock"}
    assert product["additionalProperty"] == [{"name": "Fill", "value": "Down"}, {"name": "Weight", "value": "300 g"}]
    assert product["positiveNotes"] == ["Packs small, dries fast", "Two pockets"]
    INPUTS["description"].model_validate({"product": product})


def test_chinese_headers_are_known():
    row = {
        "货号": "KT-01", "商品名称": "电热水壶", "品牌": "山泉", "类目": "厨房>水壶", "价格": "¥199", "颜色": "白色",
        "材质": "不锈钢", "尺码": "中", "卖点": "快煮、保温", "描述": "<p>现有描述</p>", "适用性别": "男女通用",
    }  # fmt: skip

    product = product_of(row)

    assert (product["sku"], product["name"], product["brand"]) == ("KT-01", "电热水壶", "山泉")
    assert product["offers"] == {"price": "199", "priceCurrency": "CNY"}
    assert product["positiveNotes"] == ["快煮", "保温"]
    assert product["description"] == "现有描述"
    assert product["audience"] == {"suggestedGender": "unisex"}
    INPUTS["description"].model_validate({"product": product})


def test_a_schema_org_product_is_taken_as_it_is():
    row = {
        "@type": "Product", "name": "Cup", "brand": {"@type": "Brand", "name": "Clay Co"},
        "offers": [{"@type": "Offer", "price": 12.5, "priceCurrency": "USD", "availability": "https://schema.org/InStock"}],
        "additionalProperty": [{"@type": "PropertyValue", "name": "Volume", "value": "0.3 l"}],
    }  # fmt: skip

    product = product_of(row)

    assert product["brand"] == "Clay Co"
    assert product["offers"] == {"price": 12.5, "priceCurrency": "USD", "availability": "InStock"}
    assert product["additionalProperty"] == [{"name": "Volume", "value": "0.3 l"}]


def test_shopify_variants_become_one_product_with_their_options():
    columns = ("Handle", "Title", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Price")
    rows = [
        Row(1, dict(zip(columns, ("cup", "Cup", "Color", "Red", "CUP-R", "12.00"), strict=True))),
        Row(2, dict(zip(columns, ("cup", "", "", "Blue", "CUP-B", "12.00"), strict=True))),
        Row(3, dict(zip(columns, ("bowl", "Bowl", "Title", "Default Title", "BWL", "9.00"), strict=True))),
    ]

    cup, bowl = folder_for(columns).fold(rows)
    found = mapping("description", *columns, currency="USD")

    assert found.document(cup.cells)[0]["product"]["additionalProperty"] == [{"name": "Color", "value": "Red, Blue"}]
    assert "additionalProperty" not in found.document(bowl.cells)[0]["product"]
    assert found.own_id(cup.cells) == "cup"
    assert bowl.number == 3


def test_woocommerce_attributes_are_named_and_variations_left_to_their_parent():
    columns = (
        "Type",
        "SKU",
        "Name",
        "Regular price",
        "Categories",
        "Attribute 1 name",
        "Attribute 1 value(s)",
        "Parent",
    )
    rows = [
        Row(1, dict(zip(columns, ("variable", "T", "Tee", "15", "Tops", "Fit", "Slim, Wide", ""), strict=True))),
        Row(2, dict(zip(columns, ("variation", "T-S", "Tee - Slim", "15", "", "Fit", "Slim", "T"), strict=True))),
    ]

    [tee] = folder_for(columns).fold(rows)
    product = mapping("description", *columns, currency="EUR").document(tee.cells)[0]["product"]

    assert product["category"] == "Tops"
    assert product["additionalProperty"] == [{"name": "Fit", "value": "Slim, Wide"}]
    assert product["offers"] == {"price": "15", "priceCurrency": "EUR"}


def test_all_other_columns_become_attributes_on_demand():
    row = {"name": "Kettle", "Capacity": "1.7 L", "Cordless": "yes", "Empty": " "}

    assert "additionalProperty" not in product_of(row)
    assert product_of(row, attributes=("Capacity",))["additionalProperty"] == [{"name": "Capacity", "value": "1.7 L"}]
    everything = product_of(row, attributes=("*",))["additionalProperty"]
    assert [each["name"] for each in everything] == ["Capacity", "Cordless"]


def test_the_users_words_win_over_known_names():
    row = {"title": "internal", "Label": "Cup", "brand": "Clay Co"}

    product = product_of(row, maps=(("name", "Label"), ("product.brand", "")))

    assert product == {"name": "Cup"}


def test_constants_hold_for_all_rows_and_keep_their_kind(tmp_path):
    campaign = tmp_path / "c.json"
    campaign.write_text('{"name": "Summer"}', encoding="utf-8")
    sets = (
        ("tone", "lively"),
        ("channel", "sms"),
        ("campaign", f"@{campaign}"),
        ("n_variants", "2"),
        ("keywords", "a,b"),
    )

    found = mapping("copy", "name", sets=sets)
    root, item = found.document({"name": "Cup"})

    assert item == {"name": "Cup"}
    assert root == {
        "tone": "lively", "channel": "sms", "campaign": {"name": "Summer"}, "nVariants": 2, "keywords": ["a", "b"],
    }  # fmt: skip


def test_a_value_for_all_rows_that_the_contract_refuses_is_said_once():
    campaign = ("campaign", '{"goal": "sale"}')

    with pytest.raises(InvalidInput, match=r"--set channel: Input should be 'email'"):
        mapping("copy", "name", sets=(("channel", "telegram"), ("campaign", '{"name": "Tea week"}')))
    with pytest.raises(InvalidInput, match=r"--set campaign\.name: Field required"):
        mapping("copy", "name", sets=(("channel", "sms"), campaign))


def test_a_mapping_file_says_the_same(tmp_path):
    file = tmp_path / "m.toml"
    file.write_text('attributes = ["Capacity"]\ncurrency = "CNY"\n[map]\n"product.name" = "X"\n[set]\ntone = "warm"\n')

    found = mapping("description", "X", "Capacity", "price", file=file)
    root, _ = found.document({"X": "Kettle", "Capacity": "1 L", "price": "9"})

    assert root["tone"] == "warm"
    assert root["product"]["offers"] == {"price": "9", "priceCurrency": "CNY"}
    assert root["product"]["additionalProperty"] == [{"name": "Capacity", "value": "1 L"}]


def test_a_column_or_field_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="did you mean 'Titel'"):
        mapping("description", "Titel", maps=(("product.name", "Title"),))
    with pytest.raises(InvalidInput, match=r"no field 'product\.colour'; there is product\.color"):
        mapping("description", "name", maps=(("product.colour", "name"),))


def test_a_file_without_names_is_refused_before_it_is_read():
    with pytest.raises(InvalidInput, match=r"no column is known to be product\.name") as refused:
        mapping("description", "foo", "bar")

    assert "--map product.name=COLUMN" in refused.value.details["advice"]


def test_a_column_that_only_sounds_like_a_setting_is_none():
    found = mapping("description", "name", "Length", "format")

    assert found.unmapped == ["Length", "format"]


def test_rows_in_the_contracts_own_form_pass_as_they_are():
    found = mapping("description", "product", "tone", "length")

    root, _ = found.document({"product": "Kettle, 1.7 L", "tone": "warm", "length": {"max": 90}})

    assert root == {"product": "Kettle, 1.7 L", "tone": "warm", "length": {"max": 90}}


def test_reviews_are_gathered_by_product_however_they_lie(tmp_path):
    file = tmp_path / "r.csv"
    file.write_text("sku,text,stars,date\nA,Great,5,2026-03-01\nB,Bad,1/5,\nA,差评,★☆☆☆☆,2026/3/2\n", encoding="utf-8")

    a, b = plan("sentiment", file, group_by="sku", zone="Asia/Shanghai").units()

    assert (a.id, a.rows, b.id) == ("A", 2, "B")
    assert [review.id for review in a.input.reviews] == ["1", "3"]
    assert [review.review_rating.rating_value for review in a.input.reviews] == [5, 1]
    assert a.input.reviews[1].date_published.isoformat() == "2026-03-02T00:00:00+08:00"


def test_a_group_that_is_too_large_is_sent_in_parts(tmp_path):
    file = tmp_path / "r.csv"
    file.write_text("sku,text\n" + "A,ok\n" * 501, encoding="utf-8")

    found = plan("sentiment", file, group_by="sku")
    units = list(found.units())

    assert [(unit.id, unit.rows) for unit in units] == [("A#1", 500), ("A#2", 1)]
    assert "groups over 500 rows: sent in parts, KEY#1, KEY#2 …" in found.notes


def test_events_are_grouped_by_user_without_being_asked(tmp_path):
    file = tmp_path / "e.csv"
    file.write_text("user,event,sku,date\nu1,buy,A,2026-01-01\nu2,浏览,B,\nu1,加购,C,1767312000\n", encoding="utf-8")

    first, second = plan("recommendation", file).units()

    assert [(event.type, event.sku) for event in first.input.events] == [("purchase", "A"), ("cart", "C")]
    assert first.input.user_id == "u1"
    assert second.input.events[0].type == "view"


def test_questions_become_conversations_of_their_own(tmp_path):
    file = tmp_path / "q.csv"
    file.write_text("question\nWhere is my parcel?\n怎么退货？\n", encoding="utf-8")

    units = list(plan("chat", file).units())

    assert [unit.input.conversation_id for unit in units] == ["1", "2"]
    assert units[1].input.messages[0].role == "customer"


def test_bad_rows_name_their_column_and_what_to_do(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("sku,Title,gtin\nA,Cup,4006381333931\nB,,\nC,Bowl,123\n", encoding="utf-8")

    good, empty, mistyped = plan("description", file).units()

    assert good.id == "A"
    assert isinstance(empty, Rejected)
    assert [str(each) for each in empty.problems] == ["column 'Title' → product.name: Field required"]
    assert empty.problems[0].advice == "fill the column 'Title'"
    assert str(mistyped.problems[0]) == "column 'gtin' → product.gtin: must be 8, 12, 13 or 14 digits"


def test_equal_rows_have_equal_keys_and_seeds_and_another_seed_gives_others(tmp_path):
    file = tmp_path / "p.jsonl"
    file.write_text("\n".join(json.dumps({"name": name}) for name in ("Cup", "Cup", "Bowl")), encoding="utf-8")

    one, same, other = plan("description", file).units()
    reseeded = next(iter(plan("description", file, seed=7).units()))

    assert one.digest == same.digest != other.digest
    assert one.input.seed == same.input.seed != other.input.seed
    assert reseeded.input.seed != one.input.seed
    assert reseeded.digest != one.digest


def test_a_seed_of_the_shops_own_stays(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("name\nCup\n", encoding="utf-8")

    [unit] = plan("description", file, sets=(("seed", "5"),)).units()
    [spelt] = plan(
        "copy", file, sets=(("channel", "sms"), ("campaign", '{"name":"x"}'), ("generation", '{"seed": 6}'))
    ).units()

    assert unit.input.seed == 5
    assert spelt.input.generation.seed == 6


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("19.90 USD", ("19.90", "USD")), ("$1,299.00", ("1299.00", "USD")), ("1.299,00 €", ("1299.00", "EUR")),
        ("￥199", ("199", "CNY")), ("199元", ("199", "CNY")), ("RMB 88", ("88", "CNY")), ("12", ("12", None)),
        (19.9, (19.9, None)), ("1,299", ("1299", None)), ("9,5", ("9.5", None)), ("0.125", ("0.125", None)),
        ("on request", ("on request", None)), ("-5", ("-5", None)),
    ],
)  # fmt: skip
def test_prices_are_read_as_shops_write_them(cell, price):
    assert cells.as_price(cell) == price


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+08:00"), ("2026/3/1 14:05", "2026-03-01T14:05:00+08:00"),
        ("2026年3月1日", "2026-03-01T00:00:00+08:00"), ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00+00:00"),
        (1767312000, "2026-01-02T00:00:00+00:00"), ("1767312000000", "2026-01-02T00:00:00+00:00"), ("soon", "soon"),
    ],
)  # fmt: skip
def test_dates_get_a_zone(cell, moment):
    assert cells.as_moment(cell, ZoneInfo("Asia/Shanghai")) == moment


def test_html_becomes_the_words_a_browser_shows():
    text = "<p>Soft &amp; warm</p><ul><li>Two</li></ul><script>x()</script><style>p{}</style>"

    assert cells.plain(text) == "Soft & warm\nTwo"
    assert cells.plain("5 < 6 and 7 > 3") == "5 < 6 and 7 > 3"


@settings(max_examples=80, deadline=None)
@given(
    cell=st.none()
    | st.text(max_size=30)
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.lists(st.text(max_size=4), max_size=3)
)
@example(cell="line\rline")
def test_no_cell_breaks_a_converter(cell):
    row = dict.fromkeys(
        ("name", "price", "gender", "age group", "availability", "product detail", "bullets", "gtin"), cell
    )

    found = mapping_of_all.document(row)[0]

    contract_of_all.check(found)
    assert cells.as_rating(cell) is not None or cell is None
    cells.as_moment(cell, UTC)


mapping_of_all = mapping(
    "description", "name", "price", "gender", "age group", "availability", "product detail", "bullets", "gtin"
)
contract_of_all = contract("description")


@settings(max_examples=50, deadline=None)
@given(
    data=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4), base=st.integers(0, 9)
)
def test_a_seed_is_a_31_bit_number_that_follows_from_the_content(data, base):
    assert 0 <= seed_of(data, base) < 2**31
    assert seed_of(data, base) == seed_of(dict(reversed(data.items())), base)
