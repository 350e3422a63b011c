"""What a binding may say about an OpenAI-compatible endpoint. Keys are never among it: options name the environment
variables that hold them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from storehand.errors import SettingsError
from storehand.settings import ModelBinding
from storehand.task import GenerateOptions
from storehand_worker.engines.inputs import refuse
from storehand_worker.engines.json_schema import as_text, closed

SCHEMA_NAME = "answer"
_SERVERS_OWN = {
    "top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repetition_penalty", "min_new_tokens": "min_tokens",
}  # fmt: skip
_USUAL = GenerateOptions()
SECRETS = ("api_key", "key", "token", "password")
OPENAI_HOSTS = ("api.openai.com", ".openai.azure.com")
"""Where a text's limit is called `max_completion_tokens`; elsewhere `max_tokens` is what all servers know."""


class EndpointOptions(BaseModel):
    """`ModelBinding.options` of the engine `openai`. A misspelt one stops the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: str
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    header_envs: dict[str, str] = Field(default_factory=dict)
    """Header -> environment variable with its value (Azure: `{"api-key": "AZURE_KEY"}`)."""
    query: dict[str, str] = Field(default_factory=dict)
    ca_file: Path | None = None
    environment_proxies: bool = False
    check: bool = True

    timeout_s: float = Field(default=60.0, gt=0)
    """Silence on a connection that counts as a failure."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    max_retries: int = Field(default=3, ge=0, le=20)
    backoff_s: float = Field(default=0.5, ge=0)
    """Before the first repetition; doubles each time."""
    max_wait_s: float = Field(default=60.0, ge=0)
    """A longer wait than this is not waited for, whoever asks for it."""

    stream: bool = True
    n_at_once: bool = False
    plain_prompts: Literal["completions", "chat"] = "completions"
    schema_field: Literal["response_format", "structured_outputs", "guided_json"] = "response_format"
    """Where a JSON schema goes: OpenAI's field, which most servers know, or vLLM's own (from 0.12 on, before it)."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    leave_out: tuple[str, ...] = ()
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)
    reserved_slots: int | None = Field(default=None, ge=0)

    texts_per_request: int = Field(default=128, ge=1, le=2048)
    dimensions: int | None = Field(default=None, ge=1)

    @field_validator("base_url")
    @classmethod
    def _is_plain(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("must be a URL like http://localhost:8000/v1")
        if url.username or url.password:
            raise ValueError("must not carry a password: name the variable that holds the key in api_key_env")
        if url.query or url.fragment:
            raise ValueError("must end with its path; put the query into the option `query`")
        return value.rstrip("/")

    @property
    def where(self) -> str:
        """The endpoint in a log line."""
        url = urlsplit(self.base_url)
        return url.netloc + url.path

    @property
    def server(self) -> tuple[str, int]:
        """Host and port."""
        url = urlsplit(self.base_url)
        return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)

    @property
    def limit_field(self) -> str:
        if self.max_tokens_field is not None:
            return self.max_tokens_field
        host = urlsplit(self.base_url).hostname or ""
        is_openai = host == OPENAI_HOSTS[0] or host.endswith(OPENAI_HOSTS[1])
        return "max_completion_tokens" if is_openai else "max_tokens"

    def secret_headers(self, role: str) -> dict[str, str]:
        """What authorises a request, read from the environment here and now."""
        found = {name: _from_environment(variable, role, name) for name, variable in self.header_envs.items()}
        if self.api_key_env is not None:
            found["Authorization"] = f"Bearer {_from_environment(self.api_key_env, role, 'api_key_env')}"
        return found


def check_wishes(options: GenerateOptions) -> None:
    """InvalidInput for what can't be sent."""
    refuse(options, "logits_processors", by="a model behind an endpoint")
    if options.json_schema is not None:
        as_text(options.json_schema)


def wishes(options: GenerateOptions, *, schema_field: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a request wants of the tokens, as fields of the API and as fields that servers add to it."""
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    if options.logit_bias:
        fields["logit_bias"] = {str(token): bias for token, bias in options.logit_bias.items()}
    if options.json_schema is not None:
        schema = closed(options.json_schema)
        strict = {"name": SCHEMA_NAME, "schema": schema, "strict": True}
        extra[schema_field] = {
            "response_format": {"type": "json_schema", "json_schema": strict},
            "structured_outputs": {"json": schema},
            "guided_json": schema,
        }[schema_field]
    for ours, theirs in _SERVERS_OWN.items():
        if getattr(options, ours) != getattr(_USUAL, ours):
            extra[theirs] = getattr(options, ours)
    return fields, extra


def endpoint_options(role: str, binding: ModelBinding) -> EndpointOptions:
    """The binding's options; SettingsError names every wrong one, and never shows a value."""
    secret = next((name for name in binding.options if name.lower() in SECRETS), None)
    if secret is not None:
        raise SettingsError(
            f"models.{role}.options.{secret}: keys do not belong into settings; put the key into an environment "
            f"variable and its name into the option api_key_env"
        )
    try:
        return EndpointOptions.model_validate(binding.options)
    except ValidationError as error:
        lines = [f"models.{role}.options.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise SettingsError("; ".join(lines)) from None


def _from_environment(variable: str, role: str, option: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise SettingsError(
            f"models.{role}.options names the environment variable {variable} ({option}), which is not set here"
        )
    if not value.isascii() or not value.isprintable():
        raise SettingsError(f"the environment variable {variable} ({option}) holds what no HTTP header may carry")
    return value
