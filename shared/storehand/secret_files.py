"""Settings that lie in files of their own, as Docker and Kubernetes hand out secrets.

`STOREHAND_<NAME>_FILE` names one file; in the folder `STOREHAND_SECRETS_DIR` a file bears the setting's name, with or
without `storehand_` before it, in small or capital letters. Lists have one entry per line, or are JSON.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

PREFIX = "STOREHAND_"
SECRETS_DIR = "STOREHAND_SECRETS_DIR"


class SecretFiles(PydanticBaseSettingsSource):
    """A source of pydantic-settings. ValueError, without any content, for a file that can't be used."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        file = secret_file(field_name)
        return (None if file is None else _read(file, field)), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in _fields(self.settings_cls)}
        return {name: value for name, value in values.items() if value is not None}


def secret_file(name: str) -> Path | None:
    """The file a setting is read from, if there is one. ValueError where it is named and missing, or the setting is
    given twice: nobody can tell which of the two was meant."""
    variable = f"{PREFIX}{name.upper()}"
    if named := os.environ.get(f"{variable}_FILE"):
        if os.environ.get(variable):
            raise ValueError(f"{variable} and {variable}_FILE are both set; unset one")
        if not Path(named).is_file():
            raise ValueError(f"{variable}_FILE names {named}, which is no file")
        return Path(named)
    folder = os.environ.get(SECRETS_DIR)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ValueError(f"{SECRETS_DIR} names {folder}, which is no folder")
    spellings = (name, variable.lower(), name.upper(), variable)
    return next((file for each in spellings if (file := Path(folder) / each).is_file()), None)


def is_open_to_all(file: Path) -> bool:
    """Every user of the machine may read it."""
    return bool(file.stat().st_mode & 0o004)


def _fields(settings: type[BaseSettings]) -> list[tuple[str, FieldInfo]]:
    return list(settings.model_fields.items())


def _read(file: Path, field: FieldInfo) -> Any:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the secret file {file} can't be read: {type(error).__name__}") from None
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError(f"the secret file {file} begins like JSON and is none") from None
    return text.split() if "tuple" in str(field.annotation) else text
