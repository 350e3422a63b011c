"""What an encoder makes of long texts, prompts and the steps behind its pooling, held against transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedTokenizerFast

from storehand.engine import Result, TextsRequest
from storehand.errors import InvalidInput, SettingsError
from storehand.task import Kind
from storehand_worker.engines import builtin_engines
from tests.contract.test_engines_encoder import running
from tests.tiny_models import save_encoder, spec_of

torch.set_num_threads(1)
LONG = " ".join(["warm", "bag", "jacket", "light", "轻便"][place * place % 5] for place in range(70))


def ask(folder: Path, kind: Kind, *texts: str, prompt: str = "", pairs: Any = None, **binding: Any) -> Result:
    with running(spec_of(folder, kind=kind, **binding)) as engine:
        return engine.submit(TextsRequest(id="r", texts=texts, pairs=pairs, prompt=prompt)).result(10)


def output(folder: Path, auto: Any, ids: list[int]) -> Any:
    with torch.inference_mode():
        return auto.from_pretrained(folder).eval()(input_ids=torch.tensor([ids]))


def unit(vector: torch.Tensor) -> list[float]:
    numbers: list[float] = torch.nn.functional.normalize(vector, dim=-1).tolist()
    return numbers


def windows(folder: Path, size: int, overlap: int) -> list[list[int]]:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    found: list[list[int]] = tokenizer(
        LONG, max_length=size, truncation=True, stride=overlap, return_overflowing_tokens=True
    )["input_ids"]
    assert len(found) > 2
    return found


def test_a_chunked_text_is_the_mean_of_its_windows_by_tokens(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    pieces = windows(folder, 32, 4)
    vectors = [output(folder, AutoModel, ids).last_hidden_state[0].mean(0) for ids in pieces]
    mean = sum(len(ids) * torch.tensor(unit(vector)) for ids, vector in zip(pieces, vectors, strict=True))

    result = ask(folder, "encode", "bag", LONG, max_tokens=32, options={"long_texts": "chunk"})

    assert len(result.vectors) == 2
    assert result.vectors[1] == pytest.approx(unit(torch.as_tensor(mean)), abs=1e-5)
    assert result.vectors[0] == ask(folder, "encode", "bag").vectors[0]


def test_the_classes_of_a_chunked_text_are_the_mean_of_its_windows_and_nothing_is_cut(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path)
    pieces = windows(folder, 32, 4)
    shares = [output(folder, AutoModelForSequenceClassification, ids).logits[0].softmax(-1) for ids in pieces]
    total = sum(map(len, pieces))
    mean = sum(len(ids) / total * each for ids, each in zip(pieces, shares, strict=True))

    [found] = ask(folder, "classify", LONG, max_tokens=32, options={"long_texts": "chunk"}).classifications

    assert list(found.scores.values()) == pytest.approx(torch.as_tensor(mean).tolist(), abs=1e-5)
    assert not found.truncated


def test_a_cut_vector_is_that_of_the_beginning(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    first = windows(folder, 32, 0)[0]

    [vector] = ask(folder, "encode", LONG, max_tokens=32, options={"long_texts": "cut"}).vectors

    assert vector == pytest.approx(unit(output(folder, AutoModel, first).last_hidden_state[0].mean(0)), abs=1e-5)


def test_of_a_pair_that_is_cut_the_longer_text_gives_way(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="score", labels=1)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    whole = len(tokenizer("bag", LONG)["input_ids"])
    kept = tokenizer("bag", LONG, truncation=True, max_length=32)["input_ids"]
    assert len(kept) == 32 < whole

    result = ask(folder, "score", "bag", pairs=(LONG,), max_tokens=32, options={"long_texts": "cut"})

    assert result.prompt_tokens == 32
    other = ask(folder, "score", "bag", pairs=(tokenizer.decode(kept[3:-1]),), max_tokens=32)
    assert result.scores == pytest.approx(other.scores, abs=1e-5)


@pytest.mark.parametrize(("kind", "policy"), [("classify", "refuse"), ("encode", "refuse"), ("score", "refuse")])
def test_a_refused_text_is_invalid(kind: Kind, policy: str, tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind=kind, labels=1 if kind == "score" else 3)
    with pytest.raises(InvalidInput, match="over the 32"):
        ask(
            folder, kind, LONG, pairs=("bag",) if kind == "score" else None, max_tokens=32,
            options={"long_texts": policy},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"),
    [("encode", {"long_texts": "hide"}), ("score", {"long_texts": "chunk"}), ("encode", {"prompts": "query: "})],
)
def test_options_that_make_no_sense_stop_the_start(kind: Kind, options: dict[str, Any], tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind=kind, labels=1)
    with pytest.raises(SettingsError):
        builtin_engines()["encoder"](spec_of(folder, kind=kind, options=options))


@pytest.mark.parametrize(
    ("prompt", "prefix"),
    [("query", "warm: "), ("passage", "light: "), ("document", "light: "), ("", "bag "), ("poem", "")],
)
def test_a_prompt_of_the_model_goes_before_the_text(prompt: str, prefix: str, tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    plain = ask(folder, "encode", f"{prefix}jacket", "jacket").vectors
    prompts = {"query": "warm: ", "document": "light: ", "usual": "bag "}
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": prompts, "default_prompt_name": "usual"})
    )

    [vector] = ask(folder, "encode", "jacket", prompt=prompt).vectors

    assert vector == pytest.approx(plain[0], abs=1e-6)
    assert prefix == "" or vector != pytest.approx(plain[1], abs=1e-3)


@pytest.mark.parametrize(
    ("config", "pool"),
    [
        ({"pooling_mode_mean_sqrt_len_tokens": True}, lambda h: h.sum(0)),
        ({"pooling_mode_weightedmean_tokens": True}, lambda h: torch.arange(1.0, len(h) + 1) @ h),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, lambda h: torch.cat([h[0], h.mean(0)])),
        ({"pooling_mode": "lasttoken"}, lambda h: h[-1]),
    ],
)  # fmt: skip
def test_rarer_poolings_and_several_side_by_side(
    config: dict[str, Any], pool: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path
) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    ids = PreTrainedTokenizerFast.from_pretrained(folder)("a warm light bag")["input_ids"]

    [vector, _] = ask(folder, "encode", "a warm light bag", LONG).vectors

    assert vector == pytest.approx(unit(pool(output(folder, AutoModel, ids).last_hidden_state[0])), abs=1e-5)


def test_a_dense_layer_behind_the_pooling_is_computed(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode", pooling="mean_tokens")
    steps = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"), ("Normalize", "3_Normalize")]
    modules = [{"type": f"sentence_transformers.models.{step}", "path": path} for step, path in steps]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    dense = torch.nn.Linear(32, 8)
    activation = {"activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(activation))
    save_file(
        {f"linear.{name}": value for name, value in dense.state_dict().items()},
        folder / "2_Dense" / "model.safetensors",
    )
    ids = PreTrainedTokenizerFast.from_pretrained(folder)("warm bag")["input_ids"]
    with torch.inference_mode():
        expected = dense(output(folder, AutoModel, ids).last_hidden_state[0].mean(0)).tanh()

    [vector] = ask(folder, "encode", "warm bag").vectors

    assert vector == pytest.approx(unit(expected), abs=1e-5)
