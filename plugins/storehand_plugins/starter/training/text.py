"""Trains the bundled text model: `python -m storehand_plugins.starter.training.text --minutes 20 --out FOLDER`."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from storehand_plugins.description.kinds import TITLE
from storehand_plugins.starter.training import vocabulary
from storehand_plugins.starter.training.batches import Batch, batches

MAX_TOKENS = 512
MUON_RATE, ADAM_RATE = 0.02, 3e-3
WARM_UP, FLOOR = 0.03, 0.02
RESUMED_SHARE = 0.4
"""Of the learning rate, for a model that has learnt already."""

SAVE_EVERY_S = 120.0


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """About two million parameters, small enough for a repository and one CPU core."""
    configure: Any = LlamaConfig  # its keywords are not all declared
    return LlamaForCausalLM(
        configure(
            vocab_size=len(tokenizer),
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=3,
            num_key_value_heads=3,
            max_position_embeddings=MAX_TOKENS,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            attn_implementation="eager",  # the fused kernel's backward is 10 times slower on a CPU at these lengths
        )
    )


def optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon turns matrices, AdamW embeddings and norms: 3.70 against 4.25 evaluation loss at equal time."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0, momentum=0.95),
        torch.optim.AdamW(others, lr=ADAM_RATE, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def loss_of(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the answers' tokens; logits are made only there. Padding stands right of all attention."""
    hidden = model.model(input_ids=batch.ids[:, :-1]).last_hidden_state
    wanted = batch.is_answer[:, :-1]
    return cross_entropy(model.lm_head(hidden[wanted]).float(), batch.ids[:, 1:][wanted])


def rate(done: float) -> float:
    """Cosine with a short warm-up, over the share of time that is gone."""
    if done < WARM_UP:
        return max(done / WARM_UP, 0.01)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP))))


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """A folder like any hub model's, in bfloat16, with what the task needs to know beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    half: Any = LlamaForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.to(torch.bfloat16)
    build: Any = GenerationConfig  # untyped
    half.generation_config = build(
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=vocabulary.digit_tokens(tokenizer),
    )
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    about = {"format": "slots", "name": "storehand-starter-text", "ends_with": TITLE, "max_tokens": MAX_TOKENS}
    (folder / "storehand.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def begin(seed: int, resume: Path | None) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A new model, or one that goes on from a folder's weights with that folder's tokenizer."""
    torch.manual_seed(seed)
    if resume is None:
        tokenizer = vocabulary.train(seed)
        return new_model(tokenizer), tokenizer
    tokenizer = PreTrainedTokenizerFast.from_pretrained(resume)
    model = new_model(tokenizer)
    model.load_state_dict(LlamaForCausalLM.from_pretrained(resume, dtype=torch.float32).state_dict())
    return model, tokenizer


def train(out: Path, *, minutes: float, seed: int, tokens: int, resume: Path | None) -> None:
    """Trains for that long and saves; a usable model lies in `out` from the first checkpoint on."""
    model, tokenizer = begin(seed, resume)
    steps = optimizers(model)
    share = RESUMED_SHARE if resume else 1.0
    rates = [float(each.param_groups[0]["lr"]) * share for each in steps]
    start, saved, seen, mean = time.monotonic(), 0.0, 0, 0.0
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=minutes * 60)
        for number, batch in enumerate(batches(tokenizer, seed + 1, tokens=tokens)):
            elapsed = time.monotonic() - start
            if elapsed >= minutes * 60:
                break
            for each, full in zip(steps, rates, strict=True):
                each.param_groups[0]["lr"] = full * rate(elapsed / (minutes * 60))
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(model, batch)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for each in steps:
                each.step()
                each.zero_grad()
            seen += batch.ids.numel()
            mean = loss.item() if number == 0 else 0.98 * mean + 0.02 * loss.item()
            progress.update(bar, completed=elapsed, description=f"step {number}, {seen:,} tokens, loss {mean:.3f}")
            if elapsed - saved > SAVE_EVERY_S:
                saved = elapsed
                save(model, tokenizer, out)
                progress.console.print(f"{elapsed:.0f} s: step {number}, {seen:,} tokens, loss {mean:.3f}, saved")
    save(model, tokenizer, out)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the new model")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--batch-tokens", type=int, default=3072)
    parser.add_argument("--threads", type=int, default=1, help="more than the free cores makes it many times slower")
    parser.add_argument("--resume", type=Path, help="folder of a model to go on from, with another seed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.out, minutes=options.minutes, seed=options.seed, tokens=options.batch_tokens, resume=options.resume)


if __name__ == "__main__":
    main()
