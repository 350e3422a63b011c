"""The vocabulary of the starter classifier: every everyday Chinese character alone, English in word pieces."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from storehand_plugins.starter.sentiment_grammar import COMMON_HAN, phrases

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_PAD, _UNK, _CLS, _SEP = SPECIAL
WORD_PIECES = 4200
"""Pieces of English words; the text it learns from has about 12,000 different words."""

# Each of these is a token of its own: a Han character, a digit, any sign that is neither letter nor space (emoji too).
_ALONE = r"[\u4e00-\u9fff\u3400-\u4dbf]|\d|[^\w\s]|_"

# A character behind one of these is another token than alone (##好 in 不好): two layers learn to negate late, if ever.
_NOT = "不没无未别"
_INVISIBLE = Regex(r"[\p{Cc}\p{Cf}\x{FE0F}]")


def build_tokenizer(english: Iterable[str], *, max_tokens: int) -> PreTrainedTokenizerFast:
    """Learns word pieces from `english` and our phrases. Input is NFKC, lower case, without invisible characters."""
    said = "".join(_said_han())
    tokenizer = Tokenizer(models.WordPiece(unk_token=_UNK, max_input_chars_per_word=64))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(_INVISIBLE, " "), normalizers.NFKC(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(f"[{_NOT}][{said}]|{_ALONE}"), "isolated")]
    )
    trainer = trainers.WordPieceTrainer(vocab_size=WORD_PIECES, special_tokens=SPECIAL, show_progress=False)
    words = _latin_words(tokenizer, english)  # a list: training locks the tokenizer that a generator would ask
    tokenizer.train_from_iterator(words, trainer)
    vocabulary = dict(tokenizer.get_vocab())
    for token in (*_signs(tokenizer), *(f"##{char}" for char in said)):
        vocabulary.setdefault(token, len(vocabulary))
    tokenizer.model = models.WordPiece(vocabulary, unk_token=_UNK, max_input_chars_per_word=64)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers types its methods in part
        tokenizer_object=tokenizer,
        model_max_length=max_tokens,
        pad_token=_PAD,
        unk_token=_UNK,
        cls_token=_CLS,
        sep_token=_SEP,
    )


def _latin_words(tokenizer: Tokenizer, english: Iterable[str]) -> list[str]:
    """Word pieces are learnt from letters only; all signs come as whole tokens."""
    return [
        " ".join(word for word in _words(tokenizer, text) if word.isalpha() and word.isascii())
        for text in (*english, *(3 * phrases("en").all_text()))
    ]


def _signs(tokenizer: Tokenizer) -> list[str]:
    marks = [chr(code) for code in range(33, 127) if not chr(code).isalpha()]
    more = "。，！？；：、“”‘’（）《》【】…—～·￥％★☆♥"
    said = [word for text in phrases("zh").all_text() + phrases("en").all_text() for word in _words(tokenizer, text)]
    return [*marks, *_words(tokenizer, more), *COMMON_HAN, *dict.fromkeys(word for word in said if len(word) == 1)]


def _said_han() -> list[str]:
    """The Han characters of our phrases, each once."""
    chars = dict.fromkeys("".join(phrases("zh").all_text()))
    return [char for char in chars if "\u4e00" <= char <= "\u9fff"]


def _words(tokenizer: Tokenizer, text: str) -> list[str]:
    assert tokenizer.normalizer is not None
    assert tokenizer.pre_tokenizer is not None
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))]
