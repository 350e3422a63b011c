"""The engines on CUDA: the same answers, memory that runs out, several models on one device, a device that breaks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from storehand.engine import Engine, EngineSpec, EngineState, GenerateRequest, TextsRequest
from storehand.task import GenerateOptions
from storehand_worker.engines import builtin_engines
from storehand_worker.fitting import fit
from tests.tiny_models import save_encoder, save_text_model, spec_of, word_tokenizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; there is none here"),
]
ON_GPU = {"device": "cuda", "dtype": "float32"}


@contextmanager
def running(engine: str, spec: EngineSpec) -> Iterator[Engine]:
    built = builtin_engines()[engine](spec)
    try:
        yield built
    finally:
        built.close(10)


def test_greedy_texts_are_those_of_generate(tmp_path: Path) -> None:
    folder = save_text_model(tmp_path, tokenizer=word_tokenizer())
    prompts = [" ".join(f"w{(n * 13 + m) % 200}" for m in range(5 + 3 * n)) for n in range(20)]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to("cuda").eval()
    expected = []
    for prompt in prompts:
        ids = torch.tensor([tokenizer(prompt)["input_ids"]], device="cuda")
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False)
        expected.append(tokenizer.decode(out[0, ids.shape[1] :]))

    with running("text", spec_of(folder, **ON_GPU)) as engine:
        options = GenerateOptions(max_new_tokens=20)
        futures = [
            engine.submit(GenerateRequest(id=f"{n}", prompt=prompt, options=options))
            for n, prompt in enumerate(prompts)
        ]
        found = [future.result(60).completions[0].text for future in futures]

    same = sum(left == right for left, right in zip(found, expected, strict=True))
    assert same >= len(prompts) - 1  # one near-tie between kernels is allowed; on the CPU each is looked at


def test_vectors_are_those_of_the_cpu(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode")
    request = TextsRequest(id="r", texts=tuple("bag " * (1 + n % 40) for n in range(64)))

    with running("encoder", spec_of(folder, kind="encode")) as engine:
        expected = engine.submit(request).result(60).vectors
    with running("encoder", spec_of(folder, kind="encode", **ON_GPU)) as engine:
        found = engine.submit(request).result(60).vectors

    assert torch.tensor(found) == pytest.approx(torch.tensor(expected), abs=1e-4)


def test_batches_that_do_not_fit_are_split_and_everybody_is_answered(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, kind="encode", hidden_size=512, intermediate_size=4096)
    requests = [TextsRequest(id=f"{n}", texts=("bag " * 200,) * 32) for n in range(4)]
    spec = spec_of(folder, kind="encode", batch_tokens=32_768, **ON_GPU)
    with running("encoder", spec) as engine:
        expected = engine.submit(TextsRequest(id="one", texts=("bag " * 200,))).result(60).vectors[0]
        torch.cuda.empty_cache()
        _, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (200 << 20)) / total)
        try:
            futures = [engine.submit(request) for request in requests]
            vectors = [vector for future in futures for vector in future.result(120).vectors]
            stats = engine.stats()
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)

    assert len(vectors) == 128
    assert all(vector == pytest.approx(expected, abs=1e-4) for vector in vectors)
    assert stats.shortages >= 1
    assert stats.budget_tokens < 32_768


def test_two_models_share_a_device_under_one_plan(tmp_path: Path) -> None:
    text, encoder = save_text_model(tmp_path / "text"), save_encoder(tmp_path / "labels")
    specs = {
        "text": ("text", spec_of(text, **ON_GPU)),
        "labels": ("encoder", spec_of(encoder, kind="classify", **ON_GPU)),
    }
    fitted = fit(specs)
    before = torch.cuda.memory_allocated()

    with running("text", fitted["text"]) as writer, running("encoder", fitted["labels"]) as reader:
        options = GenerateOptions(max_new_tokens=8)
        futures = [writer.submit(GenerateRequest(id=f"t{n}", prompt=f"bag {n}", options=options)) for n in range(16)]
        futures += [reader.submit(TextsRequest(id=f"l{n}", texts=(f"bag {n}",))) for n in range(16)]
        assert not wait(futures, 60).not_done
        assert all(future.exception(0) is None for future in futures)
        used = torch.cuda.memory_allocated() - before

    assert 0 < used <= sum(need for need in _planned(specs))


def _planned(specs: dict[str, tuple[str, EngineSpec]]) -> list[int]:
    from storehand_worker.fitting import plans

    [made] = plans(list(specs.values()))
    return [made.total]


BREAK = """
    import os, sys, torch
    from storehand.engine import TextsRequest
    from storehand_worker.engines import builtin_engines
    from tests.tiny_models import spec_of

    engine = builtin_engines()["encoder"](spec_of(sys.argv[1], kind="encode", device="cuda", dtype="float32"))
    assert engine.submit(TextsRequest(id="well", texts=("bag",))).result(60)
    row, far = torch.zeros(4, device="cuda"), torch.tensor([9], device="cuda")

    def hook(module, args):
        if isinstance(module, torch.nn.Embedding):
            return (args[0] + row[far].long(),)

    torch.nn.modules.module.register_module_forward_pre_hook(hook)
    error = engine.submit(TextsRequest(id="breaks", texts=("bag",))).exception(60)
    print(type(error).__name__, error.details, engine.health().state, flush=True)
    os._exit(0)
"""


def test_an_assertion_inside_a_kernel_ends_the_engine(tmp_path: Path) -> None:
    """In a process of its own: the error sticks to it."""
    folder = save_encoder(tmp_path, kind="encode")
    root = Path(__file__).parents[2]
    script = textwrap.dedent(BREAK)

    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=root, capture_output=True, text=True, timeout=300, check=True
    )

    assert ran.stdout.split() == ["EngineLost", "{'on_device':", "True}", str(EngineState.DEAD)]
