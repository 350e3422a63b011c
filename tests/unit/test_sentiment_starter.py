"""How the bundled review classifier comes about: grammar, vocabulary, data and a very short training."""

from __future__ import annotations

import csv
import gzip
import io
import random
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console
from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

from storehand_plugins.starter import train_sentiment
from storehand_plugins.starter.sentiment_data import (
    Example,
    Measured,
    has_training_sets,
    measured_sets,
    training_examples,
)
from storehand_plugins.starter.sentiment_evaluation import figures, probabilities
from storehand_plugins.starter.sentiment_grammar import (
    COMMON_HAN,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    Language,
    ReviewGrammar,
    phrases,
)
from storehand_plugins.starter.sentiment_tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer([], max_tokens=256)


def reviews(language: Language, seed: int, count: int) -> list[tuple[str, int]]:
    grammar = ReviewGrammar(language, random.Random(seed))
    return [grammar.example() for _ in range(count)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_seed_writes_the_same_reviews_and_another_seed_others(language: Language) -> None:
    assert reviews(language, 1, 50) == reviews(language, 1, 50)
    assert reviews(language, 1, 50) != reviews(language, 2, 50)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_grammar_writes_all_labels_and_leaves_no_slot_open(language: Language) -> None:
    found = reviews(language, 3, 600)

    assert {label for _, label in found} == {NEGATIVE, NEUTRAL, POSITIVE}
    assert all(text.strip() for text, _ in found)
    assert not [text for text, _ in found if re.search(r"[{}]", text)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_phrase_is_both_praise_and_blame(language: Language) -> None:
    words = phrases(language).words
    topics = phrases(language).topics

    assert not set(words["praise"]) & set(words["blame"])
    assert not set(words["virtues"]) & set(words["faults"])
    for topic in topics:
        assert not {*topic.plus, *topic.good} & {*topic.minus, *topic.bad}


def test_every_everyday_character_is_a_token_of_its_own(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(COMMON_HAN) == 3755
    assert [tokenizer.tokenize(char) for char in COMMON_HAN] == [[char] for char in COMMON_HAN]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("GOOD\u200b\x00好", ["good", "好"]),
        ("好👍👍！！", ["好", "👍", "👍", "!", "!"]),
        ("ＡＢＣ很好", ["很", "好"]),
        ("质量不好", ["质", "量", "不", "##好"]),
        ("10天", ["1", "0", "天"]),
    ],
)
def test_signs_stand_alone_and_invisible_ones_vanish(
    tokenizer: PreTrainedTokenizerFast, text: str, tokens: list[str]
) -> None:
    assert tokenizer.tokenize(text)[-len(tokens) :] == tokens


def write_set(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())


def test_what_is_measured_on_is_never_trained_on(tmp_path: Path) -> None:
    for part, names in (
        ("sentiment_en", ("womens_clothing", "uci_sentences", "amazon_polarity", "sst2")),
        ("sentiment_zh", ("online_shopping", "waimai", "hotel", "eprstmt")),
    ):
        for name in names:
            rows = [{"label": str(n % 2), "title": "", "text": f"{name} review {n}"} for n in range(100)]
            write_set(tmp_path / part, name, rows)

    trained = {example.text for example in training_examples(tmp_path)}
    measured = {row.text for each in measured_sets(tmp_path, most=50, half=1) for row in each.examples}

    assert len(trained) > 150
    assert len(measured) > 200
    assert not trained & measured
    assert not [text for text in trained if not text.startswith(("womens_clothing", "uci_sentences"))]


def test_a_folder_without_the_free_sets_is_recognised(tmp_path: Path) -> None:
    assert not has_training_sets(tmp_path)


def test_figures_leave_neutral_out_where_a_set_has_none() -> None:
    measured = Measured("two", (Example("a", NEGATIVE), Example("b", POSITIVE), Example("c", POSITIVE)))
    found = torch.tensor([[0.4, 0.5, 0.1], [0.1, 0.5, 0.4], [0.4, 0.3, 0.3]])

    row = figures(measured, found)

    assert (row.n, row.classes) == (3, 2)
    assert row.accuracy == pytest.approx(2 / 3)
    assert row.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_a_training_without_data_saves_a_classifier_that_loads(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_sentiment, "CHUNK", 200)
    torch.manual_seed(1)
    model = train_sentiment.new_model(tokenizer)
    console = Console(file=io.StringIO())

    seen = train_sentiment.train(model, tokenizer, [], minutes=0.02, seed=1, console=console)
    train_sentiment.save(model, tokenizer, tmp_path)

    loaded = BertForSequenceClassification.from_pretrained(tmp_path, dtype=torch.float32)
    found = probabilities(
        loaded, PreTrainedTokenizerFast.from_pretrained(tmp_path), ["好", "bad " * 900], max_tokens=256
    )
    assert seen > 0
    assert loaded.config.id2label == {0: "negative", 1: "neutral", 2: "positive"}
    assert found.sum(-1).tolist() == pytest.approx([1, 1])
    assert (tmp_path / "model.safetensors").stat().st_size < 6_000_000
