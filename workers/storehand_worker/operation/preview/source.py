"""Prometheus over HTTP: instant and range queries, and what values a label has."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storehand.errors import InvalidInput, Unavailable

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Series:
    """One line of an answer: epoch seconds and values, oldest first. NaN stands where the series has a gap."""

    labels: Mapping[str, str]
    times: Sequence[float]
    values: Sequence[float]
    name: str = ""
    """What its legend says."""

    @property
    def last(self) -> float | None:
        """The newest value that is a number."""
        return next((value for value in reversed(self.values) if not math.isnan(value)), None)


class Prometheus:
    """`url` is its root, as in a browser. Unavailable where it does not answer, InvalidInput where it refuses."""

    def __init__(self, url: str) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise InvalidInput(f"{url!r} is no http address of a Prometheus")
        self._url = url.rstrip("/")

    def query(self, expression: str, *, at: float) -> list[Series]:
        data = self._ask("query", query=expression, time=at)
        if data["resultType"] in ("scalar", "string"):
            time, value = data["result"]
            return [Series({}, [float(time)], [float(value)])]
        return [Series(each["metric"], [each["value"][0]], [float(each["value"][1])]) for each in data["result"]]

    def query_range(self, expression: str, *, start: float, end: float, step_s: float) -> list[Series]:
        """Every series has a value or NaN for each step, so that lines break where nothing was."""
        data = self._ask("query_range", query=expression, start=start, end=end, step=step_s)
        grid = [start + number * step_s for number in range(math.floor((end - start) / step_s) + 1)]
        found = []
        for each in data["result"]:
            said = {round((time - start) / step_s): float(value) for time, value in each["values"]}
            found.append(Series(each["metric"], grid, [said.get(place, math.nan) for place in range(len(grid))]))
        return found

    def label_values(self, label: str, selector: str, *, start: float, end: float) -> list[str]:
        """Of the series that match, or of all for an empty selector."""
        matched = {"match[]": selector} if selector else {}
        values: list[str] = self._ask(f"label/{label}/values", in_address=True, start=start, end=end, **matched)
        return values

    def _ask(self, path: str, *, in_address: bool = False, **arguments: object) -> Any:
        """`in_address`: of the paths that take no POST."""
        said = urllib.parse.urlencode(arguments)
        address = f"{self._url}/api/v1/{path}"
        address, body = (f"{address}?{said}", None) if in_address else (address, said.encode())  # POST: may be long
        try:
            with urllib.request.urlopen(address, data=body, timeout=TIMEOUT_S) as answer:  # noqa: S310  # http: __init__
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise InvalidInput(f"Prometheus refuses {path}: {_reason(error)}") from None
        except (OSError, ValueError, LookupError, TypeError) as error:  # or what answers is no Prometheus
            advice = "say with --prometheus where one answers, e.g. http://localhost:9090"
            raise Unavailable(f"no Prometheus at {self._url} ({error})", details={"advice": advice}) from None


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {text[:200]}"
