"""Models that shops bring: every class the engines run is held against transformers itself; the others are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, BertTokenizerFast

from storehand.engine import TextsRequest
from storehand.errors import InvalidInput, ModelNotAvailable, SettingsError
from storehand.task import Message
from storehand_worker.engines import builtin_engines
from tests.contract.test_engines_encoder import LABELS, answer
from tests.contract.test_engines_encoder import reference as encoder_reference
from tests.contract.test_engines_text import ask, assert_equal_tokens, first, prompt_of, reference, running
from tests.tiny_models import byte_tokenizer, save_encoder, save_text_model, spec_of, word_tokenizer

MIXED = ["sliding_attention", "full_attention"]
SYSTEM, USER = Message("system", "Be short."), Message("user", "Describe a bag.")
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
)
FORGETS_SYSTEM = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<{{ m['role'] }}>{{ m['content'] }}{% endif %}{% endfor %}"
)
THINKS = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if enable_thinking is not false %}<think>{% endif %}"


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        ("mistral", {"sliding_window": 16}),
        ("phi3", {"sliding_window": 16}),
        ("qwen2", {"sliding_window": 16, "use_sliding_window": True, "layer_types": MIXED}),
        ("qwen3", {"sliding_window": 16, "use_sliding_window": True, "layer_types": MIXED}),
        ("gemma2", {"sliding_window": 16, "layer_types": MIXED}),
        ("gemma3_text", {"sliding_window": 16, "layer_types": MIXED}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layers_that_slide_see_what_they_see_in_generate(family: str, shape: dict[str, Any], tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), **shape)
    with running(spec_of(folder, slots=3)) as engine:
        futures = [engine.submit(ask(f"{n}", prompt_of(n), max_new_tokens=24)) for n in (1, 4, 9, 11)]
        texts = [first(future.result(20)).text for future in futures]

    for number, text in zip((1, 4, 9, 11), texts, strict=True):
        assert_equal_tokens(folder, prompt_of(number), text, tokens=24)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_embeddings_that_are_tied_to_the_head_are_found_though_the_file_has_them_once(
    family: str, tmp_path: Path
) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), tie_word_embeddings=True)
    with running(spec_of(folder)) as engine:
        text = first(engine.submit(ask("r", prompt_of(4), max_new_tokens=20)).result(20)).text
    assert_equal_tokens(folder, prompt_of(4), text, tokens=20)


def test_sampling_defaults_of_the_folder_are_not_applied_behind_the_task_s_back(tmp_path: Path) -> None:
    config = {"eos_token_id": None, "do_sample": True, "temperature": 1.9, "top_k": 5, "repetition_penalty": 1.5}
    plain = save_text_model(tmp_path / "plain", tokenizer=word_tokenizer())
    folder = save_text_model(tmp_path / "own", tokenizer=word_tokenizer(), generation=config)
    with running(spec_of(folder)) as engine:
        text = first(engine.submit(ask("r", "w5 w6", max_new_tokens=20)).result(20)).text

    assert [int(word[1:]) for word in text.split()] == reference(plain, "w5 w6", tokens=20)


def test_positions_end_where_the_model_s_do(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family="gpt2", tokenizer=word_tokenizer(), n_positions=64)
    with running(spec_of(folder, max_tokens=256)) as engine:
        assert engine.info.max_tokens == 64
        assert first(engine.submit(ask("r", "w5 " * 60, max_new_tokens=4)).result(20)).completion_tokens == 4
        with pytest.raises(InvalidInput, match="over the 64 tokens"):
            engine.submit(ask("s", "w5 " * 61, max_new_tokens=4))


def test_the_end_token_of_a_chat_model_s_tokenizer_ends_its_text(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer(chat=True)
    plain = save_text_model(tmp_path / "plain", tokenizer=byte_tokenizer())
    with running(spec_of(plain)) as engine:
        said = engine.submit(ask("r", "bag", temperature=2.0, n=8, seed=1, max_new_tokens=200)).result(20)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(tokenizer("a")["input_ids"][0])
    chat = save_text_model(tmp_path / "chat", tokenizer=tokenizer)
    with running(spec_of(chat)) as engine:
        ended = engine.submit(ask("r", "bag", temperature=2.0, n=8, seed=1, max_new_tokens=200)).result(20)

    assert {each.finish_reason for each in said.completions} == {"length"}
    assert "stop" in {each.finish_reason for each in ended.completions}


# Chat templates.


@pytest.mark.parametrize("template", [NO_SYSTEM, FORGETS_SYSTEM], ids=["refuses", "forgets"])
def test_the_system_s_words_go_to_the_user_where_the_template_knows_no_system(tmp_path: Path, template: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    folder = save_text_model(tmp_path, tokenizer=tokenizer)
    merged = "<user>Be short.\n\nDescribe a bag."
    with running(spec_of(folder)) as engine:
        chat, plain = (
            engine.submit(ask(f"{type(prompt)}", prompt, max_new_tokens=9)).result(10)
            for prompt in ([SYSTEM, USER], merged)
        )
        with pytest.raises(InvalidInput, match=r"System role not supported|prompt is empty"):
            engine.submit(ask("alone", [SYSTEM]))

    assert (chat.completions, chat.prompt_tokens) == (plain.completions, plain.prompt_tokens)


def test_the_binding_s_arguments_reach_the_template(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = THINKS
    folder = save_text_model(tmp_path, tokenizer=tokenizer)
    counts = []
    for options in ({}, {"chat_template_kwargs": {"enable_thinking": False}}):
        with running(spec_of(folder, options=options)) as engine:
            counts.append(engine.submit(ask("r", [USER], max_new_tokens=1)).result(10).prompt_tokens)
    with pytest.raises(SettingsError, match="chat_template_kwargs must be a table"):
        builtin_engines()["text"](spec_of(folder, options={"chat_template_kwargs": "no"}))

    assert counts[0] > counts[1]


# What is refused.


@pytest.mark.parametrize(
    ("model_type", "config", "why"),
    [
        ("t5", {}, "an encoder with a decoder"),
        ("bart", {}, "an encoder with a decoder"),
        ("mamba", {}, "remembers in a running state"),
        ("qwen3_next", {}, "remembers in a running state"),
        ("gemma3", {}, "reads pictures too; take the text-only model"),
        ("bloom", {}, "'bloom' model; the text engine runs llama"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
            "its rows would not",
        ),
    ],
)
def test_a_model_that_would_be_run_wrongly_is_refused_with_the_reason(
    tmp_path: Path, model_type: str, config: dict[str, Any], why: str
) -> None:
    AutoConfig.for_model(model_type, **config).save_pretrained(tmp_path)

    with pytest.raises(ModelNotAvailable, match=why):
        builtin_engines()["text"](spec_of(tmp_path))


# Encoders.


@pytest.mark.parametrize(
    "family", ["bert", "distilbert", "roberta", "xlm-roberta", "deberta-v2", "modernbert", "electra", "albert"]
)
def test_every_encoder_says_what_it_says_of_each_text_alone(family: str, tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, family=family)
    with torch.inference_mode():
        outputs = encoder_reference(folder, AutoModelForSequenceClassification)

    result = answer(folder, "classify", batch_tokens=128)

    for classification, output in zip(result.classifications, outputs, strict=True):
        assert tuple(classification.scores) == LABELS
        assert list(classification.scores.values()) == pytest.approx(output.logits[0].softmax(-1).tolist(), abs=2e-5)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
def test_a_sentence_transformers_folder_embeds_as_its_files_say(family: str, tmp_path: Path) -> None:
    """As e5 and bge lie on the hub: mean pooling, a length of its own, normalised."""
    folder = save_encoder(tmp_path, kind="encode", family=family, pooling="mean_tokens")
    parts = ["Transformer", "Pooling", "Normalize"]
    modules = [{"idx": n, "path": "", "type": f"sentence_transformers.models.{part}"} for n, part in enumerate(parts)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    hidden = [output.last_hidden_state[0].mean(0) for output in encoder_reference(folder, AutoModel)]

    result = answer(folder, "encode")

    for vector, raw in zip(result.vectors, hidden, strict=True):
        assert vector == pytest.approx((raw / raw.norm()).tolist(), abs=2e-5)
    with pytest.raises(InvalidInput, match="over the 64"):
        answer_to(folder, "bag " * 80)


def answer_to(folder: Path, text: str) -> Any:
    engine = builtin_engines()["encoder"](spec_of(folder, kind="encode"))
    try:
        return engine.submit(TextsRequest(id="r", texts=(text,))).result(10)
    finally:
        engine.close()


def test_a_folder_of_the_older_kind_has_its_vocabulary_in_files_of_its_own(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "new", kind="encode")
    expected = answer_to(folder, "warm bag").vectors
    words = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": BertTokenizerFast.__name__}))
    (folder / "vocab.txt").write_text("\n".join(sorted(words, key=lambda word: words[word])) + "\n")

    assert answer_to(folder, "warm bag").vectors == expected
