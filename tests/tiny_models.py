"""Tiny models with random weights, saved to a folder as a hub model would be: real files, real loading, no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
)

from storehand.engine import BatchReport, EngineSpec
from storehand.settings import ModelBinding
from storehand.task import Kind

CORPUS = [
    "a light and sturdy bag for school and short trips, with room for a laptop",
    "the warm jacket keeps you dry, its zip is quiet and the collar is soft",
    "这款背包轻便耐用，适合通勤与短途旅行，可放笔记本电脑。",
    "羽绒服保暖舒适，面料防水，领口柔软，颜色好看。",
    "1234567890 USB-C 65W 5.5 kg 30x20 cm !?.,",
]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SIZES: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_CONTEXT = 256


def byte_tokenizer(*, chat: bool = False) -> PreTrainedTokenizerFast:
    """Byte-level BPE: a Chinese character may take several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = CHAT_TEMPLATE if chat else None
    return fast


def word_tokenizer(size: int = 300) -> PreTrainedTokenizerFast:
    """One word per token (`w0 w1 ...`), so that a text tells its tokens exactly."""
    words = {f"w{number}": number for number in range(size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def metaspace_tokenizer() -> PreTrainedTokenizerFast:
    """SentencePiece's manner: a leading space is dropped at the start, rare characters are bytes."""
    vocabulary = {"<unk>": 0, **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)}}
    words = ["▁", "▁a", "a", "b", "▁ab", "#", "背", "▁b", "\n"]
    vocabulary |= {word: len(vocabulary) + number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[], byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def _bert_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


_OF_FAMILY: dict[str, dict[str, Any]] = {
    "qwen3": {"head_dim": 16},
    "qwen3_moe": {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "mixtral": {"num_local_experts": 4},
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "query_pre_attn_scalar": 8},
    "gemma3_text": {"head_dim": 8, "query_pre_attn_scalar": 8},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "num_key_value_heads": None},
    "gpt_neox": {"num_key_value_heads": None},
    "granite": {"logits_scaling": 2.0},
    "cohere": {"logit_scale": 0.5},
}
"""What a family needs beside the common sizes."""


def save_text_model(
    folder: Path,
    *,
    family: str = "llama",
    tokenizer: PreTrainedTokenizerFast | None = None,
    seed: int = 0,
    generation: dict[str, Any] | None = None,
    own: dict[str, Any] | None = None,
    **sizes: Any,
) -> Path:
    """A decoder of the family with its tokenizer; `generation` goes to generation_config.json, `own` to
    storehand.json."""
    torch.manual_seed(seed)
    tokenizer = tokenizer or byte_tokenizer()
    shape = {
        **_SIZES,
        "num_key_value_heads": 2,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": _CONTEXT,
        "initializer_range": 0.5,  # far apart logits: no near-ties, no boring repetition
        "eos_token_id": None,
        "bos_token_id": None,
        "pad_token_id": None,
        **sizes,
    }
    if family == "gpt2":
        shape = {
            "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": _CONTEXT, "vocab_size": len(tokenizer),
            "initializer_range": 0.3, "eos_token_id": None, "bos_token_id": None, **sizes,
        }  # fmt: skip
    config: Any = AutoConfig.for_model(family, **{**shape, **_OF_FAMILY.get(family, {}), **sizes})
    model: Any = (AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM).from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps(generation or {"eos_token_id": None}), encoding="utf-8")
    if own is not None:
        (folder / "storehand.json").write_text(json.dumps(own), encoding="utf-8")
    return folder


_DISTIL_SIZES: dict[str, Any] = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4}
_OF_ENCODER: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "roberta": {"type_vocab_size": 1},
    "xlm-roberta": {"type_vocab_size": 1},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 16, "cls_token_id": 2, "sep_token_id": 3},
}


def save_encoder(
    folder: Path,
    *,
    kind: Kind = "classify",
    family: str = "bert",
    labels: int = 3,
    seed: int = 0,
    pooling: str | None = None,
    **sizes: Any,
) -> Path:
    """An encoder of the family with the head the kind needs."""
    torch.manual_seed(seed)
    tokenizer = _bert_tokenizer()
    names = {index: f"label {index}" for index in range(labels)}
    config = AutoConfig.for_model(
        family,
        **{
            **(_DISTIL_SIZES if family == "distilbert" else _SIZES),
            "vocab_size": len(tokenizer),
            "max_position_embeddings": _CONTEXT,
            "initializer_range": 0.2,
            "pad_token_id": 0,
            "id2label": names,
            "label2id": {name: index for index, name in names.items()},
            **_OF_ENCODER.get(family, {}),
            **sizes,
        },
    )
    head: Any = AutoModel if kind == "encode" else AutoModelForSequenceClassification
    model: Any = head.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if pooling is not None:
        (folder / "1_Pooling").mkdir()
        config_json = json.dumps({f"pooling_mode_{pooling}": True})
        (folder / "1_Pooling" / "config.json").write_text(config_json, encoding="utf-8")
    return folder


def spec_of(
    folder: Path | str, *, kind: Kind = "generate", reports: list[BatchReport] | None = None, **binding: Any
) -> EngineSpec:
    """What the host would give the engine; `reports` collects its batches."""
    values = {"model": str(folder), "device": "cpu", "slots": 8, "max_tokens": _CONTEXT, "batch_tokens": 512, **binding}
    return EngineSpec(
        role=kind,
        kind=kind,
        name="tiny",
        folder=str(folder),
        binding=ModelBinding(**values),
        on_batch=(lambda report: None) if reports is None else reports.append,
    )
