"""The reference pages that are generated from the code: `python -m tests.project.docs --write`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from storehand.cli.docs import page as cli_page
from storehand.settings import ModelBinding, Retries, Settings
from tests.project import schemas

DOCS = Path(__file__).parents[2] / "docs"


def _default(field: FieldInfo) -> str:
    if field.default is not PydanticUndefined:
        value: Any = field.default
        return "" if value is None or str(value) == "" else f"`{value}`"
    value = field.default_factory() if field.default_factory else ""  # type: ignore[call-arg]  # no-argument factories
    return "the user's state folder" if isinstance(value, Path) else f"`{value}`"


def _rows(model: Any) -> str:
    return "\n".join(
        f"| `{name}` | {_default(field)} | {field.description} |" for name, field in model.model_fields.items()
    )


def settings_page() -> str:
    """docs/settings.md."""
    return f"""# Settings

Generated from `shared/storehand/settings.py` by `make docs`.

Every setting is an environment variable with the prefix `STOREHAND_` (`STOREHAND_LEASE_S=20`), nested ones with two
underscores (`STOREHAND_MODELS__text__model=Qwen/Qwen3-0.6B`), or a key of the TOML file that `STOREHAND_CONFIG` names.
Arguments win over the environment, the environment over the file. Times are seconds.

| setting | default | what it does |
|---|---|---|
{_rows(Settings)}

## A model binding

`models` maps a role to a model:

```toml
[models.text]
model = "Qwen/Qwen3-0.6B"
revision = "<commit>"
dtype = "bfloat16"
```

| setting | default | what it does |
|---|---|---|
{_rows(ModelBinding)}

## Retries

`retries` maps a task to what shall differ from its own policy ([lifecycle.md](lifecycle.md)):

```toml
[retries.chat]
max_attempts = 2
backoff_max_s = 5
```

| setting | default | what it does |
|---|---|---|
{_rows(Retries)}
"""


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "cli.md": cli_page}


def main() -> None:
    for name, page in PAGES.items():
        if "--write" in sys.argv:
            (DOCS / name).write_text(page(), encoding="utf-8")
        else:
            sys.stdout.write(page())
    if "--write" in sys.argv:
        schemas.write(schemas.CURRENT)


if __name__ == "__main__":
    main()
