"""What the encoder engine promises beyond every engine's manners: transformers' own numbers, order, little padding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedTokenizerFast

from storehand.engine import Engine, EngineSpec, Result, TextsRequest
from storehand.errors import EngineError, InvalidInput, ModelNotAvailable
from storehand.task import Kind
from storehand_worker.engines import builtin_engines
from tests.contract.kits import Gate, failing_model
from tests.tiny_models import save_encoder, spec_of
from tests.waiting import until

torch.set_num_threads(1)
TEXTS = tuple(
    " ".join(
        ["warm", "bag", "轻便", "jacket", "usb-c", "好看", "light"][place * number % 7]
        for place in range(1 + number * 11 % 37)
    )
    for number in range(30)
)
LABELS = ("label 0", "label 1", "label 2")


@contextmanager
def running(spec: EngineSpec) -> Iterator[Engine]:
    engine = builtin_engines()["encoder"](spec)
    try:
        yield engine
    finally:
        if isinstance(spec.on_batch, Gate):
            spec.on_batch.open()
        engine.close(5)


def answer(folder: Path, kind: Kind, *, pairs: tuple[str, ...] | None = None, **binding: Any) -> Result:
    with running(spec_of(folder, kind=kind, **binding)) as engine:
        return engine.submit(TextsRequest(id="r", texts=TEXTS, pairs=pairs)).result(20)


def reference(folder: Path, auto_class: Any, pairs: tuple[str, ...] | None = None) -> list[Any]:
    """The model's own output for each text alone, and its mask."""
    tokenizer, model = PreTrainedTokenizerFast.from_pretrained(folder), auto_class.from_pretrained(folder).eval()
    outputs = []
    with torch.inference_mode():
        for number, text in enumerate(TEXTS):
            outputs.append(
                model(
                    **tokenizer(text, pairs[number] if pairs else None, return_tensors="pt", return_token_type_ids=True)
                )
            )
    return outputs


def test_classes_are_those_of_the_model_for_each_text_alone_in_the_order_of_the_request(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path)
    expected = [
        output.logits[0].softmax(-1).tolist() for output in reference(folder, AutoModelForSequenceClassification)
    ]

    result = answer(folder, "classify", batch_tokens=64)

    assert len(result.classifications) == len(TEXTS)
    for classification, numbers in zip(result.classifications, expected, strict=True):
        assert tuple(classification.scores) == LABELS
        assert list(classification.scores.values()) == pytest.approx(numbers, abs=1e-5)
        assert sum(classification.scores.values()) == pytest.approx(1)
    assert len({each.label for each in result.classifications}) > 1


@pytest.mark.parametrize(("pooling", "config"), [
    ("mean", None),
    ("mean", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}),
    ("cls", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}),
    ("max", {"pooling_mode_max_tokens": True}),
    ("last", {"pooling_mode_lasttoken": True}),
])  # fmt: skip
def test_vectors_have_unit_length_and_are_pooled_as_the_folder_says(
    tmp_path: Path, pooling: str, config: dict[str, bool] | None
) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    if config is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    pool = {"mean": lambda h: h.mean(0), "cls": lambda h: h[0], "max": lambda h: h.amax(0), "last": lambda h: h[-1]}[
        pooling
    ]
    hidden = [pool(output.last_hidden_state[0]) for output in reference(folder, AutoModel)]

    result = answer(folder, "encode")

    for vector, raw in zip(result.vectors, hidden, strict=True):
        assert vector == pytest.approx((raw / raw.norm()).tolist(), abs=1e-5)


@pytest.mark.parametrize(("labels", "activation"), [(1, "Sigmoid"), (1, "Identity"), (2, "softmax")])
def test_scores_are_the_cross_encoder_s(tmp_path: Path, labels: int, activation: str) -> None:
    extra = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}
    folder = save_encoder(tmp_path, kind="score", labels=labels, **(extra if activation == "Identity" else {}))
    pairs = tuple(reversed(TEXTS))
    logits = [output.logits[0] for output in reference(folder, AutoModelForSequenceClassification, pairs)]
    expected = {
        "Sigmoid": lambda row: row.sigmoid()[0],
        "Identity": lambda row: row[0],
        "softmax": lambda row: row.softmax(-1)[1],
    }[activation]

    result = answer(folder, "score", pairs=pairs)

    assert result.scores == pytest.approx([float(expected(row)) for row in logits], abs=1e-5)


