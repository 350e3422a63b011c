"""What people type: durations and JSON."""

from __future__ import annotations

import io

import pytest
import typer

from storehand.cli.values import duration, parse_lines, parse_object, read_source
from storehand.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("45", 45), ("5m", 300), ("5 min", 300), ("1.5h", 5400), ("2D", 172_800)]
)
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5 weeks", "-3s", "0", "1h30m", "infs"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(typer.BadParameter, match="write 30s"):
        duration(text)


def test_input_comes_from_the_argument_a_file_or_stdin(tmp_path, monkeypatch):
    file = tmp_path / "壶.json"
    file.write_text('\ufeff{"product": "电热水壶"}', encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"from": "stdin"}'))

    assert read_source('{"a": 1}') == '{"a": 1}'
    assert parse_object(read_source(f"@{file}")) == {"product": "电热水壶"}
    assert parse_object(read_source("-")) == {"from": "stdin"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"can't read .*nothing\.json"):
        read_source(f"@{tmp_path}/nothing.json")


def test_broken_json_says_where_it_breaks():
    with pytest.raises(InvalidInput, match=r"not JSON.*line 2, column 3"):
        parse_object('{"product":\n  Kettle}')


@pytest.mark.parametrize(
    ("text", "kind"), [("[1]", "a list"), ('"x"', "a string"), ("3", "a number"), ("null", "null")]
)
def test_an_input_is_an_object(text, kind):
    with pytest.raises(InvalidInput, match=f"is {kind}, a task takes a JSON object"):
        parse_object(text)


def test_json_lines_name_the_line_that_is_wrong_and_skip_blank_ones():
    good = list(parse_lines('{"a": "one\u2028two"}\n\n{"a": "二"}\n'))

    assert good == [{"a": "one\u2028two"}, {"a": "二"}]
    with pytest.raises(InvalidInput, match="line 3 is not JSON"):
        list(parse_lines('{"a": 1}\n\n{oops}'))
