"""One OpenAI-compatible endpoint as the engine uses it: what is sent, and what comes back, without lane or retries."""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import openai

from storehand.engine import GenerateRequest
from storehand.errors import ModelNotAvailable
from storehand_worker.engines.estimate import plain, turns
from storehand_worker.engines.openai_errors import BadAnswer, Failure, Interpreter
from storehand_worker.engines.openai_options import EndpointOptions, wishes

log = logging.getLogger(__name__)

SENT_HEADERS = (
    "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length",
    "transfer-encoding",
)  # fmt: skip
"""All else that the client library would send (its telemetry, what OPENAI_* variables put there) stays here."""
MAX_STOP = 4
"""Stop strings that the API takes; the engine itself cuts at the others."""
NO_LIST = (404, 405, 501)
_LOGGERS = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of one choice's text, the reason of its end, or the figures of the whole request."""

    choice: int = 0
    text: str = ""
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Endpoint:
    """Built and used on the engine's event loop. The key is known to the header hook only."""

    def __init__(self, options: EndpointOptions, *, role: str, model: str) -> None:
        self._options = options
        self._model = model
        self._headers = {**options.headers, **options.secret_headers(role)}
        self._limit_field = options.limit_field
        self._left_out = set(options.leave_out)
        name = f"the key in {options.api_key_env}" if options.api_key_env else "a request without a key (api_key_env)"
        secrets = list(options.secret_headers(role).values())
        self._interpreter = Interpreter(options.where, key_name=name, secrets=secrets, timeout_s=options.timeout_s)
        self._client = openai.AsyncOpenAI(
            base_url=options.base_url,
            api_key="in the header hook",
            max_retries=0,  # the engine repeats: it knows deadlines, and holds the others back
            default_query=options.query or None,
            http_client=self._http(options),
        )
        for each in _LOGGERS:  # they would log a line per request, at DEBUG with customers' words
            logging.getLogger(each).setLevel(logging.WARNING)

    def _http(self, options: EndpointOptions) -> Any:
        timeout = openai.Timeout(options.timeout_s, connect=min(options.connect_timeout_s, options.timeout_s))
        verify: ssl.SSLContext | bool = True
        if options.ca_file is not None:
            verify = ssl.create_default_context(cafile=str(options.ca_file))
        elif options.base_url.startswith("http:"):
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, which takes no time to load
        return openai.DefaultAsyncHttpxClient(
            timeout=timeout,
            trust_env=options.environment_proxies,
            follow_redirects=False,  # a redirect would carry texts and key to another place
            event_hooks={"request": [self._only_our_headers]},
            verify=verify,
        )

    async def _only_our_headers(self, request: Any) -> None:
        for name in [name for name in request.headers if name.lower() not in SENT_HEADERS]:
            del request.headers[name]
        request.headers.update(self._headers)

    def failure(self, error: Exception) -> Failure:
        return self._interpreter.read(error)

    def adapt(self, field: str) -> bool:
        """Whether a request without this field, or with its other name, is worth another try. Remembered."""
        names = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
        if field in names and self._limit_field == field and self._options.max_tokens_field is None:
            self._limit_field = names[field]
        elif field in ("seed", "temperature", "top_p", "stop", "stream_options") and field not in self._left_out:
            self._left_out.add(field)
            log.warning("%s does not take %r; %s is asked without it from now on", self._options.where, field,
                        self._model)  # fmt: skip
        else:
            return False
        return True

    async def close(self) -> None:
        await self._client.close()

    async def models(self) -> dict[str, int | None] | None:
        """Model id -> context length where it is told; none where the endpoint has no list."""
        try:
            page = await self._client.models.list()
            rows = list(page.data)
            found = {str(each.id): _context_of(each.model_extra or {}) for each in rows}
        except openai.APIStatusError as error:
            if error.status_code in NO_LIST:
                return None
            raise
        except (AttributeError, TypeError, ValueError) as error:
            raise ModelNotAvailable(
                f"{self._options.where} answers, but not as an OpenAI API does: does base_url end in /v1?"
            ) from error
        return found

    async def write(self, request: GenerateRequest, *, seed: int, count: int) -> AsyncGenerator[Delta, None]:
        """Up to `count` choices, as they come. Ends after the last reason; BadAnswer where it breaks off before."""
        body = self._body(request, seed=seed, count=count)
        is_chat = not isinstance(request.prompt, str) or self._options.plain_prompts == "chat"
        create: Callable[..., Any] = (
            self._client.chat.completions.create if is_chat else self._client.completions.create
        )
        asked = {"messages": turns(request.prompt)} if is_chat else {"prompt": plain(request.prompt)}
        answer = await create(**asked, **body)
        if not body.get("stream"):
            for delta in _whole(answer):
                yield delta
            return
        ended: set[int] = set()
        try:
            async for event in answer:
                for delta in _deltas(event):
                    if delta.reason:
                        ended.add(delta.choice)
                    yield delta
        finally:
            await answer.close()
        if not ended:
            raise BadAnswer("broke off in the middle of its answer")

    def _body(self, request: GenerateRequest, *, seed: int, count: int) -> dict[str, Any]:
        options, own = request.options, self._options
        sent: dict[str, Any] = {"temperature": options.temperature, self._limit_field: options.max_new_tokens}
        if options.temperature > 0:
            sent["seed"] = seed & 0x7FFF_FFFF
        if options.top_p < 1:
            sent["top_p"] = options.top_p
        if options.stop:
            sent["stop"] = list(options.stop[:MAX_STOP])
        if count > 1:
            sent["n"] = count
        if own.stream:
            sent |= {"stream": True, "stream_options": {"include_usage": True}}
        fields, more = wishes(options, schema_field=own.schema_field)
        sent |= fields
        extra = {**own.extra_body, **more}
        if own.chat_template_kwargs:
            extra["chat_template_kwargs"] = own.chat_template_kwargs
        sent = {name: value for name, value in sent.items() if name not in self._left_out}
        return {"model": self._model, **sent, **({"extra_body": extra} if extra else {})}

    async def embed(self, texts: Sequence[str]) -> tuple[list[tuple[float, ...]], int | None]:
        """One vector of unit length per text, in order; and the tokens that were read, where it is told."""
        more: dict[str, Any] = {} if self._options.dimensions is None else {"dimensions": self._options.dimensions}
        answer: Any = await self._client.embeddings.create(
            model=self._model, input=list(texts), encoding_format="float", extra_body=self._options.extra_body, **more
        )
        try:
            rows = {int(row.index): tuple(map(float, row.embedding)) for row in answer.data}
            usage = answer.usage.prompt_tokens if answer.usage else None
        except (AttributeError, TypeError, ValueError) as error:
            raise BadAnswer("gave no embeddings") from error
        if set(rows) != set(range(len(texts))):
            raise BadAnswer(f"gave {len(rows)} vectors for {len(texts)} texts")
        return [_unit(rows[index]) for index in range(len(texts))], usage