def test_batches_of_like_length_stay_within_the_budget_and_hardly_pad(tmp_path: Path) -> None:
    gate = Gate()
    gate.close()
    folder = save_encoder(tmp_path)
    with running(replace(spec_of(folder, kind="classify", batch_tokens=128), on_batch=gate)) as engine:
        engine.submit(TextsRequest(id="plug", texts=("bag",)))
        until(lambda: gate.reports)
        futures = [engine.submit(TextsRequest(id=f"{number}", texts=(text,))) for number, text in enumerate(TEXTS)]
        gate.open()
        for future in futures:
            future.result(10)

    batches = gate.reports[1:]
    assert all(report.tokens + report.padding_tokens <= 128 for report in batches)
    assert sum(report.items for report in batches) == len(TEXTS)
    assert sum(report.padding_tokens for report in batches) < 0.15 * sum(report.tokens for report in batches)
    assert gate.reports[0].fill == gate.reports[0].tokens / 128 < 0.1  # one short text
    assert max(report.fill or 0 for report in batches) > 0.5


def test_a_text_that_the_model_fails_on_fails_its_request_and_no_other(tmp_path: Path) -> None:
    gate = Gate()
    gate.close()
    folder = save_encoder(tmp_path)
    ids = PreTrainedTokenizerFast.from_pretrained(folder)("zip zip", add_special_tokens=False)["input_ids"]
    with (
        running(replace(spec_of(folder, kind="classify"), on_batch=gate)) as engine,
        failing_model(ids, RuntimeError("a kernel said no")) as hits,
    ):
        engine.submit(TextsRequest(id="plug", texts=("bag",)))
        until(lambda: gate.reports)
        good = engine.submit(TextsRequest(id="good", texts=TEXTS[:9]))
        bad = engine.submit(TextsRequest(id="bad", texts=(*TEXTS[:4], "zip zip", *TEXTS[4:8])))
        gate.open()

        assert isinstance(bad.exception(10), EngineError)
        assert len(good.result(10).classifications) == 9

    assert len(hits) > 1  # it failed in company first


def test_a_long_text_is_judged_by_its_beginning_with_its_special_tokens(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        inputs = tokenizer("bag " * 90, return_tensors="pt", truncation=True, max_length=32)
        expected = model(**inputs).logits[0].softmax(-1).tolist()

    with running(spec_of(folder, kind="classify", max_tokens=32)) as engine:
        result = engine.submit(TextsRequest(id="r", texts=("bag " * 90,))).result(10)

    assert list(result.classifications[0].scores.values()) == pytest.approx(expected, abs=1e-5)
    assert result.prompt_tokens == 32


def test_a_long_text_is_refused_where_nobody_would_notice_the_cut(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    with (
        running(spec_of(folder, kind="encode", max_tokens=32)) as engine,
        pytest.raises(InvalidInput, match="over the 32"),
    ):
        engine.submit(TextsRequest(id="r", texts=("bag " * 90,)))


@pytest.mark.parametrize(("kind", "labels"), [("classify", 1), ("score", 3)])
def test_a_head_that_does_not_fit_the_kind_is_refused(tmp_path: Path, kind: Kind, labels: int) -> None:
    folder = save_encoder(tmp_path, kind=kind, labels=labels)
    with pytest.raises(ModelNotAvailable, match="label"):
        builtin_engines()["encoder"](spec_of(folder, kind=kind))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1_Pooling/config.json", {"pooling_mode_attention": True}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "include_prompt": False}),
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"}, {"type": "x.WordWeights"}]),
    ],
)
def test_a_pooling_this_engine_can_t_do_is_refused(tmp_path: Path, name: str, content: Any) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(ModelNotAvailable):
        builtin_engines()["encoder"](spec_of(folder, kind="encode"))
