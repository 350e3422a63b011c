"""Texts that follow a JSON schema, and other wishes about logits: kept by rows that have them, unknown to the rest."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from pydantic import BaseModel, Field

import storehand_plugins
from storehand.engine import Engine, EngineSpec, GenerateRequest, Result
from storehand.errors import EngineError, InvalidInput, ModelNotAvailable, PluginError, StorehandError
from storehand.task import Completion, GenerateOptions
from storehand_worker.engines import builtin_engines
from tests.tiny_models import byte_tokenizer, metaspace_tokenizer, save_text_model, spec_of, word_tokenizer

torch.set_num_threads(1)
STARTER_TEXT = Path(storehand_plugins.__file__).parent / "starter" / "text"


class Note(BaseModel):
    text: str = Field(max_length=6)
    more: Note | None


class Card(BaseModel):
    """Most of what a shop asks for: bounded texts, choices, numbers, lists, something nested, something optional."""

    名称: str = Field(min_length=2, max_length=12)
    colour: Literal["黑色", "米白", "navy"]
    price: int = Field(ge=0, le=9999)
    tags: list[Literal["轻便", "耐用", "soft"]] = Field(max_length=3)
    is_new: bool
    size: str | None = Field(pattern="^[SML]$")


class Verdict(BaseModel):
    verdict: Literal["好", "bad"]


CARD, VERDICT = Card.model_json_schema(), Verdict.model_json_schema()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random models, whose choices only the grammar keeps in order."""
    made = {
        "byte-level": {"tokenizer": byte_tokenizer(), "generation": {"eos_token_id": 0}},
        "sentencepiece": {"tokenizer": metaspace_tokenizer(), "family": "gpt2"},
    }
    return {name: save_text_model(tmp_path_factory.mktemp(name), **each) for name, each in made.items()}  # type: ignore[arg-type]  # by name


@pytest.fixture(scope="module")
def engines(folders: dict[str, Path]) -> Iterator[dict[str, Engine]]:
    paths = {**folders, "starter": STARTER_TEXT}
    started = {name: builtin_engines()["text"](spec_of(path)) for name, path in paths.items()}
    yield started
    for engine in started.values():
        engine.close(5)


@contextmanager
def running(spec: EngineSpec) -> Iterator[Engine]:
    engine = builtin_engines()["text"](spec)
    try:
        yield engine
    finally:
        engine.close(5)


def ask(name: str, prompt: str = "背包", *, on_text: Any = None, **options: Any) -> GenerateRequest:
    chosen = GenerateOptions(**{"max_new_tokens": 200, **options})
    return GenerateRequest(id=name, prompt=prompt, options=chosen, on_text=on_text)


def first(result: Result) -> Completion:
    return result.completions[0]


def write(engine: Engine, name: str, **options: Any) -> Completion:
    return first(engine.submit(ask(name, **options)).result(20))


ENGINES = pytest.mark.parametrize("name", ["byte-level", "sentencepiece", "starter"])


@ENGINES
def test_every_text_is_json_of_its_schema_greedy_and_drawn(engines: dict[str, Engine], name: str) -> None:
    engine = engines[name]
    greedy = [engine.submit(ask(f"g{n}", f"背包 {n}", json_schema=CARD)) for n in range(3)]
    drawn = [engine.submit(ask(f"d{n}", json_schema=CARD, temperature=1.5, seed=n)) for n in range(6)]

    texts = [first(future.result(60)) for future in (*greedy, *drawn)]

    assert {text.finish_reason for text in texts} == {"stop"}
    assert all(set(json.loads(text.text)) == set(Card.model_fields) for text in texts)
    cards = [Card.model_validate_json(text.text) for text in texts]
    assert len({card.名称 for card in cards}) > 4


@ENGINES
def test_different_schemas_and_none_at_all_share_a_batch(engines: dict[str, Engine], name: str) -> None:
    engine = engines[name]
    free: dict[str, Any] = {"temperature": 1.0, "seed": 3, "max_new_tokens": 40}
    alone = write(engine, "alone", **free)

    company = [engine.submit(ask(f"c{n}", json_schema=(CARD, VERDICT)[n % 2], seed=n, temperature=1)) for n in range(6)]
    among = write(engine, "among", **free)
    texts = [first(future.result(60)).text for future in company]

    assert among == alone
    for number, text in enumerate(texts):
        (Card, Verdict)[number % 2].model_validate_json(text)


