"""Events and items as shops export them: columns found, bad rows counted, nothing guessed."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from storehand.errors import InvalidInput
from storehand_plugins.recommendation.train.products import read_items
from storehand_plugins.recommendation.train.reading import read_shop, read_time
from storehand_plugins.recommendation.visits import PURCHASE, VIEW

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROWS = [
    {"user_id": "u1", "sku": "红 杯 01", "ts": "2026-01-02T10:00:00Z", "type": "view"},
    {"user_id": "u1", "sku": "B 2", "ts": "2026-01-01T10:00:00Z", "type": "purchase"},
    {"user_id": "u2", "sku": "红 杯 01", "ts": "2026-01-03T10:00:00Z", "type": "purchase"},
]


def as_csv(path: Path, *, head: str = "user_id,sku,ts,type", rows: list[str] | None = None) -> Path:
    lines = rows if rows is not None else [",".join(row.values()) for row in ROWS]
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "bom", "jsonl", "jsonl.gz", "parquet"])
def test_the_same_events_are_read_from_every_kind_of_file(tmp_path, kind):
    path = tmp_path / f"events.{'csv' if kind == 'bom' else kind}"
    if kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    elif kind.startswith("jsonl"):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
        path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    else:
        sign = "\t" if kind == "tsv" else ","
        text = "\n".join(sign.join(each) for each in [list(ROWS[0]), *(list(row.values()) for row in ROWS)])
        path.write_text(text, encoding="utf-8-sig" if kind == "bom" else "utf-8")

    shop = read_shop(path, now=NOW)

    assert [item.sku for item in shop.items] == ["红 杯 01", "B 2"]
    assert shop.events.shopper.tolist() == [0, 0, 1]
    assert shop.events.item.tolist() == [1, 0, 0]
    assert shop.events.kind.tolist() == [PURCHASE, VIEW, PURCHASE]
    cup = shop.items[0]
    assert (cup.shoppers, cup.first_seen, cup.last_seen) == (2, "2026-01-02", "2026-01-03")


def test_columns_may_be_named_by_hand(tmp_path):
    path = as_csv(tmp_path / "e.csv", head="who,what,when", rows=["7,A,2026-01-01"])

    with pytest.raises(InvalidInput, match="no column found for shopper, item, time; it has who, what, when"):
        read_shop(path)
    shop = read_shop(path, columns={"shopper": "who", "item": "what", "time": "when"}, now=NOW)

    assert len(shop.events) == 1


def test_a_named_column_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no column 'uid'"):
        read_shop(as_csv(tmp_path / "e.csv"), columns={"shopper": "uid"})


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path):
    rows = [
        "u1,A,2026-01-01,purchase,1",
        "u1,A,2026-01-01,purchase,1",
        ",A,2026-01-01,purchase,1",
        "u1,,2026-01-01,purchase,1",
        "u1,A,yesterday,purchase,1",
        "u1,A,2126-01-01,purchase,1",
        "u1,A,2026-01-01,purchase,-3",
        "u1,A,2026-01-01,dance,1",
        "u1,A,2026-01-01,search,1",
        "u1,POST,2026-01-01,purchase,1",
    ]
    path = as_csv(tmp_path / "e.csv", head="user_id,sku,ts,type,quantity", rows=rows)

    shop = read_shop(path, exclude=frozenset({"POST"}), now=NOW)

    assert len(shop.events) == 1
    assert dict(shop.dropped) == {
        "the same event again": 1,
        "no shopper": 1,
        "no item": 1,
        "no readable time": 1,
        "time in the future": 1,
        "quantity is not above zero (a return?)": 1,
        "unknown event type 'dance'": 1,
        "search (used when serving, not in training)": 1,
        "excluded item": 1,
    }
    assert shop.first_bad["no readable time"] == (6, "ts")


def test_lines_that_are_no_json_are_counted(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text(json.dumps(ROWS[0]) + '\n{"user_id": \n[1, 2]\n', encoding="utf-8")

    assert sum(read_shop(path, now=NOW).dropped.values()) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.csv", b""),
        ("e.csv", b"user_id,sku,ts\n"),
        ("e.csv", b"user_id,sku,ts\n\xff\xfe\xff,1,2\n"),
        ("e.xlsx", b"PK"),
        ("e.parquet", b"no"),
        ("e.jsonl.gz", b"not gzip"),
    ],
)
def test_a_file_without_events_is_refused_with_the_reason(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidInput, match=name.split(".")[0]):
        read_shop(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="is no file"):
        read_shop(tmp_path / "e.csv")


@pytest.mark.parametrize(
    "value",
    ["2026-01-02T10:00:00Z", "2026-01-02 10:00", "2026/01/02 10:00:00", "2026-01-02T18:00:00+08:00", 1767348000,
     "1767348000", 1767348000000.0, datetime(2026, 1, 2, 10)],  # noqa: DTZ001  # as Parquet gives it
)  # fmt: skip
def test_times_are_read_in_the_usual_ways(value):
    assert read_time(value) == datetime(2026, 1, 2, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("value", ["", None, "soon", "nan", "-5", float("inf"), "2026-13-45"])
def test_what_is_no_time_is_none(value):
    assert read_time(value) is None


def test_items_are_read_flat_or_as_products(tmp_path):
    flat = tmp_path / "items.csv"
    head = "id,title,product_type,price,availability"
    flat.write_text(f"{head}\n7,Kettle,Kitchen > Kettles,39.90 GBP,out of stock\n")
    nested = tmp_path / "items.jsonl"
    product = {
        "sku": "7",
        "name": "Kettle",
        "category": ["Kitchen", "Kettles"],
        "additionalProperty": {"power": "2 kW"},
        "offers": {"price": "39.90", "priceCurrency": "GBP", "availability": "OutOfStock"},
    }
    nested.write_text(json.dumps(product) + "\n")

    [one], [other] = read_items(flat, {})[0], read_items(nested, {})[0]

    for item in (one, other):
        assert (item.sku, item.name, item.category) == ("7", "Kettle", "Kitchen > Kettles")
        assert (item.price, item.currency, item.availability) == ("39.90", "GBP", "OutOfStock")
    assert other.text == "power 2 kW"


def test_the_last_word_on_an_item_counts(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("sku,name\nA,old\n,nameless\nA,new\n")

    items, dropped = read_items(path, {})

    assert [item.name for item in items] == ["new"]
    assert dict(dropped) == {"item listed twice": 1, "item without a sku": 1}
