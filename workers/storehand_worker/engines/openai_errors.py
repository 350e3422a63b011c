"""What went wrong at an OpenAI-compatible endpoint, in the words of our error tree."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import openai

from storehand.errors import EngineError, InvalidInput, ModelNotAvailable, Overloaded, StorehandError

_TEMPORARY = (408, 409, 425, 429)
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached")
_TOO_LONG = re.compile(
    r"context.{0,10}(length|size|window)|maximum.{0,20}length|too (long|many tokens)|max(imum)?_(model_)?(len|tokens)"
    r"|exceed.{0,40}tokens|tokens.{0,40}exceed", re.IGNORECASE
)  # fmt: skip
_UNSUPPORTED = ("unsupported_parameter", "unsupported_value", "unknown_parameter")


class BadAnswer(Exception):
    """The endpoint said something that is no answer of this API, or broke off."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`wait_s` is what the endpoint asks for; `unsupported` the field of the request that it does not take;
    `may_be_one_text`: another text of the same request might be answered."""

    error: StorehandError
    is_temporary: bool = False
    wait_s: float | None = None
    unsupported: str | None = None
    may_be_one_text: bool = False


class Interpreter:
    """Turns exceptions into failures. `secrets` are taken out of whatever the endpoint says: some repeat the key.

    What it says of a prompt that it had begun with may repeat that prompt, so it is a detail for the job's owner, and
    no message: messages of engines are logged.
    """

    def __init__(self, where: str, *, key_name: str, secrets: Sequence[str], timeout_s: float) -> None:
        self._where = where
        self._key_name = key_name
        self._secrets = [each for secret in secrets for each in (secret, secret.removeprefix("Bearer ")) if each]
        self._timeout_s = timeout_s

    def read(self, error: Exception) -> Failure:
        if isinstance(error, StorehandError):
            return Failure(error)
        if isinstance(error, openai.APITimeoutError):
            return self._temporary(f"said nothing for {self._timeout_s:g} s")
        if isinstance(error, openai.APIConnectionError):
            return self._temporary(f"can't be reached or broke off ({self._clean(error.__cause__ or error)})")
        if isinstance(error, openai.APIStatusError):
            return self._status(error)
        if isinstance(error, BadAnswer):
            return self._temporary(self._clean(error))
        # an error event in a stream, broken JSON, an HTTP library's own words
        return self._temporary(
            f"gave no answer of the OpenAI API ({type(error).__name__})", {"said": self._clean(error)}
        )

    def _temporary(self, what: str, details: Mapping[str, Any] | None = None) -> Failure:
        return Failure(EngineError(f"{self._where} {what}", details=details), is_temporary=True)

    def _status(self, error: openai.APIStatusError) -> Failure:
        status, code = error.status_code, error.code or ""
        said = self._clean(_message(error))
        if status in (401, 403):
            return Failure(ModelNotAvailable(f"{self._where} refuses {self._key_name} ({status}: {said})"))
        if status == 404:
            return Failure(ModelNotAvailable(f"{self._where} knows no such model or page (404: {said})"))
        if 300 <= status < 400:
            target = self._clean(error.response.headers.get("location", "another place"))
            return Failure(ModelNotAvailable(f"{self._where} redirects to {target}; redirects are not followed"))
        if code in _NO_QUOTA:
            return Failure(ModelNotAvailable(f"the account at {self._where} has no quota left ({said})"))
        wait_s = _retry_after(error.response.headers)
        details = {} if wait_s is None else {"retry_after_s": wait_s}  # the job's next attempt heeds it
        if status == 429:
            return Failure(Overloaded(f"{self._where} is overloaded (429: {said})", details=details), True, wait_s)
        if status in _TEMPORARY or status >= 500:
            failed = EngineError(f"{self._where} failed ({status})", details={**details, "said": said})
            return Failure(failed, True, wait_s, may_be_one_text=status == 500)
        return self._refusal(error, code, said)

    def _refusal(self, error: openai.APIStatusError, code: str, said: str) -> Failure:
        if code in _UNSUPPORTED:
            field = error.param or ""
            hint = f"; leave it out: options.leave_out = ['{field}']" if field else ""
            return Failure(ModelNotAvailable(f"{self._where} does not take a field ({said}){hint}"), unsupported=field)
        if "context_length" in code or error.status_code == 413 or _TOO_LONG.search(said):
            return Failure(
                InvalidInput(f"the prompt is too long for the model at {self._where} ({said})"), may_be_one_text=True
            )
        return Failure(
            InvalidInput(f"{self._where} refuses the request ({error.status_code}: {said})"), may_be_one_text=True
        )

    def _clean(self, said: object) -> str:
        text = str(said)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:300] or type(said).__name__


def _message(error: openai.APIStatusError) -> str:
    body: Any = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    return str(body or error.message)


def _retry_after(headers: Any) -> float | None:
    """Seconds that the endpoint asks us to wait; it may name them, or a date."""
    for name, factor in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * factor)
        except ValueError:
            date = email.utils.parsedate_tz(value)
            if date is not None:
                return max(0.0, email.utils.mktime_tz(date) - time.time())
    return None


class Failed(Exception):
    """A request that got no answer for good."""

    def __init__(self, error: StorehandError, *, may_be_one_text: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.may_be_one_text = may_be_one_text
