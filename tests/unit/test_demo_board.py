"""The demo counts honestly, shows what came, and sums up what the worker measured."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from storehand.contracts import DescriptionInput, DescriptionOutput, Review, SentimentInput, SentimentOutput
from storehand_worker.demo_board import SERVING, Board, fact_line, percentile
from storehand_worker.demo_data import ReviewGroup
from storehand_worker.demo_summary import figures, metric_lines, show_summary
from storehand_worker.demo_view import LiveView, PlainView
from storehand_worker.demo_worker import Scrape

METRICS = """\
# TYPE storehand_jobs counter
storehand_jobs_total{code="ok",outcome="succeeded",task="description"} 2.0
# TYPE storehand_tokens counter
storehand_tokens_total{kind="output",model="starter/text"} 300.0
storehand_tokens_total{kind="wasted",model="starter/text"} 0.0
# TYPE storehand_batch_fill_ratio histogram
storehand_batch_fill_ratio_bucket{le="0.5",model="starter/text"} 1.0
storehand_batch_fill_ratio_bucket{le="+Inf",model="starter/text"} 4.0
storehand_batch_fill_ratio_count{model="starter/text"} 4.0
storehand_batch_fill_ratio_sum{model="starter/text"} 3.0
"""
PROVENANCE = {"model": "m", "plugin": "p", "plugin_version": "1", "written_by": "model"}


def description(text, *, coverage=1.0, claims=(), locale="zh"):
    variant = {
        "title": "t",
        "description": text,
        "written_by": "model",
        "attribute_coverage": coverage,
        "unsupported_claims": [{"text": "9", "field": "title", "start": 0, "end": 1, "kind": kind} for kind in claims],
    }
    return DescriptionOutput.model_validate(
        {"locale": locale, "variants": [variant], "chosen": 0, "provenance": PROVENANCE, "usage": {}}
    )


def sentiment(labels):
    reviews = [{"id": key, "label": label, "score": 0.5, "confidence": 0.9} for key, label in labels.items()]
    overall = {"label": "positive", "score": 0.5, "distribution": {"positive": len(labels)}, "n": len(labels)}
    return SentimentOutput.model_validate(
        {"overall": overall, "reviews": reviews, "provenance": {**PROVENANCE, "written_by": "classifier"}, "usage": {}}
    )


def group(gold):
    reviews = tuple(Review(id=key, review_body=f"评价 {key}") for key in gold)
    return ReviewGroup("水壶", "zh", SentimentInput(reviews=reviews), gold)


@pytest.fixture
def board():
    found = Board(products=2, reviews=4)
    found.start()
    found.described_one(DescriptionInput(product="水壶，1.7升"), description("一把水壶。"), 1.0)
    weak = description("A kettle.", coverage=0.5, claims=("number", "other"), locale="en")
    found.described_one(DescriptionInput(product="Kettle"), weak, 3.0)
    found.rated_group(group({"a": "positive", "b": "negative"}), sentiment({"a": "positive", "b": "positive"}), 0.5)
    found.scrape = Scrape(METRICS)
    found.end()
    return found


def test_the_figures_are_counted_from_answers_and_metrics(board):
    found = figures(board)

    assert (found["descriptions"], found["reviews"], found["written_by_model"]) == (2, 2, 2)
    assert found["attribute_coverage"] == 0.75
    assert found["invented_numbers"] == 1
    assert (found["sentiment_accuracy"], found["sentiment_judged"]) == (0.5, 2)
    assert found["batch_fill"] == {"starter/text": 0.75}
    assert found["latency_s"]["description"]["p50"] == 2.0
    assert found["output_tokens_per_s"] == pytest.approx(300 / board.elapsed_s, rel=0.01)


def test_without_gold_labels_no_accuracy_is_claimed():
    board = Board(products=0, reviews=1)
    unlabelled = replace(group({"a": "positive"}), gold={})

    board.rated_group(unlabelled, sentiment({"a": "positive"}), 0.1)

    assert figures(board)["sentiment_accuracy"] is None


def test_a_failure_is_in_the_figures_and_on_the_last_page(board):
    board.failed("description 17", "poison", "it took its worker down")
    out = io.StringIO()

    show_summary(board, Console(file=out, width=120), metrics_url="http://x/metrics", data_dir="/d")

    assert figures(board)["failures"] == ["description 17: poison: it took its worker down"]
    assert "✗ description 17: poison" in out.getvalue()


def test_the_last_page_says_how_prometheus_sees_it_and_leaves_zeros_out(board):
    assert metric_lines(board) == [
        'storehand_jobs_total{code="ok",outcome="succeeded",task="description"} 2.0',
        'storehand_tokens_total{kind="output",model="starter/text"} 300.0',
        'storehand_batch_fill_ratio_count{model="starter/text"} 4.0',
        'storehand_batch_fill_ratio_sum{model="starter/text"} 3.0',
    ]


def test_facts_fit_on_a_line_in_the_products_own_punctuation():
    named = {"容量": "1.7升", "保温": True}
    product = {"name": "水壶", "material": "钢", "additionalProperty": named, "positiveNotes": ["静音"]}

    assert fact_line(DescriptionInput.model_validate({"product": product})) == "水壶，钢，容量 1.7升，保温，静音"
    assert fact_line(DescriptionInput(product="Kettle, 1.7 L")) == "Kettle, 1.7 L"


@pytest.mark.parametrize(("values", "share", "expected"), [([], 0.5, None), ([4.0], 0.95, 4.0), ([1, 2, 3], 0.5, 2.0)])
def test_a_percentile_of_little_is_still_a_number(values, share, expected):
    assert percentile(values, share) == expected


def test_plain_lines_show_the_first_answers_and_count_the_others():
    board, out = Board(products=9, reviews=0), io.StringIO()
    board.start()
    view = PlainView(board, Console(file=out, width=200))

    for number in range(9):
        view.answered(board.described_one(DescriptionInput(product=f"壶{number}"), description(f"第{number}把。"), 1.0))

    assert out.getvalue().count("[description zh") == 4
    assert "第3把。" in out.getvalue()


def test_plain_lines_show_a_streamed_text_as_it_grows():
    board, out = Board(products=1, reviews=0, stage=SERVING), io.StringIO()
    view = PlainView(board, Console(file=out, width=200))
    board.streamed_for = "壶，1.7升"
    for text in ("一把壶。", "一把壶。", "一把壶。能装1.7升。"):
        board.streamed = text
        view.tick()

    shown = [line.split("s  ")[1] for line in out.getvalue().splitlines() if line.startswith("  ")]
    assert shown == ["一把壶。", "能装1.7升。"]


@pytest.mark.parametrize("height", [24, 36, 60])
def test_the_live_screen_fits_and_shows_both_languages(height):
    board = Board(products=20, reviews=20)
    board.start()
    long_zh, long_en = "很长的描述，" * 40, "a long description " * 20
    for _ in range(10):
        board.described_one(DescriptionInput(product="壶，" + "特点" * 90), description(long_zh), 1.0)
        board.described_one(DescriptionInput(product="Kettle"), description(long_en, locale="en"), 1.0)
        board.rated_group(group({"a": "positive"}), sentiment({"a": "positive"}), 0.1)
    out = io.StringIO()

    Console(file=out, width=80, height=height, force_terminal=True, color_system=None).print(LiveView(board))

    assert len(out.getvalue().splitlines()) <= height
    assert "English" in out.getvalue()
    assert "中文" in out.getvalue()
