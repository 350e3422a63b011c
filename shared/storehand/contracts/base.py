"""What all contracts share: strict models, camelCase in JSON, and the parts every answer carries."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

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

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]


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

    schema_version: Literal[1] = 1

    def __class_getitem__(cls, output: Any) -> Any:
        """`TaskInput[TaglineOutput]`. No field depends on the output, so this is a name and no model of its own, which
        pydantic would build with its validator while the client is imported."""
        if cls is TaskInput and isinstance(output, type):
            return GenericAlias(cls, output)
        return super().__class_getitem__(output)

    def __init_subclass__(cls, *, task: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if task is not None:
            cls.task_name = task
        for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
            args = get_args(base) or getattr(base, "__pydantic_generic_metadata__", {}).get("args")
            if args and isinstance(args[0], type):
                cls.output_type = args[0]


class Check(Model):
    """One finding about a generated text. `start` and `end` are character offsets into `field`."""

    rule: str
    severity: Literal["info", "warn", "block"]
    field: str
    start: int
    end: int
    text: str
    basis: str
    suggestion: str | None = None


class Provenance(Model):
    """Which software wrote the answer. `written_by` says whether a model or the plain realiser did."""

    model: str
    revision: str | None = None
    plugin: str
    plugin_version: str
    written_by: Literal["model", "realiser", "classifier"]
    seed: int | None = None
    digital_source_type: Literal["trained_algorithmic_media", "default"] = "trained_algorithmic_media"


class Usage(Model):
    """What the answer cost. Seconds are wall time inside the worker."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    lane_wait_s: float = Field(default=0.0, ge=0)
    inference_s: float = Field(default=0.0, ge=0)
