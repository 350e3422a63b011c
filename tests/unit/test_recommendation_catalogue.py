"""Which items may come back: stock, category, brand, price, market, language."""

from __future__ import annotations

import pytest

from storehand.contracts.recommendation import ItemFilter
from storehand_plugins.recommendation.catalogue import Catalogue, Item

CATALOGUE = Catalogue(
    [
        Item(sku="kettle", name="Kettle", brand="Quiet Home", category="Kitchen > Kettles", price="39.90"),
        Item(
            sku="pan", name="Pan", brand="Stonebridge", category="Kitchen > Cookware > Pans", price="45", currency="GBP"
        ),
        Item(sku="杯", name="保温杯", brand="小满", category="杯壶 > 保温杯", price="129", markets=("CN",)),
        Item(sku="gone", name="Lamp", category="Home > Lamps", price="10", availability="OutOfStock"),
        Item(sku="bare"),
    ]
)


def passing(**wanted: object) -> list[str]:
    mask = CATALOGUE.fits(ItemFilter(**wanted))  # type: ignore[arg-type]  # the tests name real fields
    return [item.sku for item, passes in zip(CATALOGUE.items, mask, strict=True) if passes]


@pytest.mark.parametrize(
    ("wanted", "skus"),
    [
        ({}, ["kettle", "pan", "杯", "bare"]),
        ({"in_stock": False}, ["kettle", "pan", "杯", "gone", "bare"]),
        ({"categories": ("kitchen",)}, ["kettle", "pan"]),
        ({"categories": ("Kitchen > Cookware",)}, ["pan"]),
        ({"categories": ("Pans", "保温杯")}, ["pan", "杯"]),
        ({"categories": ("Kitchen > Pans",)}, []),
        ({"brands": ("QUIET HOME", "小满")}, ["kettle", "杯"]),
        ({"price_max": "45"}, ["kettle", "pan"]),
        ({"price_min": "40", "price_max": "100"}, ["pan"]),
        ({"price_min": "0"}, ["kettle", "pan", "杯"]),
    ],
)
def test_a_filter_lets_pass_what_it_says(wanted, skus):
    assert passing(**wanted) == skus


def test_an_item_of_one_market_stays_there():
    assert CATALOGUE.sold_in(["GB"]).tolist() == [True, True, False, True, True]
    assert CATALOGUE.sold_in(["GB", "CN"]).all()
    assert CATALOGUE.sold_in([]).all()


def test_a_language_chooses_only_where_the_catalogue_has_it():
    assert CATALOGUE.speaks("zh").tolist() == [False, False, True, False, False]
    assert CATALOGUE.speaks("fr").all()
    assert Catalogue([Item(sku="a", name="A")]).speaks("zh").all()


def test_items_survive_their_file(tmp_path):
    CATALOGUE.save(tmp_path)

    assert Catalogue.load(tmp_path).items == CATALOGUE.items
