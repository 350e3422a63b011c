"""The usual Celery worker: prefork, a model per process, `generate` or `pipeline` called per message.

It uses the same embedded broker, the same models, the same prompts and sampling options as Storehand.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery

import storehand.broker

FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))
TEXT = os.environ.get("BENCH_TEXT", "")
LABELS = os.environ.get("BENCH_LABELS", "")

storehand.broker.register()
app = Celery("bench", broker=f"embedded://{FOLDER / 'prefork.db'}", set_as_current=False)
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    accept_content=["json"],
    worker_hijack_root_logger=False,
)


def _note(line: dict[str, Any]) -> None:
    """One line per answer, appended atomically: the driver counts them."""
    with (FOLDER / "done.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


@cache
def _text() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(TEXT, dtype=torch.float32, use_safetensors=True).eval()
    return PreTrainedTokenizerFast.from_pretrained(TEXT), model


@cache
def _pipeline() -> Any:
    import torch
    from transformers import PreTrainedTokenizerFast, pipeline

    torch.set_num_threads(1)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(LABELS)
    return pipeline("text-classification", model=LABELS, tokenizer=tokenizer, device="cpu", dtype=torch.float32)


@app.task(name="bench.generate")
def generate(prompt: str, options: dict[str, Any]) -> None:
    import torch

    tokenizer, model = _text()
    encoded = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    sampling = (
        {"do_sample": True, "temperature": options["temperature"], "top_p": options["top_p"], "top_k": options["top_k"]}
        if options["temperature"]
        else {"do_sample": False}
    )
    torch.manual_seed(options["seed"] or 0)
    with torch.inference_mode():
        rows = model.generate(
            **encoded,
            **sampling,
            max_new_tokens=options["max_new_tokens"],
            num_return_sequences=options["n"],
            pad_token_id=next((id_ for id_ in (tokenizer.pad_token_id, tokenizer.eos_token_id) if id_ is not None), 0),
        )
    new = rows[:, encoded["input_ids"].shape[1] :]
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])  # a model that never ends has None: no token is it
    _note({"tokens": sum(_length(row.tolist(), ends) for row in new)})


def _length(row: list[int], ends: set[int]) -> int:
    """Tokens up to and with the end token; the padding behind it is nobody's answer."""
    return next((i + 1 for i, token in enumerate(row) if token in ends), len(row))


@app.task(name="bench.classify")
def classify(text: str) -> None:
    _pipeline()(text, truncation=True)
    _note({"tokens": 1})


@app.task(name="bench.warm")
def warm(kind: str) -> None:
    (_text if kind == "generate" else _pipeline)()
    _note({"tokens": 0})
