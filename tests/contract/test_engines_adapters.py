"""What the engines static, transformers and vllm promise beyond every engine's manners."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast
from transformers.generation.continuous_batching import ContinuousBatchingManager
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

from storehand.engine import BatchReport, Engine, EngineSpec, EngineState, GenerateRequest
from storehand.errors import Cancelled, EngineError, EngineLost, InvalidInput, ModelNotAvailable, SettingsError
from storehand.job import Priority
from storehand.task import GenerateOptions
from storehand_worker.engines import builtin_engines
from tests.contract.kits import Gate, failing_model
from tests.tiny_models import save_encoder, save_text_model, spec_of, word_tokenizer
from tests.vllm_stand_in import AsyncLLM, vllm_installed
from tests.waiting import until

torch.set_num_threads(1)

FAMILIES: dict[str, dict[str, Any]] = {
    "bloom": {"n_layer": 2, "n_head": 4},
    "mamba": {"state_size": 4, "num_hidden_layers": 2},
    "rwkv": {"attention_hidden_size": 32, "context_length": 256},
    "falcon": {"alibi": True},
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4},
    "bart": {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64,
        "decoder_attention_heads": 4, "decoder_ffn_dim": 64, "forced_eos_token_id": None,
    },
}  # fmt: skip
"""What the text engine refuses: alibi, running states, encoder-decoders."""
DYNAMIC = {"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}, "max_position_embeddings": 24}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("words"), tokenizer=word_tokenizer())


@contextmanager
def running(spec: EngineSpec, engine: str = "static") -> Iterator[Engine]:
    built = builtin_engines()[engine](spec)
    try:
        yield built
    finally:
        if isinstance(spec.on_batch, Gate):
            spec.on_batch.open()
        built.close(5)


def prompt_of(number: int) -> str:
    return " ".join(f"w{1 + (number * 31 + place * 7) % 299}" for place in range(2 + number * 5 % 30))


def ask(name: str, prompt: str, *, priority: Priority = Priority.STANDARD, **options: Any) -> GenerateRequest:
    options.setdefault("max_new_tokens", 24)
    return GenerateRequest(id=name, prompt=prompt, options=GenerateOptions(**options), priority=priority)


def references(folder: Path, prompts: Sequence[str], lengths: Sequence[int]) -> list[list[int]]:
    """What transformers' own `generate` says of each prompt alone."""
    config = (folder / "config.json").read_text()
    is_pair = '"is_encoder_decoder": true' in config
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    found = []
    for prompt, tokens in zip(prompts, lengths, strict=True):
        model = (AutoModelForSeq2SeqLM if is_pair else AutoModelForCausalLM).from_pretrained(folder).eval()
        ids = torch.tensor([tokenizer(prompt)["input_ids"]])
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, pad_token_id=0
            )
        found.append(out[0, 1 if is_pair else ids.shape[1] :].tolist())
    return found


def written(texts: Sequence[str]) -> list[list[int]]:
    return [[int(word[1:]) for word in text.split()] for text in texts]


def answers(engine: Engine, requests: Sequence[GenerateRequest]) -> list[str]:
    return [future.result(30).completions[0].text for future in [engine.submit(request) for request in requests]]


def requests_of(prompts: Sequence[str], lengths: Sequence[int]) -> list[GenerateRequest]:
    return [
        ask(f"{number}", prompt, max_new_tokens=tokens)
        for number, (prompt, tokens) in enumerate(zip(prompts, lengths, strict=True))
    ]


PROMPTS = [prompt_of(number) for number in (0, 1, 4, 3, 9)]
LENGTHS = [12, 5, 20, 9, 16]


# static


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_without_slots_writes_what_generate_writes(
    family: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = {"eos_token_id": None, "decoder_start_token_id": 1}
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), generation=ends, **FAMILIES[family])
    with caplog.at_level(logging.WARNING), running(spec_of(folder, slots=3), "text") as engine:
        texts = answers(engine, requests_of(PROMPTS, LENGTHS))

    assert written(texts) == references(folder, PROMPTS, LENGTHS)
    assert engine.info.extra["engine"] == "static"
    assert f"is a {family!r} model" in str(engine.info.extra["because"])
    assert [record.message for record in caplog.records if "served by the engine static" in record.message]


