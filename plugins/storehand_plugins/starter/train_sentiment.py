"""Trains the bundled review classifier on one CPU core: `python -m storehand_plugins.starter.train_sentiment --help`.

Without the free English sets it learns from the grammar alone, and says so.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from storehand_plugins.starter.sentiment_data import Example, has_training_sets, training_examples
from storehand_plugins.starter.sentiment_grammar import NEGATIVE, NEUTRAL, POSITIVE, Language, ReviewGrammar
from storehand_plugins.starter.sentiment_tokenizer import SPECIAL, build_tokenizer

MAX_TOKENS = 256
CHUNK = 12_000
"""Examples that are tokenised, sorted and batched together."""

GRAMMAR_SHARE: dict[Language, float] = {"zh": 0.65, "en": 0.35}
PEAK_RATE = 1e-3
BATCH_TOKENS = 2048
BATCH_ROWS = 48
"""Small batches: in ten minutes the number of steps is what is short."""

NOISE = 0.08
SHORT = 14
"""Rows of so few tokens stay clean: every one of them may matter."""

FIRST_WORD = len(SPECIAL)
LABELS = {NEGATIVE: "negative", NEUTRAL: "neutral", POSITIVE: "positive"}


def new_model(tokenizer: PreTrainedTokenizerFast) -> BertForSequenceClassification:
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=160,
        num_hidden_layers=2,
        num_attention_heads=5,
        intermediate_size=480,
        max_position_embeddings=MAX_TOKENS,
        type_vocab_size=1,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.0,
        pad_token_id=SPECIAL.index("[PAD]"),
        id2label=LABELS,
        label2id={name: label for label, name in LABELS.items()},
    )
    model = BertForSequenceClassification(config)
    model.set_attn_implementation("eager")  # the fused kernel's backward is slower on a CPU at these lengths
    return model


def chunks(real: Sequence[Example], rng: random.Random) -> Iterator[list[Example]]:
    """Endless mixtures: a quarter real English reviews with the labels evened out, the rest from the grammar."""
    grammars = {language: ReviewGrammar(language, rng) for language in GRAMMAR_SHARE}
    by_label = {label: [example for example in real if example.label == label] for label in LABELS}
    while True:
        mixed: list[Example] = []
        if real:
            for label, share in ((NEGATIVE, 0.09), (NEUTRAL, 0.06), (POSITIVE, 0.13)):
                mixed += rng.choices(by_label[label], k=int(CHUNK * share))
        room = CHUNK - len(mixed)
        for language, share in GRAMMAR_SHARE.items():
            mixed += [Example(*grammars[language].example()) for _ in range(int(room * share))]
        yield mixed


def batches(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerFast, rng: random.Random
) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Batches of like length, in random order."""
    rows = tokenizer([example.text for example in examples], truncation=True, max_length=MAX_TOKENS)["input_ids"]
    order = sorted(range(len(rows)), key=lambda index: (len(rows[index]), rng.random()))
    groups: list[list[int]] = [[]]
    for index in order:
        if len(rows[index]) * (len(groups[-1]) + 1) > BATCH_TOKENS or len(groups[-1]) == BATCH_ROWS:
            groups.append([])
        groups[-1].append(index)
    rng.shuffle(groups)
    for group in groups:
        batch = tokenizer.pad(
            {"input_ids": [_noisy(rows[index], len(tokenizer), rng) for index in group]}, return_tensors="pt"
        )
        yield dict(batch), torch.tensor([examples[index].label for index in group])


def _noisy(row: list[int], vocabulary: int, rng: random.Random) -> list[int]:
    """Some tokens become any other one: no single phrase may carry the label, and unknown words must not either."""
    share = rng.choice((0.0, NOISE, 2 * NOISE)) if len(row) > SHORT else 0.0
    return [
        rng.randrange(FIRST_WORD, vocabulary) if token >= FIRST_WORD and rng.random() < share else token
        for token in row
    ]


def train(
    model: BertForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    real: Sequence[Example],
    *,
    minutes: float,
    seed: int,
    console: Console,
) -> int:
    """Trains until the time is over; the learning rate falls with the time, so any budget ends settled.

    Returns the number of examples seen.
    """
    rng = random.Random(seed)  # noqa: S311  # training data, no secrets
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    start, seen, loss_mean = time.monotonic(), 0, 1.0
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)
    model.train()
    with bar:
        row = bar.add_task("training", total=1.0)
        for examples in chunks(real, rng):
            for batch, labels in batches(examples, tokenizer, rng):
                done = (time.monotonic() - start) / (60 * minutes)
                if done >= 1:
                    return seen
                for group in optimizer.param_groups:
                    group["lr"] = PEAK_RATE * min(1.0, done / 0.05) * max(0.02, 1 - done)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = model(**batch).logits
                loss = torch.nn.functional.cross_entropy(logits.float(), labels, label_smoothing=0.05)
                loss.backward()  # type: ignore[no-untyped-call]  # torch types its methods in part
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                seen += len(labels)
                loss_mean += 0.01 * (loss.item() - loss_mean)
                bar.update(row, completed=done, description=f"{seen:,} examples, loss {loss_mean:.3f}")
    return seen


def save(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Half precision: the file is half as big, and the labels stay what they are."""
    half = BertForSequenceClassification(model.config)
    half.load_state_dict(model.state_dict())
    half.to(dtype=torch.float16)  # type: ignore[call-arg]  # the signature is lost behind a decorator
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    about = {"format": "plain", "grade": "demonstration", "languages": ["zh", "en"], "task": "review sentiment"}
    (folder / "storehand.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--data-dir", type=Path, help="folder with sentiment_en/*.csv.gz; see sentiment/README.md")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="go on from the vocabulary and weights in this folder")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    console = Console()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    real: list[Example] = []
    if options.data_dir and has_training_sets(options.data_dir):
        real = training_examples(options.data_dir)
    else:
        console.print(
            "No English review sets: put womens_clothing.csv.gz and uci_sentences.csv.gz (columns label, text, title) "
            "into DIR/sentiment_en and pass --data-dir DIR. Training on the grammar alone; English will be weaker."
        )
    if options.start:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.start)
        model = BertForSequenceClassification.from_pretrained(
            options.start, dtype=torch.float32, attn_implementation="eager"
        )
    else:
        tokenizer = build_tokenizer([example.text for example in real], max_tokens=MAX_TOKENS)
        model = new_model(tokenizer)
    console.print(f"{len(real):,} real examples, {len(tokenizer):,} tokens, {model.num_parameters():,} parameters")
    seen = train(model, tokenizer, real, minutes=options.minutes, seed=options.seed, console=console)
    options.out.mkdir(parents=True, exist_ok=True)
    save(model, tokenizer, options.out)
    console.print(f"{seen:,} examples seen; wrote {options.out}")


if __name__ == "__main__":
    main()
