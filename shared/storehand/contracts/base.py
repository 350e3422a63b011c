"""What all contracts share: strict models, camelCase in JSON, and the parts every answer carries."""

from __future__ import annotations

import re
from types import GenericAlias
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from storehand.job import Priority

SCHEMA_VERSION = 1

OutputT = TypeVar("OutputT", bound="TaskOutput")


def refused_as(reason: str) -> WrapValidator:
    """Says in words what a pattern wants; without it the caller reads a regular expression."""

    def validate(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise ValueError(reason) from None

    return WrapValidator(validate)


Locale = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$"),
    refused_as("must be a BCP-47 language tag such as zh-CN or en"),
]
"""BCP-47: language, optional script, optional region (`zh`, `zh-CN`, `zh-Hans-CN`, `en-US`)."""

Market = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), refused_as("must be an ISO 3166-1 alpha-2 code such as CN or US")
]
"""Country whose shoppers read the text."""

Markets = Annotated[tuple[Market, ...], Field(max_length=50)]

_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_LINE_ENDS = re.compile(r"[\t\n\r\x0b\x0c\x85\u2028\u2029]+")
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # they shape emoji and Indic words; alone they are nothing


def _visible(value: Any) -> Any:
    """A name as people see it: one line, without control, zero-width and direction characters."""
    if not isinstance(value, str) or value.isprintable():
        return value
    seen = _INVISIBLE.sub("", _LINE_ENDS.sub(" ", value))
    return seen if seen.strip(" " + _JOINERS) else ""


ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), BeforeValidator(_visible)
]
"""A name, a word, a value: what can't be seen is taken out, and what is left must be something."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


NotBlank = AfterValidator(_not_blank)
"""For texts that are kept as they were sent, because answers point into them by character offsets."""


class Model(BaseModel):
    """Frozen, strict about unknown fields; snake_case in Python, camelCase (schema.org's spelling) in JSON."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # validators are built at first use: a third of the client's import time
    )

    def to_json_dict(self) -> dict[str, Any]:
        """JSON-ready, camelCase, without empty optionals."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class TaskOutput(Model):
    """Base of every task's answer."""

    schema_version: Literal[1] = 1


class TaskInput(Model, Generic[OutputT]):
    """Base of every task's input: `class TaglineInput(TaskInput[TaglineOutput], task="tagline")`."""

    task_name: ClassVar[str] = ""
    output_type: ClassVar[type[TaskOutput]] = TaskOutput
    default_priority: ClassVar[Priority] = Priority.STANDARD
    """What a job gets that is submitted without a priority."""

    schema_version: Literal[1] = 1

    def __class_getitem__(cls, output: Any) -> Any:
        """`TaskInput[TaglineOutput]`. No field depends on the output, so this is a name and no model of its own, which
        pydantic would build with its validator while the client is imported."""
        if cls is TaskInput and isinstance(output, type):
            return GenericAlias(cls, output)
        return super().__class_getitem__(output)

    def __init_subclass__(cls, *, task: str | None = None, priority: Priority | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if task is not None:
            cls.task_name = task
        if priority is not None:
            cls.default_priority = priority
        for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
            args = get_args(base) or getattr(base, "__pydantic_generic_metadata__", {}).get("args")
            if args and isinstance(args[0], type):
                cls.output_type = args[0]


class Generation(Model):
    """How a job's text is sampled, in the words of vLLM's SamplingParams; what is left out is the task's own choice.

    `n` samples are drawn and the task keeps the best; `seed` makes them repeatable: same seed, same text. Default:
    derived from the job id, so that a redelivered job repeats itself.
    """

    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=16)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    stop: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...], Field(max_length=8)
    ] = ()


class Check(Model):
    """One finding. `field` is the part of the answer (or of the input, `input.…`) it is about; `start` and `end` are
    character offsets into it. `basis` says what rule or fact the finding rests on, `suggestion` what to write instead.

    `info` is worth knowing, `warn` wants a look, `needs_evidence` may stand where the shop can prove it, `block` must
    not be published.
    """

    rule: str
    severity: Literal["info", "warn", "needs_evidence", "block"]
    field: str
    start: int
    end: int
    text: str
    basis: str
    suggestion: str | None = None


class Provenance(Model):
    """Which software wrote the answer, and how: a `model`, the plain `realiser` (grammar and the shop's facts), a
    `classifier`, a `recommender`, or by `retrieval` (quoted from the shop's knowledge).

    `prompt_sha256` is the SHA-256 of the prompt in hexadecimal, where a model was asked.
    """

    model: str
    revision: str | None = None
    plugin: str
    plugin_version: str
    written_by: Literal["model", "realiser", "classifier", "recommender", "retrieval"]
    prompt_sha256: str | None = None
    seed: int | None = None
    digital_source_type: Literal["trained_algorithmic_media", "default"] = "trained_algorithmic_media"


class Usage(Model):
    """What the answer cost. Seconds are wall time inside the worker."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    lane_wait_s: float = Field(default=0.0, ge=0)
    inference_s: float = Field(default=0.0, ge=0)