def test_a_rope_that_looks_at_the_longest_text_sees_only_one(tmp_path: Path) -> None:
    """And none of the texts before it: transformers keeps the frequencies of the longest it has seen."""
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer(), **DYNAMIC)
    prompts, lengths = ["w5 " * 12, "w9 " * 4, "w7 " * 6], [12, 18, 17]
    with running(spec_of(folder), "text") as engine:
        texts = answers(engine, requests_of(prompts, lengths))

    assert written(texts) == references(folder, prompts, lengths)


def test_who_asks_for_the_text_engine_by_name_gets_no_other(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family="bloom", tokenizer=word_tokenizer(), **FAMILIES["bloom"])

    with pytest.raises(ModelNotAvailable, match="'bloom' model; the text engine runs llama"):
        builtin_engines()["text"](spec_of(folder, engine="text"))


def test_a_model_that_nobody_can_run_is_refused_with_both_reasons(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path)

    with pytest.raises(ModelNotAvailable, match=r"'bert' model.*static can't serve it either"):
        builtin_engines()["text"](spec_of(folder))


def gated(folder: Path, gate: Gate, **binding: Any) -> EngineSpec:
    return replace(spec_of(folder, **binding), on_batch=gate)


def test_a_batch_is_put_together_anew_for_who_waits_and_the_long_text_goes_on(words: Path) -> None:
    gate, ended = Gate(), []
    gate.close()
    long, short = ask("long", PROMPTS[2], max_new_tokens=150), ask("short", PROMPTS[1], max_new_tokens=5)
    with running(gated(words, gate, slots=2)) as engine:
        futures = [engine.submit(long)]
        until(lambda: gate.reports)
        futures.append(engine.submit(short))
        for name, future in zip(("long", "short"), futures, strict=True):
            future.add_done_callback(lambda _, name=name: ended.append(name))
        gate.open()
        texts = [future.result(30).completions[0].text for future in futures]

    assert ended == ["short", "long"]
    assert written(texts) == references(words, [PROMPTS[2], PROMPTS[1]], [150, 5])


@pytest.mark.parametrize("engine", ["static", "transformers"])
def test_texts_in_hand_go_on_where_they_were_when_one_fails_in_their_middle(words: Path, engine: str) -> None:
    """The guilty one writes its poison itself, so that all are at work by then."""
    expected = references(words, PROMPTS, [40] * len(PROMPTS))
    others = {token for number, text in enumerate(expected) if number != 2 for token in text}
    poison = next(token for token in expected[2][8:30] if token not in others and f"w{token}" not in " ".join(PROMPTS))
    with running(spec_of(words), engine) as built, failing_model([poison], RuntimeError("a kernel said no")) as hits:
        futures = [built.submit(request) for request in requests_of(PROMPTS, [40] * len(PROMPTS))]
        failed = [future.exception(30) for future in futures]
        stats = built.stats()

    assert hits
    assert [number for number, error in enumerate(failed) if error is not None] == [2]
    assert type(failed[2]) is EngineError
    good = [number for number in range(len(PROMPTS)) if number != 2]
    assert written([futures[number].result().completions[0].text for number in good]) == [expected[n] for n in good]
    assert stats.restarts == 0


# transformers


@pytest.mark.parametrize(
    ("family", "shape"),
    [("llama", {}), ("gpt2", {}), ("mistral", {"sliding_window": 16}), ("qwen3", {})],
    ids=["llama", "gpt2", "mistral", "qwen3"],
)
def test_continuous_batching_writes_what_generate_writes(family: str, shape: dict[str, Any], tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), **shape)
    with running(spec_of(folder, slots=3, batch_tokens=16), "transformers") as engine:
        texts = answers(engine, requests_of(PROMPTS, LENGTHS))

    assert written(texts) == references(folder, PROMPTS, LENGTHS)


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("bloom", "not those of the model's own forward"),  # it knows no pages
        ("gemma2", "not those of the model's own forward"),  # its capped attention is run uncapped
        ("mamba", "linear_attention"),
    ],
)
def test_a_class_that_continuous_batching_runs_wrongly_or_not_is_refused(family: str, why: str, tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, family=family, tokenizer=word_tokenizer(), **FAMILIES.get(family, {}))

    with pytest.raises(ModelNotAvailable, match=why):
        builtin_engines()["transformers"](spec_of(folder))


