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

from storehand.errors import InvalidInput, StorehandError, Unavailable
from storehand_worker.operation.preview.login import apart

TIMEOUT_S = 30.0
NOT_LET_IN = (401, 403, 407)


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
    """`url` is its root, as in a browser; `headers` go with every question. Unavailable where it does not answer or
    does not let us in, InvalidInput where it refuses a question."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._url, own = apart(url)
        self._headers = {**own, **(headers or {})}

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
        request = urllib.request.Request(address, data=body)  # noqa: S310  # http: __init__
        for name, value in self._headers.items():
            request.add_unredirected_header(name, value)  # meant for this host, and not for where it may send us
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  # http: __init__
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(path, error) from None
        except (OSError, ValueError, LookupError, TypeError) as error:  # or what answers is no Prometheus
            advice = "say with --prometheus where one answers, e.g. http://localhost:9090"
            raise Unavailable(f"no Prometheus at {self._url} ({error})", details={"advice": advice}) from None

    def _refused(self, path: str, error: urllib.error.HTTPError) -> StorehandError:
        if error.code in NOT_LET_IN:
            advice = "say who you are: --header 'Authorization=Bearer $TOKEN', or http://USER:PASSWORD@HOST"
            return Unavailable(f"{self._url} does not let us in ({error.code})", details={"advice": advice})
        text = error.read().decode(errors="replace")
        try:
            return InvalidInput(f"Prometheus refuses {path}: {json.loads(text)['error']}")
        except (ValueError, KeyError, TypeError):  # a proxy before it
            return InvalidInput(f"Prometheus refuses {path}: {error.code} {text[:200]}")
