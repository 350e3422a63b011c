"""Files of every kind give their rows back, and say what is wrong where they can't."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storehand.bulk.lines import rows_of_lines
from storehand.bulk.source import open_source
from storehand.bulk.tables import FIELD_MAX
from storehand.errors import InvalidInput, SettingsError

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('",;\t\n'), max_size=12)


def read(path, **options):
    return [dict(row.cells) for row in open_source(str(path), **options).rows()]


@QUICK
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), delimiter=st.sampled_from(",;\t|"))
def test_any_table_that_csv_can_write_is_read_back(tmp_path, rows, delimiter):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([("名称", "price", "note"), *rows])
    file = tmp_path / "t.csv"
    file.write_bytes(text.getvalue().encode())

    found = read(file, delimiter=delimiter)

    wanted = [row for row in rows if any(cell.strip() for cell in row)]
    assert [tuple(row.values()) for row in found] == wanted


@QUICK
@given(
    rows=st.lists(
        st.dictionaries(
            st.text(min_size=1, max_size=5), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.booleans())
        ),
        max_size=8,
    )
)
def test_objects_come_back_from_lines_and_from_a_list(tmp_path, rows):
    as_lines, as_list = tmp_path / "a.jsonl", tmp_path / "a.json"
    as_lines.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    as_list.write_text(json.dumps(rows, ensure_ascii=True, indent=1), encoding="utf-8")

    assert read(as_lines) == rows
    assert read(as_list) == rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    file = tmp_path / "t.csv"
    file.write_text(f"sku{delimiter}name\nA{delimiter}one, two; three\n", encoding="utf-8")

    assert open_source(str(file)).columns == ("sku", "name")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_encodings_of_spreadsheets_are_found(tmp_path, encoding):
    file = tmp_path / "t.csv"
    file.write_bytes("商品名称,颜色\n电热水壶（不锈钢）,白色\n".encode(encoding))

    assert read(file) == [{"商品名称": "电热水壶（不锈钢）", "颜色": "白色"}]


def test_western_text_is_not_taken_for_chinese(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("name,note\nCafé,très élégant\n".encode("cp1252"))

    with pytest.raises(InvalidInput, match="neither UTF-8 nor GB18030") as refused:
        open_source(str(file))

    assert "--encoding cp1252" in refused.value.details["advice"]
    assert read(file, encoding="cp1252") == [{"name": "Café", "note": "très élégant"}]


def test_gzip_is_unpacked(tmp_path):
    file = tmp_path / "t.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"name": "Cup"}\n'))

    assert read(file) == [{"name": "Cup"}]


def test_a_spreadsheet_is_refused_with_what_to_do(tmp_path):
    file = tmp_path / "products.csv"
    file.write_bytes(b"PK\x03\x04rest of a zip")

    with pytest.raises(InvalidInput, match="is a spreadsheet") as refused:
        open_source(str(file))

    assert "CSV UTF-8" in refused.value.details["advice"]


def test_a_row_with_too_many_cells_is_bad_and_the_next_one_is_not(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("sku,name\nA,Cup, blue\nB,Bowl\n", encoding="utf-8")

    bad, good = open_source(str(file)).rows()

    assert (bad.number, bad.line) == (1, 2)
    assert "has 3 cells, the header 2" in bad.problem.reason
    assert good.cells == {"sku": "B", "name": "Bowl"}


def test_line_numbers_are_those_of_an_editor(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('sku,name\nA,"Cup\nwith handle"\n\nB,Bowl\n', encoding="utf-8")

    assert [(row.number, row.line) for row in open_source(str(file)).rows()] == [(1, 2), (2, 5)]


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('sku,name\nA,Cup\nB,"Bowl\n' + "x" * (FIELD_MAX + 10), encoding="utf-8")

    with pytest.raises(InvalidInput, match=r"line 3: a quote is opened there and never closed"):
        list(open_source(str(file)).rows())


def test_equal_headers_are_numbered_and_nameless_columns_left_out(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("name,note,,note\nCup,1,2,3\n", encoding="utf-8")

    assert read(file) == [{"name": "Cup", "note": "1", "note.2": "3"}]


def test_a_line_that_is_no_json_is_one_bad_row():
    rows = list(rows_of_lines(['{"name": "Cup"}', "{broken", "[1]", "", '{"name": "Bowl"}']))

    assert [row.problem is None for row in rows] == [True, False, False, True]
    assert [row.line for row in rows] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    "document",
    [{"products": [{"name": "Cup"}]}, {"@graph": [{"name": "Cup"}]}, {"itemListElement": [{"item": {"name": "Cup"}}]}],
)
def test_lists_inside_of_an_object_are_found(tmp_path, document):
    file = tmp_path / "t.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    assert read(file) == [{"name": "Cup"}]


def test_parquet_is_read_in_batches(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="the extra `files` is not installed")
    from pyarrow import parquet

    file = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"name": ["杯", "Bowl"], "tags": [["a"], []]}), file)

    source = open_source(str(file))
    assert source.count() == 2
    assert [dict(row.cells) for row in source.rows()] == [{"name": "杯", "tags": ["a"]}, {"name": "Bowl", "tags": []}]


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    file = tmp_path / "t.parquet"
    file.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(SettingsError) as refused:
        open_source(str(file))

    assert "storehand[files]" in refused.value.details["advice"]


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path):
    import tracemalloc

    file = tmp_path / "t.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("sku,name\n")
        out.writelines(f"{number},Cup with a rather long name number {number}\n" for number in range(10_000))
    source = open_source(str(file))
    tracemalloc.start()
    count = sum(1 for _ in source.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 10_000
    assert peak < 2_000_000