def test_a_full_batch_of_the_longest_texts_has_room(words: Path) -> None:
    reports: list[BatchReport] = []
    with running(spec_of(words, slots=4, max_tokens=64, reports=reports), "transformers") as engine:
        texts = answers(engine, [ask(f"{n}", "w5 " * 24, temperature=1.0, seed=n, max_new_tokens=40) for n in range(8)])

    assert [len(text.split()) for text in texts] == [40] * 8
    assert max(report.items for report in reports) == 4


def test_what_is_borrowed_of_continuous_batching_is_there() -> None:
    borrowed: list[tuple[Any, list[str]]] = [
        (ContinuousBatchingManager._create_batch_processor, ["self"]),
        (ContinuousBatchingManager._generation_loop_body, ["self", "batch_processor", "bootstrapping"]),
        (ContinuousBatchingLogitsProcessorList._retrieve_processors_kwargs, ["self"]),
    ]

    for method, arguments in borrowed:
        assert list(inspect.signature(method).parameters) == arguments


# vllm


@pytest.fixture
def vllm() -> Iterator[type[AsyncLLM]]:
    with vllm_installed() as library:
        library.aborted.clear()
        yield library
        library.deadly = None


def test_without_vllm_its_extra_is_named(words: Path) -> None:
    with pytest.raises(ModelNotAvailable, match=r"install `storehand\[vllm\]`"):
        builtin_engines()["vllm"](spec_of(words, engine="vllm"))


def test_a_binding_becomes_vllm_s_arguments(words: Path, vllm: type[AsyncLLM]) -> None:
    with running(spec_of(words, slots=5, options={"engine_args": {"enforce_eager": True}}), "vllm"):
        built = vllm.built

    assert (built.model, built.max_num_seqs, built.max_model_len) == (str(words), 5, 256)
    assert (built.load_format, built.trust_remote_code, built.enforce_eager) == ("safetensors", False, True)
    with pytest.raises(SettingsError, match="engine_args must be a table without model"):
        builtin_engines()["vllm"](spec_of(words, options={"engine_args": {"trust_remote_code": True}}))
    with pytest.raises(ModelNotAvailable, match=r"vLLM can't serve tiny .*gpu_memory_utilization"):
        builtin_engines()["vllm"](spec_of(words, options={"engine_args": {"gpu_memory_utilization": 2}}))


def test_a_cancelled_text_is_aborted_at_vllm(words: Path, vllm: type[AsyncLLM]) -> None:
    gate = Gate()
    gate.close()  # or the text would be complete before this thread comes to cancel it
    with running(gated(words, gate), "vllm") as engine:
        future = engine.submit(ask("long", "w5", max_new_tokens=200))
        until(lambda: gate.reports)
        engine.cancel("long", Cancelled())
        gate.open()

        assert isinstance(future.exception(0), Cancelled)
        until(lambda: vllm.aborted)
        assert answers(engine, [ask("next", "w5", max_new_tokens=3)])


def test_what_vllm_refuses_is_that_request_s_error_alone(words: Path, vllm: type[AsyncLLM]) -> None:
    with running(spec_of(words), "vllm") as engine:
        good = engine.submit(ask("good", "w5", max_new_tokens=30))
        bad = engine.submit(ask("bad", "w5", json_schema={"type": "nonsense"}))

        assert isinstance(bad.exception(10), InvalidInput)
        assert good.result(10).completion_tokens == 30


def test_a_core_that_dies_ends_the_engine_with_its_suspects(words: Path, vllm: type[AsyncLLM]) -> None:
    vllm.deadly = 7
    gate = Gate()
    gate.close()  # or the good text would be complete before the bad one comes
    with running(gated(words, gate), "vllm") as engine:
        good = engine.submit(ask("good", "w5", max_new_tokens=200))
        until(lambda: gate.reports)
        bad = engine.submit(ask("bad", "w7"))
        gate.open()

        assert [type(future.exception(10)) for future in (good, bad)] == [EngineLost, EngineLost]
        assert engine.health().state is EngineState.DEAD
        with pytest.raises(EngineLost):
            engine.submit(ask("late", "w5"))


@pytest.mark.gpu
def test_the_real_vllm_writes_what_generate_writes(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer(), hidden_size=128, num_attention_heads=2)
    options = {"engine_args": {"gpu_memory_utilization": 0.2, "enforce_eager": True}}
    with running(spec_of(folder, device="cuda", dtype="float32", options=options), "vllm") as engine:
        texts = answers(engine, requests_of(PROMPTS, LENGTHS))

    assert written(texts) == references(folder, PROMPTS, LENGTHS)
