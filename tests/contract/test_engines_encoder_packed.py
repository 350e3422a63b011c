"""Packed rows: every family's answers are those it gives alone, in whichever way they are computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from storehand.engine import BatchReport, TextsRequest
from storehand.task import Kind
from storehand_worker.engines.encoder_model import RECTANGLES, Encoded, EncoderModel, Way
from tests.contract.kits import Gate
from tests.contract.test_engines_encoder import TEXTS, running
from tests.tiny_models import save_encoder, save_text_model, spec_of
from tests.waiting import until

torch.set_num_threads(1)
LENGTHS = (5, 60, 3, 60, 17, 5, 1)


def rows_of(model: EncoderModel, *, segments: bool) -> list[Encoded]:
    dice = torch.Generator().manual_seed(1)
    return [
        Encoded(
            torch.randint(4, model.vocabulary, (length,), generator=dice).tolist(),
            [int(segments and place > length // 2) for place in range(length)],
        )
        for length in LENGTHS
    ]


def alone(folder: Path, kind: Kind, row: Encoded) -> list[float]:
    """What transformers itself says to one row."""
    auto: Any = AutoModel if kind == "encode" else AutoModelForSequenceClassification
    model = auto.from_pretrained(folder).eval()
    inputs = {"input_ids": torch.tensor([row.ids])}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = torch.tensor([row.segments])
    with torch.inference_mode():
        output = model(**inputs)
        if kind == "classify":
            return output.logits[0].softmax(-1).tolist()
        return torch.nn.functional.normalize(output.last_hidden_state[0].mean(0), dim=0).tolist()


@pytest.mark.parametrize(
    ("family", "kind", "way", "shape"),
    [
        ("bert", "encode", Way(), {}),
        ("bert", "classify", Way(is_first_only=True), {}),
        ("roberta", "classify", Way(is_first_only=True), {}),
        ("xlm-roberta", "encode", Way(), {}),
        ("electra", "classify", Way(is_first_only=True), {}),
        ("distilbert", "classify", Way(), {}),
        ("albert", "classify", Way(), {}),
        ("modernbert", "encode", Way(), {}),
        ("modernbert", "classify", Way(), {"classifier_pooling": "mean"}),
        ("modernbert", "classify", Way(), {"classifier_pooling": "cls"}),
        ("deberta-v2", "classify", RECTANGLES, {}),
        ("mpnet", "encode", RECTANGLES, {}),
    ],
)
def test_a_row_gets_the_same_answer_in_company_as_alone(
    family: str, kind: Kind, way: Way, shape: dict[str, Any], tmp_path: Path
) -> None:
    model = EncoderModel(spec_of(save_encoder(tmp_path, kind=kind, family=family, **shape), kind=kind))
    rows = rows_of(model, segments=family == "bert")

    answers = model.run(rows, pad_id=0)

    assert model.way == way
    for row, answer in zip(rows, answers, strict=True):
        assert answer == pytest.approx(alone(tmp_path, kind, row), abs=1e-5)
    assert answers[0] != pytest.approx(answers[1], abs=1e-3)


def test_a_vector_that_is_the_first_token_s_costs_no_more_of_the_last_layer(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode", pooling="cls_token")
    model = EncoderModel(spec_of(folder, kind="encode"))
    rows = rows_of(model, segments=True)
    answers = model.run(rows, pad_id=0)
    assert model.way == Way(is_first_only=True)

    padded = EncoderModel(spec_of(folder, kind="encode", options={"packed": False}))

    assert padded.way == RECTANGLES
    for left, right in zip(answers, padded.run(rows, pad_id=0), strict=True):
        assert left == pytest.approx(right, abs=1e-5)


def test_a_decoder_that_embeds_looks_back_only(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family="mistral", sliding_window=16)
    model = EncoderModel(spec_of(folder, kind="encode"))
    rows = rows_of(model, segments=False)

    answers = model.run(rows, pad_id=0)

    assert model.way == Way()
    for row, answer in zip(rows, answers, strict=True):
        assert answer == pytest.approx(alone(folder, "encode", row), abs=1e-5)


def test_packed_batches_have_no_padding_and_stay_within_the_budget(tmp_path: Path) -> None:
    gate = Gate()
    gate.close()
    reports: list[BatchReport] = gate.reports
    folder = save_encoder(tmp_path)
    spec = spec_of(folder, kind="classify", batch_tokens=128)
    with running(replace(spec, on_batch=gate)) as engine:
        engine.submit(TextsRequest(id="plug", texts=("bag",)))
        until(lambda: reports)
        futures = [engine.submit(TextsRequest(id=f"{number}", texts=(text,))) for number, text in enumerate(TEXTS)]
        gate.open()
        for future in futures:
            future.result(10)

    batches = reports[1:]
    assert sum(report.items for report in batches) == len(TEXTS)
    assert all(report.padding_tokens == 0 and report.tokens <= 128 for report in batches)
    assert sum(report.tokens for report in batches[:-1]) >= 0.8 * 128 * (len(batches) - 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_on_cuda_a_row_gets_the_same_answer_in_company_as_alone(dtype: str, tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, hidden_size=256, num_attention_heads=4)
    model = EncoderModel(spec_of(folder, kind="classify", device="cuda", dtype=dtype))
    rows = rows_of(model, segments=True)

    answers = model.run(rows, pad_id=0)

    assert model.way.is_packed
    assert model.way.is_varlen == (dtype == "bfloat16")
    for row, answer in zip(rows, answers, strict=True):
        assert answer == pytest.approx(model.run([row], pad_id=0)[0], abs=1e-5 if dtype == "float32" else 0.05)
