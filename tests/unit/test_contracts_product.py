"""A product as shops write it: one line, a mapping of attributes, numbers as they are."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from storehand.contracts import Product


@pytest.mark.parametrize(
    ("line", "name", "notes", "language"),
    [
        ("Kettle, 1.7 L, stainless steel.", "Kettle", ("1.7 L", "stainless steel"), "en"),
        ("智能手机，5.5英寸屏幕，128GB存储、双摄像头。", "智能手机", ("5.5英寸屏幕", "128GB存储", "双摄像头"), "zh"),
    ],
)
def test_a_line_is_a_name_and_its_highlights(line, name, notes, language):
    product = Product.model_validate(line)

    assert (product.name, product.positive_notes, product.language) == (name, notes, language)


def test_attributes_may_be_a_mapping_with_numbers_and_booleans():
    product = Product(name="Kettle", additional_property={"capacity": 1.7, "电压": 220, "cordless": True})

    assert [(each.name, each.value) for each in product.additional_property] == [
        ("capacity", "1.7"),
        ("电压", "220"),
        ("cordless", "true"),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_attribute_that_is_no_number_is_refused(value):
    with pytest.raises(ValidationError, match="leave an attribute without a value out"):
        Product(name="Kettle", additional_property={"capacity": value})
