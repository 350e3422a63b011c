"""The demo counts honestly, shows what came, and sums up what the worker measured."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from storehand.contracts import (
    ChatOutput,
    DescriptionInput,
    DescriptionOutput,
    Product,
    RecommendationInput,
    RecommendationOutput,
    Review,
    SentimentInput,
    SentimentOutput,
)
from storehand_worker.demo.board import SERVING, TASKS, Board, percentile
from storehand_worker.demo.shop import Asked, fact_line
from storehand_worker.demo.summary import figures, metric_lines, show_summary
from storehand_worker.demo.view import LiveView, PlainView
from storehand_worker.demo.worker import Scrape

METRICS = """\
# TYPE storehand_jobs counter
storehand_jobs_total{code="ok",outcome="succeeded",task="description"} 2.0
# TYPE storehand_tokens counter
storehand_tokens_total{kind="output",model="starter/text"} 300.0
storehand_tokens_total{kind="wasted",model="starter/text"} 0.0
# TYPE storehand_batch_fill_ratio histogram
storehand_batch_fill_ratio_bucket{le="0.5",model="starter/text",phase="decode"} 1.0
storehand_batch_fill_ratio_bucket{le="+Inf",model="starter/text",phase="decode"} 4.0
storehand_batch_fill_ratio_count{model="starter/text",phase="decode"} 4.0
storehand_batch_fill_ratio_sum{model="starter/text",phase="decode"} 3.0
storehand_batch_fill_ratio_bucket{le="+Inf",model="starter/text",phase="prefill"} 4.0
storehand_batch_fill_ratio_count{model="starter/text",phase="prefill"} 4.0
storehand_batch_fill_ratio_sum{model="starter/text",phase="prefill"} 0.1
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


def chat(action="answer"):
    handoff = {"reasons": ["asked_for_human"], "queue": "general", "priority": "normal", "summary": "s"}
    return ChatOutput.model_validate(
        {
            "action": action,
            "reply": "七天内可以退货。",
            "citations": [{"knowledge_id": "returns", "start": 0, "end": 7, "quote": "七天内可以退货"}],
            "grounded": action == "answer",
            "confidence": 0.9,
            "intent": "returns",
            "sentiment": {"label": "neutral", "score": 0},
            "handoff": handoff if action == "handoff" else None,
            "disclosure": "d",
            "locale": "zh",
            "provenance": PROVENANCE,
            "usage": {},
        }
    )


def recommended(*names):
    items = [
        {"sku": name, "name": name, "rank": place, "score": 1, "source": "popular"}
        for place, name in enumerate(names, 1)
    ]
    return RecommendationOutput.model_validate(
        {"items": items, "personalised": True, "attribution_token": "t", "provenance": PROVENANCE, "usage": {}}
    )


def product(line):
    found = DescriptionInput(product=line)
    return Asked(found.product.language, fact_line(found.product), found)


def group(gold):
    reviews = tuple(Review(id=key, review_body=f"评价 {key}") for key in gold)
    return Asked("zh", "水壶", SentimentInput(reviews=reviews), gold)


TOTALS = {"chat": 2, "description": 2, "sentiment": 4, "recommendation": 1}


@pytest.fixture
def board():
    found = Board(totals=TOTALS)
    found.start()
    found.answered(product("水壶，1.7升"), description("一把水壶。"), 1.0)
    weak = description("A kettle.", coverage=0.5, claims=("number", "other"), locale="en")
    found.bulk_waiting = 3
    found.replied("zh", "可以退货吗", chat(), 0.05)
    found.replied("zh", "叫人来", chat("handoff"), 0.05)
    found.answered(product("Kettle"), weak, 3.0)
    found.answered(group({"a": "positive", "b": "negative"}), sentiment({"a": "positive", "b": "positive"}), 0.5)
    found.answered(Asked("en", "a camper", RecommendationInput()), recommended("Tent", "Bottle"), 0.1)
    found.scrape = Scrape(METRICS)
    found.end()
    return found