def _context_of(extra: dict[str, Any]) -> int | None:
    """vLLM and SGLang say `max_model_len`, others `context_length` or `context_window`."""
    for name in ("max_model_len", "context_length", "context_window"):
        value = extra.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _deltas(event: Any) -> list[Delta]:
    """Of one streamed event, of a chat or of a plain completion."""
    found = []
    for choice in event.choices or ():
        said = choice.delta.content if hasattr(choice, "delta") else choice.text
        found.append(Delta(choice.index or 0, said or "", choice.finish_reason))
    return [*found, *_used(event)]


def _whole(answer: Any) -> list[Delta]:
    try:
        found = []
        for choice in answer.choices:
            said = choice.message.content if hasattr(choice, "message") else choice.text
            found.append(Delta(choice.index, said or "", choice.finish_reason or "stop"))
    except (AttributeError, TypeError) as error:
        raise BadAnswer("gave no answer of the OpenAI API; does base_url end in /v1?") from error
    return [*found, *_used(answer)]


def _used(answer: Any) -> list[Delta]:
    usage = getattr(answer, "usage", None)
    if usage is None:
        return []
    return [Delta(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)]


def _unit(vector: tuple[float, ...]) -> tuple[float, ...]:
    length = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(length) or length == 0:
        raise BadAnswer("gave a vector without a length")
    return tuple(value / length for value in vector)