def test_a_seed_repeats_its_json_alone_and_in_company_and_every_sample_has_its_own(engines: dict[str, Engine]) -> None:
    engine = engines["starter"]
    options: dict[str, Any] = {"json_schema": CARD, "temperature": 1.2, "top_p": 0.95, "seed": 11}
    alone = engine.submit(ask("alone", n=3, **options)).result(60).completions

    company = [engine.submit(ask(f"c{n}", json_schema=VERDICT, temperature=1.0)) for n in range(4)]
    again = engine.submit(ask("again", n=3, **options)).result(60).completions
    second = write(engine, "second", **{**options, "seed": 12})

    assert all(future.result(60) for future in company)
    assert again == alone
    assert second == alone[1]
    assert len({each.text for each in alone}) == 3
    for each in alone:
        Card.model_validate_json(each.text)


def test_streamed_json_comes_in_whole_characters_and_joins_to_the_text(engines: dict[str, Engine]) -> None:
    for name, engine in engines.items():
        pieces: list[str] = []
        request = ask("s", json_schema=CARD, temperature=1.5, seed=4, on_text=pieces.append)

        text = first(engine.submit(request).result(60)).text

        assert "".join(pieces) == text, name
        assert not any("\ufffd" in piece for piece in pieces)
        Card.model_validate_json(text)


def test_numbers_are_written_though_the_model_suppresses_digits_elsewhere(engines: dict[str, Engine]) -> None:
    engine = engines["starter"]  # its generation_config.json suppresses them

    guided = write(engine, "g", json_schema=CARD)
    free = write(engine, "f", max_new_tokens=60)

    assert json.loads(guided.text)["price"] >= 0
    assert not any(character in "0123456789" for character in free.text)


def test_nested_and_recursive_schemas_are_followed(engines: dict[str, Engine]) -> None:
    for seed in range(4):
        said = write(engines["byte-level"], f"{seed}", json_schema=Note.model_json_schema(), temperature=1.0, seed=seed)
        if said.finish_reason == "stop":
            Note.model_validate_json(said.text)
    assert said.text.startswith("{")


def test_a_schema_longer_than_the_tokens_ends_by_length_with_the_beginning_of_its_json(
    engines: dict[str, Engine],
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 500}}, "required": ["a"]}
    for engine in engines.values():
        said = write(engine, "long", json_schema=schema, max_new_tokens=30)

        assert (said.finish_reason, said.completion_tokens) == ("length", 30)
        assert said.text.replace(" ", "").startswith('{"a":"')
        said.text.encode()