def test_the_figures_are_counted_from_answers_and_metrics(board):
    found = figures(board)

    assert {task: row["done"] for task, row in found["tasks"].items()} == {
        "chat": 2,
        "description": 2,
        "copy": 0,
        "sentiment": 2,
        "recommendation": 1,
    }
    assert found["attribute_coverage"] == 0.75
    assert found["unsupported_claims"] == 2
    assert (found["sentiment_accuracy"], found["sentiment_judged"]) == (0.5, 2)
    assert (found["chat_actions"], found["chat_grounded"]) == ({"answer": 1, "handoff": 1}, 1)
    assert (found["personalised"], found["bulk_waiting_at_chat"]) == (1, 3.0)
    assert found["batch_fill"] == {"starter/text": 0.75}
    assert found["tasks"]["description"]["p50_s"] == 2.0
    assert found["output_tokens_per_s"] == pytest.approx(300 / board.elapsed_s, rel=0.01)


def test_without_gold_labels_no_accuracy_is_claimed():
    board = Board(totals=TOTALS)

    board.answered(replace(group({"a": "positive"}), gold={}), sentiment({"a": "positive"}), 0.1)

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
        'storehand_batch_fill_ratio_count{model="starter/text",phase="decode"} 4.0',
        'storehand_batch_fill_ratio_sum{model="starter/text",phase="decode"} 3.0',
        'storehand_batch_fill_ratio_count{model="starter/text",phase="prefill"} 4.0',
        'storehand_batch_fill_ratio_sum{model="starter/text",phase="prefill"} 0.1',
    ]


def test_facts_fit_on_a_line_in_the_products_own_punctuation():
    named = {"容量": "1.7升", "保温": True}
    kettle = {"name": "水壶", "material": "钢", "additionalProperty": named, "positiveNotes": ["静音"]}

    assert fact_line(Product.model_validate(kettle)) == "水壶，钢，容量 1.7升，保温，静音"
    assert fact_line(Product.model_validate("Kettle, 1.7 L")) == "Kettle, 1.7 L"


@pytest.mark.parametrize(("values", "share", "expected"), [([], 0.5, None), ([4.0], 0.95, 4.0), ([1, 2, 3], 0.5, 2.0)])
def test_a_percentile_of_little_is_still_a_number(values, share, expected):
    assert percentile(values, share) == expected


def test_plain_lines_show_the_first_descriptions_and_every_chat():
    board, out = Board(totals=TOTALS), io.StringIO()
    board.start()
    view = PlainView(board, Console(file=out, width=200))

    for number in range(9):
        view.answered(board.answered(product(f"壶{number}"), description(f"第{number}把。"), 1.0))
        view.answered(board.replied("zh", f"问{number}", chat(), 0.1))

    assert out.getvalue().count("[description zh") == 3
    assert "第2把。" in out.getvalue()
    assert out.getvalue().count("七天内可以退货。") == 9
    assert "[answer; cites returns]" in out.getvalue()


def test_plain_lines_show_a_streamed_text_as_it_grows():
    board, out = Board(totals=TOTALS, stage=SERVING), io.StringIO()
    view = PlainView(board, Console(file=out, width=200))
    board.streamed_for = "壶，1.7升"
    for text in ("一把壶。", "一把壶。", "一把壶。能装1.7升。"):
        board.streamed = text
        view.tick()

    shown = [line.split("s  ")[1] for line in out.getvalue().splitlines() if line.startswith("  ")]
    assert shown == ["一把壶。", "能装1.7升。"]


@pytest.mark.parametrize("height", [24, 36, 60])
def test_the_live_screen_fits_and_shows_both_languages(height):
    board = Board(totals=dict.fromkeys(TASKS, 20))
    board.start()
    long_zh, long_en = "很长的描述，" * 40, "a long description " * 20
    for _ in range(10):
        board.replied("zh", "可以退货吗" * 20, chat(), 0.1)
        board.replied("en", "may I return it " * 20, chat(), 0.1)
        board.answered(product("壶，" + "特点" * 90), description(long_zh), 1.0)
        board.answered(product("Kettle"), description(long_en, locale="en"), 1.0)
        board.answered(group({"a": "positive"}), sentiment({"a": "positive"}), 0.1)
    out = io.StringIO()

    Console(file=out, width=80, height=height, force_terminal=True, color_system=None).print(LiveView(board))

    assert len(out.getvalue().splitlines()) <= height
    assert "English" in out.getvalue()
    assert "中文" in out.getvalue()
