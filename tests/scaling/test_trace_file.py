"""Traces from CSV files, told by their headers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from storehand.errors import InvalidInput
from storehand.job import Priority
from storehand_worker.simulate.trace_file import read_trace


def trace(folder: Path, text: str) -> Path:
    file = folder / "trace.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_azure_trace_is_read_as_published(tmp_path: Path) -> None:
    file = trace(
        tmp_path,
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.5000000,4000,33\n2023-11-16 18:15:50.7500000,0,66\n",
    )

    read = read_trace(file)

    assert [ask.at_s for ask in read.asks] == [0.0, 4.25]
    assert [ask.work_s for ask in read.asks] == pytest.approx([2.0, 2.0])
    assert {ask.priority for ask in read.asks} == {Priority.INTERACTIVE}


def test_burstgpt_is_read_as_published_without_its_failed_calls(tmp_path: Path) -> None:
    file = trace(
        tmp_path,
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,0,33,33,Conversation log\n9,ChatGPT,500,0,500,Conversation log\n45,GPT-4,0,330,330,API log\n",
    )

    read = read_trace(file, size=0.5)

    assert [(ask.at_s, ask.work_s) for ask in read.asks] == [(0.0, pytest.approx(0.5)), (40.0, pytest.approx(5.0))]


def test_a_plain_list_of_times_may_say_more(tmp_path: Path) -> None:
    file = trace(tmp_path, "at,priority,task,service_s\n20,bulk,copy,3\n10,interactive,chat,1.5\n")

    assert [(ask.at_s, ask.priority, ask.task, ask.work_s) for ask in read_trace(file).asks] == [
        (0.0, Priority.INTERACTIVE, "chat", 1.5),
        (10.0, Priority.BULK, "copy", 3.0),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when\n1\n", "no column of times"),
        ("at\n1\nsoon\n", "line 3"),
        ("at\n1\ninf\n", "line 3: 'inf' is no time"),
        ("at,note\n1," + "x" * 200_000 + "\n", "field larger than"),
        ("at,priority\n1,urgent\n", "line 2"),
        ("at\n", "no rows"),
    ],
)
def test_what_can_t_be_read_is_named(tmp_path: Path, request: pytest.FixtureRequest, text: str, words: str) -> None:
    before = csv.field_size_limit(131_072)  # of the process: bulk files raise it
    request.addfinalizer(lambda: csv.field_size_limit(before))
    with pytest.raises(InvalidInput, match=words):
        read_trace(trace(tmp_path, text))
