"""How `storehand preview` shows who it is to a Prometheus behind a proxy: headers, or user and password in the address.

Neither is ever printed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from string import Template
from urllib.parse import SplitResult, unquote, urlsplit

from storehand.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]+")


def headers(said: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """`["Authorization=Bearer $TOKEN"]` with the variable filled in, so that no secret stands in the list of processes;
    `$$` is a dollar. InvalidInput names the header, never its value."""
    found: dict[str, str] = {}
    for each in said:
        name, equals, template = each.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise InvalidInput("--header is written NAME=VALUE, as 'Authorization=Bearer $TOKEN'")
        try:
            value = Template(template).substitute(environment).strip()
        except KeyError as error:
            raise InvalidInput(f"--header {name}: no environment variable {error.args[0]}") from None
        except ValueError:
            raise InvalidInput(f"--header {name}: a single $ begins a variable; write $$ for a dollar") from None
        if not _VALUE.fullmatch(value):
            raise InvalidInput(f"--header {name}: its value is empty, or no line of plain characters")
        found[name] = value
    return found


def apart(url: str) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the header they become. InvalidInput where it is none of http."""
    parts = _parts(url)
    if parts is None:
        raise InvalidInput(f"{url.rpartition('@')[2]!r} is no http address of a Prometheus")
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    if parts.username is None:
        return address, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return address, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_host = bool(parts.hostname) and parts.port != 0  # the port is judged when it is asked for
    except ValueError:
        return None
    return parts if is_host and parts.scheme in ("http", "https") else None
