"""What every engine that writes text promises of its texts, asked of all of them by one suite."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch

from storehand.engine import Engine, GenerateRequest, Result
from storehand.errors import Cancelled, InvalidInput
from storehand.task import GenerateOptions
from tests.contract.kits import WRITER_NAMES, Gate, Kit, make_writers
from tests.openai_server import OpenAIServer
from tests.vllm_stand_in import vllm_installed
from tests.waiting import until

torch.set_num_threads(1)
SCHEMA = {"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"]}


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Kit]]:
    with OpenAIServer(step_s=0.002) as server, vllm_installed():
        yield make_writers(tmp_path_factory.mktemp("writers"), server)


@pytest.fixture(scope="module", params=WRITER_NAMES)
def kit(request: pytest.FixtureRequest, kits: dict[str, Kit]) -> Kit:
    return kits[request.param]


@pytest.fixture(scope="module")
def engine(kit: Kit) -> Iterator[Engine]:
    with kit.running(max_tokens=256) as engine:
        yield engine


def said(engine: Engine, name: str, prompt: str = "a warm bag", *, on_text=None, **options) -> Result:  # type: ignore[no-untyped-def]  # any option
    options.setdefault("max_new_tokens", 24)
    request = GenerateRequest(id=name, prompt=prompt, options=GenerateOptions(**options), on_text=on_text)
    return engine.submit(request).result(20)


def text_of(result: Result) -> str:
    return result.completions[0].text


def test_what_is_streamed_is_the_text(engine: Engine) -> None:
    pieces: list[str] = []
    result = said(engine, "streamed", on_text=pieces.append)

    assert "".join(pieces) == text_of(result) == text_of(said(engine, "silent"))


def test_a_reader_has_the_beginning_before_the_text_is_complete(kit: Kit) -> None:
    gate, pieces = Gate(), []
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        future = engine.submit(kit.long_request("long", on_text=pieces.append))
        gate.let_through(12)
        until(lambda: pieces)

        assert not future.done()
        engine.cancel("long", Cancelled())


def test_a_stop_string_ends_the_text_and_is_no_part_of_it(engine: Engine) -> None:
    whole = text_of(said(engine, "whole"))
    stop = whole[len(whole) // 2 :][:3]
    pieces: list[str] = []

    result = said(engine, "stopped", stop=(stop,), on_text=pieces.append)

    assert text_of(result) == whole[: whole.index(stop)] == "".join(pieces)
    assert result.completions[0].finish_reason == "stop"
    assert result.completion_tokens <= 24


def test_the_limit_of_tokens_is_kept_and_told(engine: Engine) -> None:
    result = said(engine, "short", max_new_tokens=3)

    assert (result.completions[0].finish_reason, result.completion_tokens) == ("length", 3)


def test_a_seed_repeats_its_text_in_any_company_and_another_one_writes_another(engine: Engine) -> None:
    requests = [
        GenerateRequest(
            id=f"seeded {number}",
            prompt="a warm bag",
            options=GenerateOptions(max_new_tokens=16, temperature=1.5, seed=number % 2),
        )
        for number in range(6)
    ]
    alone = text_of(engine.submit(requests[0]).result(20))

    texts = [text_of(future.result(20)) for future in [engine.submit(request) for request in requests]]

    assert set(texts[::2]) == {alone}
    assert len(set(texts)) == 2


def test_samples_of_a_request_are_those_of_seeds_in_a_row(engine: Engine) -> None:
    many = said(engine, "many", n=3, temperature=1.5, seed=7, max_new_tokens=12)
    single = [said(engine, f"single {seed}", temperature=1.5, seed=seed, max_new_tokens=12) for seed in (7, 8, 9)]

    assert [completion.text for completion in many.completions] == [text_of(result) for result in single]
    assert many.completion_tokens == sum(completion.completion_tokens for completion in many.completions)


def test_whoever_cancels_learns_what_was_written(kit: Kit) -> None:
    gate = Gate()
    gate.close()
    with kit.running(gate=gate, **kit.narrow) as engine:
        future = engine.submit(kit.long_request("long"))
        gate.let_through(3)
        until(lambda: len(gate.reports) >= 4)
        engine.cancel("long", Cancelled("by its owner"))
        error = future.exception(0)

    assert isinstance(error, Cancelled)
    assert len(error.details["partial"]) == 1
    assert error.details["partial"][0]


def test_text_under_a_schema_is_json_of_it_or_the_request_is_refused(kit: Kit, engine: Engine) -> None:
    kit.needs("schemas")
    try:
        result = said(engine, "guided", json_schema=SCHEMA, max_new_tokens=64)
    except InvalidInput as error:
        assert "json_schema" in str(error)  # noqa: PT017  # either way is right
    else:
        assert isinstance(json.loads(text_of(result))["warm"], bool)
        assert result.completions[0].finish_reason == "stop"


def test_options_are_followed_or_refused_by_name(kit: Kit, engine: Engine) -> None:
    seen: list[int] = []

    def processor(tokens, logits):  # type: ignore[no-untyped-def]  # transformers' own types
        seen.append(len(tokens))
        return logits

    try:
        said(engine, "processed", logits_processors=(processor,), max_new_tokens=4)
    except InvalidInput as error:
        assert "logits_processors" in str(error)  # noqa: PT017  # either way is right
        assert not seen
    else:
        assert seen == [0, 1, 2, 3]