def test_a_text_that_may_end_ends_by_the_models_end_token_or_where_there_is_none_at_once(
    engines: dict[str, Engine],
) -> None:
    said = write(engines["sentencepiece"], "n", json_schema={"type": "integer"})
    assert (said.completion_tokens, said.finish_reason) == (1, "stop")
    int(said.text)

    end = {0: 100.0}  # the end token, where the grammar allows it
    said = write(engines["byte-level"], "e", json_schema={"type": "integer"}, logit_bias=end)
    assert (said.completion_tokens, said.finish_reason) == (2, "stop")
    int(said.text)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum"),
        ({"type": "nonsense"}, "nonsense"),
        ({"$ref": "https://example.com/other"}, "example.com"),
        ({"enum": [float("nan")]}, "no JSON"),
        ({"enum": [object()]}, "no JSON"),
        ({"enum": ["x" * 300_000]}, "characters"),
        ({"type": "string", "pattern": "(?=a)b"}, "can't be served"),
        ("{}", "as an object"),
    ],
    ids=["unique", "empty range", "type", "reference", "nan", "object", "huge", "look-ahead", "text"],
)
def test_a_schema_that_cant_be_served_is_refused_with_its_reason_before_it_meets_the_batch(
    engines: dict[str, Engine], schema: Any, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        engines["byte-level"].submit(ask("bad", json_schema=schema))

    assert write(engines["byte-level"], "good", json_schema=VERDICT).finish_reason == "stop"


def test_a_tokenizer_that_cant_be_guided_says_so_and_the_model_writes_on(tmp_path: Path) -> None:
    with running(spec_of(save_text_model(tmp_path, tokenizer=word_tokenizer()))) as engine:
        with pytest.raises(ModelNotAvailable, match="tokenizer can't be guided"):
            engine.submit(ask("g", "w1 w2", json_schema=VERDICT))

        assert engine.submit(ask("f", "w1 w2", max_new_tokens=3)).result(10)


def test_without_the_library_a_schema_is_refused_by_name(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with running(spec_of(folders["byte-level"])) as engine:
        with pytest.raises(ModelNotAvailable, match="llguidance"):
            engine.submit(ask("g", json_schema=VERDICT))

        assert engine.submit(ask("f", max_new_tokens=3)).result(10)


def test_many_threads_may_ask_for_new_schemas_at_once(folders: dict[str, Path]) -> None:
    said: dict[int, str] = {}
    with running(spec_of(folders["byte-level"])) as engine:

        def work(number: int) -> None:
            schema = {"enum": [f"货 {number % 5}", f"other {number % 5}"]}
            for _ in range(3):
                said[number] = write(engine, f"{number}", json_schema=schema).text

        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert {number: json.loads(text)[-1] for number, text in said.items()} == {n: str(n % 5) for n in range(12)}


# Wishes without a schema.


def test_a_bias_forces_and_forbids_tokens(engines: dict[str, Engine]) -> None:
    engine = engines["byte-level"]
    [wanted] = byte_tokenizer()("背", add_special_tokens=False)["input_ids"][:1]
    letters = [byte_tokenizer().convert_tokens_to_ids(letter) for letter in "abcdefghij"]

    forced = write(engine, "forced", max_new_tokens=8, logit_bias={wanted: 100.0})
    only = dict.fromkeys(set(range(len(byte_tokenizer()))) - set(letters), -100.0)
    written = write(engine, "only", max_new_tokens=60, temperature=1.0, logit_bias=only)

    assert (forced.text, forced.completion_tokens) == ("", 8)  # the first byte of a character, eight times
    assert len(written.text) == 60
    assert set(written.text) <= set("abcdefghij")


def test_the_end_token_is_held_back_until_enough_is_written(engines: dict[str, Engine]) -> None:
    engine = engines["byte-level"]
    eager = {"logit_bias": {0: 99.0}, "max_new_tokens": 40}

    assert write(engine, "eager", **eager).completion_tokens == 1
    assert write(engine, "held", min_new_tokens=7, **eager).completion_tokens == 8


def test_a_processor_changes_its_own_texts_logits_in_place_or_by_another_tensor(engines: dict[str, Engine]) -> None:
    engine = engines["byte-level"]
    seen: list[list[int]] = []

    def in_place(out: Sequence[int], logits: torch.Tensor) -> None:
        seen.append(list(out))
        logits[5] = 1000

    def another(out: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(len(logits)) == (6 if len(out) % 2 else 5), 1.0, 0.0)

    company = [engine.submit(ask(f"c{n}", f"bag {n}", max_new_tokens=20)) for n in range(3)]
    fives = write(engine, "p", max_new_tokens=4, logits_processors=(in_place,))
    mixed = write(engine, "q", max_new_tokens=4, logits_processors=(in_place, another))
    alone = [write(engine, f"a{n}", prompt=f"bag {n}", max_new_tokens=20) for n in range(3)]

    assert seen[:4] == [[], [5], [5, 5], [5, 5, 5]]
    assert len(set(fives.text)) == 1
    assert (mixed.text[0], mixed.text[2]) == (fives.text[0], fives.text[0])
    assert mixed.text[1] != fives.text[0]
    assert [first(future.result(20)) for future in company] == alone


def broken(out: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
    raise LookupError("no such word")


def spoiling(out: Sequence[int], logits: torch.Tensor) -> None:
    logits[7] = torch.nan


def of_another_shape(out: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
    return logits[:5]


def forbidding(out: Sequence[int], logits: torch.Tensor) -> None:
    logits.fill_(-torch.inf)


@pytest.mark.parametrize(
    ("processor", "error", "reason"),
    [
        (broken, PluginError, "no such word"),
        (spoiling, PluginError, "NaN"),
        (of_another_shape, PluginError, "shape"),
        (forbidding, InvalidInput, "leave no token"),
    ],
)
def test_a_processor_that_goes_wrong_fails_its_own_request_only(
    engines: dict[str, Engine], processor: Any, error: type[StorehandError], reason: str
) -> None:
    engine = engines["byte-level"]
    company = [engine.submit(ask(f"c{n}", json_schema=CARD, seed=n)) for n in range(3)]

    with pytest.raises(error, match=reason) as caught:
        write(engine, "bad", logits_processors=(processor,))

    assert not isinstance(caught.value, EngineError)  # trying again would not help
    for future in company:
        Card.model_validate_json(first(future.result(60)).text)


def test_a_bias_of_a_token_that_the_model_does_not_have_is_refused(engines: dict[str, Engine]) -> None:
    with pytest.raises(InvalidInput, match="names token 99999"):
        engines["byte-level"].submit(ask("b", logit_bias={99_999: 1.0}))
