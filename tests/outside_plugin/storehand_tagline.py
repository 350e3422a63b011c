"""One line that sells a product: a whole Storehand plugin."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from storehand.contracts import Product, TaskInput, TaskOutput
from storehand.hookspecs import hookimpl
from storehand.task import Context, GenerateOptions, Kind, Models, Task


class TaglineOutput(TaskOutput):
    tagline: str
    runners_up: tuple[str, ...] = ()


class TaglineInput(TaskInput[TaglineOutput], task="tagline"):
    """`max_length` counts characters."""

    product: Product
    max_length: Annotated[int, Field(ge=10, le=120)] = 60


class TaglineTask(Task[TaglineInput, TaglineOutput]):
    """Asks the text model for three lines and takes the first that fits; the product's name if none does."""

    name = "tagline"
    input_type = TaglineInput
    output_type = TaglineOutput
    roles: ClassVar[Mapping[str, Kind]] = {"text": "generate"}
    examples = (TaglineInput(product="Kettle, 1.7 L, stainless steel"), TaglineInput(product="电热水壶，1.7升，不锈钢"))

    def run(self, input: TaglineInput, models: Models, context: Context) -> TaglineOutput:
        facts = ", ".join([input.product.name, *input.product.positive_notes])
        options = GenerateOptions(max_new_tokens=24, temperature=0.8, n=3, stop=("\n",))
        texts = [completion.text.strip() for completion in models.generate("text", f"{facts}: ", options)]
        fitting = [text for text in texts if 0 < len(text) <= input.max_length]
        best, *others = fitting or [input.product.name[: input.max_length]]
        return TaglineOutput(tagline=best, runners_up=tuple(others))


@hookimpl
def register_tasks() -> list[TaglineTask]:
    return [TaglineTask()]
