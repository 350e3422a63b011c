"""What a product says of itself twice and differently."""

from typing import Any

import pytest

from storehand.contracts.product import Product
from storehand_plugins.checks import conflicts


def found(product: Any) -> list[tuple[str, str, str]]:
    return [
        (each.attribute, each.other_attribute, each.other_value) for each in conflicts(Product.model_validate(product))
    ]


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (
            {"name": "Steel Kettle 1.7 L", "material": "glass", "additionalProperty": {"capacity": "1.5 L"}},
            [("name", "material", "glass"), ("name", "capacity", "1.5 L")],
        ),
        (
            {"name": "红色纯棉T恤", "color": "蓝色", "material": "聚酯纤维"},
            [("name", "material", "聚酯纤维"), ("name", "color", "蓝色")],
        ),
        ({"name": "Cotton T-shirt", "material": "polyester"}, [("name", "material", "polyester")]),
        ({"name": "Oak Table, white", "color": "black"}, [("name", "color", "black")]),
        ({"name": "女士真皮手提包", "material": "PU皮"}, [("name", "material", "PU皮")]),
        ({"name": "Women's coat", "audience": {"suggestedGender": "male"}}, [("name", "audience", "male")]),
        ({"name": "Waterproof jacket", "additionalProperty": {"waterproof": False}}, [("name", "waterproof", "false")]),
        (
            {"name": "Kettle", "material": "glass", "additionalProperty": {"Material": "steel"}},
            [("Material", "material", "glass")],
        ),
        ("Steel Kettle, glass, 1.5 L", [("name", "positiveNotes", "glass")]),
    ],
)
def test_a_name_and_an_attribute_that_cannot_both_be_true_are_a_conflict(
    product: Any, expected: list[tuple[str, str, str]]
):
    assert found(product) == expected


@pytest.mark.parametrize(
    "product",
    [
        {"name": "Steam Iron", "material": "plastic"},
        {"name": "Red wine glass", "color": "white", "material": "crystal"},
        {"name": "Blue light glasses", "color": "black"},
        {"name": "Glass kettle with steel base", "material": "glass"},
        {"name": "Cotton T-shirt", "material": "95% cotton, 5% elastane"},
        {"name": "Leather cleaner", "material": "plastic"},
        {"name": "Cola 6 x 330 ml", "additionalProperty": {"volume": "1.98 L"}},
        {"name": "Kettle 1.7 L", "additionalProperty": {"capacity": "1700 ml"}},
        {"name": "不锈钢保温杯 500ml", "material": "316不锈钢", "additionalProperty": {"容量": "0.5升"}},
        {"name": "红茶 250克", "color": "黑色", "additionalProperty": {"净含量": "250g"}},
        {"name": "黑色/红色雨伞", "color": "红色"},
    ],
)
def test_what_may_both_be_true_is_no_conflict(product: Any):
    assert found(product) == []
