"""What the engine `openai` promises beyond every engine's manners: keys, repetitions, errors, streams, embeddings."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from storehand.cli.checks import Check, Light
from storehand.engine import BatchReport, Engine, EngineSpec, EngineState, GenerateRequest, Result, TextsRequest
from storehand.errors import (
    Cancelled,
    EngineError,
    Expired,
    InvalidInput,
    ModelNotAvailable,
    Overloaded,
    SettingsError,
    StorehandError,
)
from storehand.settings import ModelBinding, Settings
from storehand.task import Completion, GenerateOptions, Kind, Message
from storehand_worker.doctor import plugins_and_models
from storehand_worker.engines import builtin_engines
from tests.contract.kits import begun_in_time
from tests.openai_server import MODEL, Fault, OpenAIServer
from tests.tiny_models import spec_of
from tests.waiting import until

KEY = "sk-a-very-secret-key-42"
ASK = [Message("system", "be short"), Message("user", "describe a light bag")]


@pytest.fixture(scope="module")
def shared() -> Iterator[OpenAIServer]:
    with OpenAIServer() as opened:
        yield opened


@pytest.fixture
def server(shared: OpenAIServer) -> OpenAIServer:
    shared.__dict__.update(
        reply=None, key="", step_s=0.0, has_model_list=True, refused=set(), knows_n=True,
        models={MODEL: None, "fails-on-w7": None},
    )  # fmt: skip
    shared.forget()
    return shared


def spec(server: OpenAIServer, kind: Kind = "generate", *, model: str = MODEL, **given: Any) -> EngineSpec:
    binding = {name: given.pop(name) for name in ("slots", "batch_tokens") if name in given}
    reports = given.pop("reports", None)
    options = {"base_url": server.url, "backoff_s": 0.01, **given}
    return spec_of(model, kind=kind, reports=reports, options=options, max_tokens=4096, **binding)


@contextmanager
def running(server: OpenAIServer, kind: Kind = "generate", **given: Any) -> Iterator[Engine]:
    engine = builtin_engines()["openai"](spec(server, kind, **given))
    try:
        server.forget()
        yield engine
    finally:
        engine.close(5)


def ask(name: str = "r", prompt: Any = ASK, *, on_text: Any = None, **options: Any) -> GenerateRequest:
    deadline = options.pop("deadline", None)
    wanted = GenerateOptions(**{"max_new_tokens": 8, **options})
    return GenerateRequest(id=name, prompt=prompt, options=wanted, on_text=on_text, deadline=deadline)


def first(result: Result) -> Completion:
    return result.completions[0]


def error_of(engine: Engine, request: Any) -> StorehandError:
    error = engine.submit(request).exception(10)
    assert isinstance(error, StorehandError)
    return error


# Keys.


def test_the_key_is_read_from_the_variable_that_is_named_and_stands_nowhere_else(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.key = KEY
    monkeypatch.setenv("SHOP_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    made = spec(server, api_key_env="SHOP_KEY")
    with running(server, api_key_env="SHOP_KEY") as engine:
        result = engine.submit(ask()).result(10)
        server.key = "another"  # the server echoes the key that it refuses
        error = error_of(engine, ask("refused"))

    assert result.completions
    assert isinstance(error, ModelNotAvailable)
    assert "refuses the key in SHOP_KEY (401: Incorrect API key provided: " in error.message
    for place in (error.message, repr(error.details), repr(made), repr(engine.__dict__), caplog.text):
        assert KEY not in place


def test_without_a_variable_no_key_is_sent_whatever_the_environment_holds(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Private: yes")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there
    with running(server) as engine:
        engine.submit(ask()).result(10)

    [seen] = server.asked("/chat/completions")
    assert {name.lower() for name in seen.headers} <= {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length",
    }  # fmt: skip


def test_headers_from_settings_and_environment_are_sent(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_KEY", KEY)
    with running(server, headers={"X-Team": "shop"}, header_envs={"api-key": "AZURE_KEY"}, query={"v": "1"}) as engine:
        engine.submit(ask()).result(10)

    [seen] = server.asked("/chat/completions?v=1")
    assert (seen.headers["X-Team"], seen.headers["api-key"]) == ("shop", KEY)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"base_url": None}, "options.base_url: "),
        ({"base_url": "localhost:8000"}, "must be a URL like http"),
        ({"base_url": "http://me:hush@localhost/v1"}, "must not carry a password"),
        ({"base_url": "http://localhost/v1?key=hush"}, "put the query into the option"),
        ({"api_key": "hush"}, r"options.api_key: keys do not belong into settings.*api_key_env"),
        ({"api_key_env": "NOT_SET_HERE"}, "environment variable NOT_SET_HERE .* which is not set"),
        ({"timeout": 3}, "options.timeout: Extra"),
        ({"max_retries": -1}, "options.max_retries"),
    ],
    ids=str,
)
def test_options_that_can_not_work_stop_the_start_and_show_no_secret(
    server: OpenAIServer, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        builtin_engines()["openai"](spec(server, **options))

    assert "hush" not in caught.value.message


# The look before the start.


def test_a_listed_model_costs_no_question_and_tells_its_context_length(server: OpenAIServer) -> None:
    server.models[MODEL] = 2048
    made = spec_of(MODEL, options={"base_url": server.url})
    values = {name: value for name, value in made.binding.model_dump().items() if name != "max_tokens"}
    engine = builtin_engines()["openai"](
        EngineSpec(role="text", kind="generate", name=MODEL, folder="", binding=type(made.binding)(**values))
    )
    engine.close()

    assert engine.info.max_tokens == 2048
    assert (engine.info.format, engine.info.folder) == ("chat", "")
    assert engine.info.server == ("127.0.0.1", urlsplit(server.url).port)
    assert [seen.path for seen in server.seen] == ["/v1/models"]


def test_an_unlisted_model_is_asked_for_one_token_and_an_unknown_one_is_refused_with_those_there_are(
    server: OpenAIServer,
) -> None:
    with pytest.raises(
        ModelNotAvailable, match=r"gpt-x: .*404: the model does not exist.*; it serves fails-on-w7, tiny"
    ):
        builtin_engines()["openai"](spec(server, model="gpt-x"))

    server.has_model_list = False
    with running(server):
        pass
    server.forget()
    builtin_engines()["openai"](spec(server, "encode")).close()
    assert [seen.path for seen in server.seen] == ["/v1/models", "/v1/embeddings"]


def test_a_wrong_key_or_address_stops_the_start_in_plain_words(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = KEY
    monkeypatch.setenv("SHOP_KEY", "sk-wrong")
    with pytest.raises(ModelNotAvailable, match=r"refuses the key in SHOP_KEY \(401: .*\*\*\*"):
        builtin_engines()["openai"](spec(server, api_key_env="SHOP_KEY"))
    with pytest.raises(ModelNotAvailable, match="refuses a request without a key"):
        builtin_engines()["openai"](spec(server))
    with pytest.raises(ModelNotAvailable, match=r"127.0.0.1:9/v1 can't be reached"):
        builtin_engines()["openai"](spec(server, base_url="http://127.0.0.1:9/v1", max_retries=1))
    with pytest.raises(ModelNotAvailable, match="knows no such model or page"):
        server.key = ""
        builtin_engines()["openai"](spec(server, base_url=server.url.removesuffix("/v1") + "/v2", model="gpt-x"))


def test_the_look_can_be_left_out(server: OpenAIServer) -> None:
    engine = builtin_engines()["openai"](spec(server, base_url="http://127.0.0.1:9/v1", check=False, max_retries=0))
    try:
        error = error_of(engine, ask())
    finally:
        engine.close()

    assert isinstance(error, EngineError)
    assert error.retryable


def test_a_kind_that_the_api_has_not_is_refused(server: OpenAIServer) -> None:
    with pytest.raises(ModelNotAvailable, match="can generate and encode; role classify wants to classify"):
        builtin_engines()["openai"](spec(server, "classify"))


# What is sent, and what comes back.


def test_options_reach_the_endpoint_under_its_names(server: OpenAIServer) -> None:
    with running(server, chat_template_kwargs={"enable_thinking": False}, extra_body={"top_a": 1}) as engine:
        options = {"temperature": 0.7, "top_p": 0.9, "seed": 11, "stop": ("\n", "###"), "max_new_tokens": 33}
        engine.submit(ask("drawn", top_k=40, repetition_penalty=1.2, **options)).result(10)
        engine.submit(ask("greedy")).result(10)

    drawn, greedy = (seen.body for seen in server.asked("/chat/completions"))
    assert drawn == {
        "model": MODEL, "messages": [{"role": each.role, "content": each.content} for each in ASK],
        "temperature": 0.7, "top_p": 0.9, "seed": 11, "stop": ["\n", "###"], "max_tokens": 33, "top_k": 40,
        "repetition_penalty": 1.2, "chat_template_kwargs": {"enable_thinking": False}, "top_a": 1,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert greedy["temperature"] == 0
    assert not {"seed", "top_p", "stop", "top_k"} & set(greedy)


CARD = {"type": "object", "properties": {"名": {"type": "string"}}, "required": ["名"]}
CLOSED = {**CARD, "additionalProperties": False}


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        (
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": CLOSED, "strict": True}},
        ),
        ("structured_outputs", {"json": CLOSED}),
        ("guided_json", CLOSED),
    ],
)
@pytest.mark.parametrize("prompt", [ASK, "plain text"], ids=["chat", "plain"])
def test_a_json_schema_goes_where_the_endpoint_wants_it(
    server: OpenAIServer, field: str, sent: Any, prompt: Any
) -> None:
    with running(server, schema_field=field) as engine:
        engine.submit(ask("s", prompt, json_schema=CARD)).result(10)

    [body] = (seen.body for seen in server.asked("completions"))
    assert body[field] == sent


def test_wishes_about_tokens_are_sent_and_what_cant_be_sent_is_refused(server: OpenAIServer) -> None:
    with running(server) as engine:
        engine.submit(ask("w", logit_bias={7: -100.0, 9: 1.5}, min_new_tokens=3, min_p=0.1)).result(10)
        with pytest.raises(InvalidInput, match="can't follow the option logits_processors"):
            engine.submit(ask("p", logits_processors=(print,)))
        with pytest.raises(InvalidInput, match="json_schema is no JSON"):
            engine.submit(ask("j", json_schema={"const": object()}))

    [body] = (seen.body for seen in server.asked("/chat/completions"))
    assert (body["logit_bias"], body["min_tokens"], body["min_p"]) == ({"7": -100.0, "9": 1.5}, 3, 0.1)


@pytest.mark.parametrize("stream", [True, False])
def test_text_reason_and_tokens_are_those_of_the_endpoint(server: OpenAIServer, stream: bool) -> None:
    server.reply = lambda prompt, seed: "A light bag. 轻便。"
    with running(server, stream=stream) as engine:
        whole = engine.submit(ask("whole", max_new_tokens=50)).result(10)
        cut = engine.submit(ask("cut", max_new_tokens=2)).result(10)

    assert first(whole) == Completion("A light bag. 轻便。", "stop", 6)
    assert first(cut) == Completion("A ligh", "length", 2)
    assert (whole.prompt_tokens, whole.completion_tokens) == (6, 6)
    assert whole.timings.first_token_s is not None


def test_tokens_are_counted_here_where_the_endpoint_tells_none(server: OpenAIServer) -> None:
    with running(server, leave_out=["stream_options"]) as engine:
        result = engine.submit(ask(max_new_tokens=5)).result(10)

    assert result.completion_tokens == 5
    assert result.prompt_tokens >= 6


def test_a_plain_prompt_goes_to_completions_or_into_one_turn(server: OpenAIServer) -> None:
    for choice, path in (("completions", "/v1/completions"), ("chat", "/v1/chat/completions")):
        with running(server, plain_prompts=choice) as engine:
            assert engine.submit(ask(prompt="a light bag")).result(10).completions
        assert [seen.path for seen in server.seen] == [path]


def test_samples_go_apart_with_a_seed_each_or_all_at_once(server: OpenAIServer) -> None:
    options = {"n": 3, "temperature": 1.0, "seed": 5}
    with running(server) as engine:
        apart = engine.submit(ask(**options)).result(10)
        alone = [first(engine.submit(ask(str(n), temperature=1.0, seed=5 + n)).result(10)) for n in range(3)]
    with running(server, n_at_once=True) as engine:
        at_once = engine.submit(ask(**options)).result(10)
        asked = [seen.body["n"] for seen in server.asked("/chat/completions")]
        server.knows_n = False
        error = error_of(engine, ask("poor", **options))

    assert list(apart.completions) == alone
    assert len({each.text for each in at_once.completions}) == 3
    assert asked == [3]
    assert "gave 1 of 3 texts" in error.message


def test_more_stop_strings_than_the_api_takes_are_obeyed_here(server: OpenAIServer) -> None:
    server.reply = lambda prompt, seed: "one two three four five six seven"
    with running(server) as engine:
        result = engine.submit(ask(max_new_tokens=50, stop=("#", "@", "!", "?", "four", "three"))).result(10)

    assert first(result).text == "one two "
    assert first(result).finish_reason == "stop"
    assert len(server.asked("/chat/completions")[0].body["stop"]) == 4


def test_a_stream_comes_in_pieces_that_join_to_the_text(server: OpenAIServer) -> None:
    server.reply = lambda prompt, seed: "轻便背包，适合通勤。" * 8
    server.step_s = 0.005
    pieces: list[str] = []
    with running(server) as engine:
        result = engine.submit(ask(max_new_tokens=100, on_text=pieces.append, stop=("不会",))).result(10)

    assert "".join(pieces) == first(result).text == "轻便背包，适合通勤。" * 8
    assert len(pieces) > 3


def test_half_an_emoji_waits_for_its_other_half(server: OpenAIServer) -> None:
    pieces: list[str] = []
    server.reply = lambda prompt, seed: "ok\ud83d" + "\ude00 fine \ud83d"  # as servers send it that cut by UTF-16
    with running(server) as engine:
        result = engine.submit(ask(max_new_tokens=50, on_text=pieces.append)).result(10)

    assert "".join(pieces) == first(result).text == "ok\U0001f600 fine "
    assert all(piece.encode() for piece in pieces)


# Failures.


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503),
        Fault(status=429),
        Fault("cut"),
        Fault("malformed"),
        Fault("html"),
        Fault(status=408),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
@pytest.mark.parametrize("stream", [True, False])
def test_what_passes_is_tried_again(server: OpenAIServer, fault: Fault, stream: bool) -> None:
    if fault.kind == "cut" and not stream:
        return
    with running(server, stream=stream, max_retries=2) as engine:
        expected = first(engine.submit(ask("e")).result(10))
        server.forget()
        server.fail(fault, times=2)
        result = engine.submit(ask()).result(10)
        server.fail(fault, times=3)
        error = error_of(engine, ask("out of tries"))

    assert first(result) == expected
    assert len(server.asked("/chat/completions")) == 6
    assert isinstance(error, Overloaded if fault.status == 429 else EngineError)
    assert error.retryable


def test_what_the_endpoint_asks_us_to_wait_is_waited_by_all(server: OpenAIServer) -> None:
    with running(server, slots=4, max_retries=1) as engine:
        server.fail(Fault(status=429, headers={"Retry-After": "0.4"}))
        started = time.monotonic()
        limited = engine.submit(ask("limited"))
        until(lambda: len(server.seen) == 1)
        other = engine.submit(ask("other"))
        limited.result(10)
        other.result(10)

    assert time.monotonic() - started >= 0.4
    assert len(server.seen) == 3


def test_a_wait_longer_than_allowed_is_told_to_the_caller_at_once(server: OpenAIServer) -> None:
    with running(server, max_wait_s=5) as engine:
        server.fail(Fault(status=429, headers={"Retry-After": "3600"}))
        error = error_of(engine, ask())

    assert isinstance(error, Overloaded)
    assert error.details == {"retry_after_s": 3600.0}


@pytest.mark.parametrize(
    ("fault", "cls", "said"),
    [
        (Fault(status=400, error={"message": "maximum context length is 512", "code": "context_length_exceeded"}),
         InvalidInput, "too long for the model"),
        (Fault(status=400, error={"message": "messages must alternate"}), InvalidInput, "400: messages must alternate"),
        (Fault(status=403, error={"message": "no"}), ModelNotAvailable, "403"),
        (Fault(status=404, error={"message": "no"}), ModelNotAvailable, "404"),
        (Fault(status=429, error={"message": "pay", "code": "insufficient_quota"}), ModelNotAvailable, "no quota left"),
        (Fault("redirect"), ModelNotAvailable, "redirects to https://elsewhere.example"),
        (Fault("filter"), InvalidInput, "content filter"),
    ],
    ids=lambda value: value.kind + str(value.status) if isinstance(value, Fault) else "",
)  # fmt: skip
def test_what_does_not_pass_is_not_tried_again(
    server: OpenAIServer, fault: Fault, cls: type[StorehandError], said: str
) -> None:
    with running(server, max_retries=3) as engine:
        server.fail(fault)
        error = error_of(engine, ask())

    assert type(error) is cls
    assert said in error.message
    assert not error.retryable
    assert len(server.seen) == 1


def test_an_endpoint_s_words_about_a_prompt_are_the_owner_s_and_in_no_log(
    server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "storehand_worker")
    with running(server, max_retries=0) as engine:
        server.fail(Fault(status=500, error={"message": "can't go on after 'a secret of the shop'"}))
        error = error_of(engine, ask())

    assert error.message.endswith("failed (500)")
    assert error.details["said"] == "can't go on after 'a secret of the shop'"
    assert "failed (500)" in caplog.text
    assert "secret" not in caplog.text


def test_a_silent_endpoint_is_given_up(server: OpenAIServer) -> None:
    with running(server, timeout_s=0.2, max_retries=1, check=False) as engine:
        server.fail(Fault("hang"), times=2)
        error = error_of(engine, ask())
        until(lambda: server.left == 2)

    assert type(error) is EngineError
    assert "said nothing for 0.2 s" in error.message


def test_a_text_that_has_begun_to_reach_its_reader_is_not_begun_again(server: OpenAIServer) -> None:
    pieces: list[str] = []
    with running(server) as engine:
        server.fail(Fault("cut", after=3))
        error = error_of(engine, ask(on_text=pieces.append))

    assert isinstance(error, EngineError)
    assert len(server.seen) == 1


def test_a_field_that_the_endpoint_does_not_take_is_left_out_from_then_on(server: OpenAIServer) -> None:
    server.refused = {"max_tokens", "temperature", "seed"}
    with running(server) as engine:
        for name in "ab":
            assert engine.submit(ask(name, temperature=0.7, seed=4)).result(10).completions
        bodies = [seen.body for seen in server.asked("/chat/completions")]
        server.refused.add("top_k")
        error = error_of(engine, ask("c", top_k=5))

    assert len(bodies) == 5  # three refusals, two answers
    assert bodies[-1]["max_completion_tokens"] == 8
    assert not {"max_tokens", "temperature", "seed"} & set(bodies[-1])
    assert isinstance(error, ModelNotAvailable)
    assert "options.leave_out = ['top_k']" in error.message


@pytest.mark.parametrize("how", ["cancel", "deadline"])
@pytest.mark.parametrize("fault", [None, Fault("hang"), Fault(status=429, headers={"Retry-After": "30"})])
def test_a_stop_closes_the_connection_and_frees_the_place(server: OpenAIServer, how: str, fault: Fault | None) -> None:
    server.step_s = 0.02
    left = 0 if fault is not None and fault.kind == "status" else 1
    with running(server, slots=1) as engine:

        def send(at: float) -> Future[Result]:
            server.forget()
            if fault is not None:
                server.fail(fault)
            return engine.submit(ask(f"long {at}", max_new_tokens=1000, deadline=at if how == "deadline" else None))

        future, at = begun_in_time(lambda: server.seen, send)
        if how == "cancel":
            until(lambda: engine.stats().running == 1)
            engine.cancel(f"long {at}", Cancelled())
        error = future.exception(10)

        assert isinstance(error, Expired if how == "deadline" else Cancelled)
        until(  # the text itself would go on for 20 s
            lambda: (engine.stats().running, server.running, server.left) == (0, 0, left)
        )


def test_no_more_requests_are_on_the_wire_than_there_are_places(server: OpenAIServer) -> None:
    server.step_s = 0.005
    reports: list[BatchReport] = []
    with running(server, slots=3, reports=reports) as engine:
        futures = [engine.submit(ask(str(number))) for number in range(12)]
        for future in futures:
            future.result(10)

    assert server.most_running == 3
    assert {report.phase for report in reports} == {"decode"}
    assert max(report.items for report in reports) <= report_capacity(reports) == 3
    assert sum(report.tokens for report in reports) >= 12 * 8


def report_capacity(reports: list[BatchReport]) -> int:
    [capacity] = {report.capacity for report in reports}
    return capacity


def test_health_is_degraded_after_failures_and_recovers(server: OpenAIServer) -> None:
    with running(server, max_retries=0) as engine:
        server.fail(Fault(), times=3)
        for number in range(3):
            error_of(engine, ask(str(number)))
        ill = engine.health()
        engine.submit(ask("fine")).result(10)
        well = engine.health()

    assert (ill.state, well.state) == (EngineState.DEGRADED, EngineState.OK)


def test_a_slow_reader_holds_up_nobody(server: OpenAIServer) -> None:
    may_go = threading.Event()
    with running(server) as engine:
        watched = engine.submit(ask("slow", on_text=lambda piece: may_go.wait(10)))
        assert engine.submit(ask("other")).result(5)
        assert not watched.done()
        may_go.set()
        assert watched.result(5)


# Embeddings.


def test_vectors_have_unit_length_in_the_order_of_the_texts_many_in_a_request(server: OpenAIServer) -> None:
    texts = tuple(f"text {number} 轻便" for number in range(40))
    with running(server, "encode", slots=1, dimensions=8) as engine:
        result = engine.submit(TextsRequest(id="all", texts=texts)).result(10)
        alone = [engine.submit(TextsRequest(id=text, texts=(text,))).result(10).vectors[0] for text in texts[:5]]

    assert list(result.vectors[:5]) == alone
    assert all(sum(value * value for value in vector) == pytest.approx(1) for vector in result.vectors)
    assert len(set(result.vectors)) == 40
    assert len(server.seen[0].body["input"]) == 40
    assert server.seen[0].body["dimensions"] == 8
    assert result.prompt_tokens == 40 * 5  # as the server counts


def test_no_request_has_more_texts_or_tokens_than_the_binding_says(server: OpenAIServer) -> None:
    texts = tuple(f"w{number} bag" for number in range(30))
    with running(server, "encode", texts_per_request=8) as engine:
        engine.submit(TextsRequest(id="r", texts=texts)).result(10)
        by_count = [len(seen.body["input"]) for seen in server.seen]
    with running(server, "encode", batch_tokens=16) as engine:
        engine.submit(TextsRequest(id="r", texts=texts)).result(10)
        by_tokens = [len(seen.body["input"]) for seen in server.seen]

    assert sum(by_count) == sum(by_tokens) == 30
    assert max(by_count) == 8
    assert max(by_tokens) <= 5  # three tokens each


def test_a_text_that_the_endpoint_fails_on_is_found_and_its_neighbours_are_answered(server: OpenAIServer) -> None:
    with running(server, "encode", model="fails-on-w7", slots=1, max_retries=0) as engine:
        good = [TextsRequest(id=f"good {number}", texts=(f"a {number}", "b")) for number in range(5)]
        server.step_s = 0.05
        futures = [engine.submit(TextsRequest(id="plug", texts=("plug",)))]
        futures += [engine.submit(request) for request in good]
        bad = engine.submit(TextsRequest(id="bad", texts=("w7",)))

        assert isinstance(bad.exception(10), EngineError)
        assert all(future.result(10).vectors for future in futures)


def test_an_endpoint_that_is_down_is_not_asked_text_by_text(server: OpenAIServer) -> None:
    with running(server, "encode", max_retries=1) as engine:
        server.fail(Fault(), times=200)
        error = error_of(engine, TextsRequest(id="r", texts=tuple(map(str, range(64)))))
        assert len(server.seen) == 4  # the whole twice, then its halves
        server.forget()
        server.fail(Fault(status=503), times=200)
        error_of(engine, TextsRequest(id="s", texts=tuple(map(str, range(64)))))

    assert error.retryable
    assert len(server.seen) == 2


def test_an_empty_text_is_invalid(server: OpenAIServer) -> None:
    with running(server, "encode") as engine, pytest.raises(InvalidInput, match="empty"):
        engine.submit(TextsRequest(id="r", texts=("a", " \t ")))


# doctor.


def test_doctor_tells_whether_the_endpoint_serves_the_model(server: OpenAIServer, tmp_path: Path) -> None:
    def check(model: str, **options: Any) -> Check:
        binding = ModelBinding(engine="openai", model=model, options={"base_url": server.url, **options})
        settings = Settings(data_dir=tmp_path, models={"text": binding}, plugins=["description"])
        return next(each for each in plugins_and_models(settings) if (each.area, each.name) == ("models", "text"))

    server.models[MODEL] = 2048
    assert check(MODEL).light is Light.GREEN
    assert check(MODEL).detail == f"{MODEL} at {server.url}, 2048 tokens"
    assert "it serves fails-on-w7, tiny-remote" in check("gpt-x").detail
    assert "NOT_SET_HERE" in check(MODEL, api_key_env="NOT_SET_HERE").detail
    assert check("gpt-x").light is check(MODEL, api_key_env="NOT_SET_HERE").light is Light.RED
