"""prometheus: scrapes what it is told every second, evaluates rule files, and is asked by its HTTP API."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.server import Server, answers, program


@dataclass(frozen=True, slots=True)
class Scrape:
    """One target under a job name; `labels` as a PodMonitor or a static config would give them."""

    job: str
    target: str
    """host:port"""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    labels: Mapping[str, str]
    """`__name__` among them where the expression keeps it."""
    points: tuple[tuple[float, float], ...]
    """(epoch seconds, value), oldest first; one of `query`, many of `query_range`."""

    @property
    def value(self) -> float:
        return self.points[-1][1]


class PrometheusServer(Server):
    """`url` is its API's root; `scrape()` and `load()` change what it does while it runs.

    every_s: of scrapes, and of rule groups that name no interval of their own.
    """

    programs: ClassVar[tuple[str, ...]] = ("prometheus", "promtool")
    package: ClassVar[str] = "prometheus"

    def __init__(self, *scrapes: Scrape, rules: Iterable[Path] = (), every_s: float = 1.0) -> None:
        super().__init__()
        self.scrapes = scrapes
        self.rule_files = tuple(rules)
        self.every_s = every_s

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fresh_url(self) -> str:
        """The same one: it has no databases; whoever needs an empty one starts another."""
        return self.url

    def scrape(self, *scrapes: Scrape) -> None:
        """These targets from now on, instead of those before."""
        self.scrapes = scrapes
        self.reload()

    def load(self, *rules: Path) -> None:
        """These rule files from now on."""
        self.rule_files = rules
        self.reload()

    def reload(self) -> None:
        self._prepare()
        request = urllib.request.Request(f"{self.url}/-/reload", method="POST")
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None

    def query(self, expression: str, *, at: float | None = None) -> list[Series]:
        """An instant vector (or a scalar as one series without labels), now or `at` an epoch time."""
        data = self._get("query", query=expression, time=at)
        if data["resultType"] == "scalar":
            return [Series({}, (_point(data["result"]),))]
        return [Series(each["metric"], (_point(each["value"]),)) for each in data["result"]]

    def query_range(self, expression: str, *, start: float, end: float, step_s: float) -> list[Series]:
        data = self._get("query_range", query=expression, start=start, end=end, step=step_s)
        return [Series(each["metric"], tuple(map(_point, each["values"]))) for each in data["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """All rules of all groups, with `health`, `lastError` and, of alerts, `state` and `alerts`."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def alerts(self, state: str = "firing") -> list[dict[str, str]]:
        """Labels of the alerts in this state (pending or firing)."""
        return [each["labels"] for each in self._get("alerts")["alerts"] if each["state"] == state]

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, with `health` and `lastError`."""
        found: list[dict[str, Any]] = self._get("targets")["activeTargets"]
        return found

    def _get(self, path: str, **arguments: object) -> dict[str, Any]:
        given = {key: str(value) for key, value in arguments.items() if value is not None}
        body = urllib.parse.urlencode(given).encode() if given else None  # POST: expressions may be long
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", data=body, timeout=30) as answer:
                data: dict[str, Any] = json.load(answer)["data"]
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None

    def _prepare(self) -> None:
        every = f"{round(self.every_s * 1000)}ms"
        configuration = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": list(map(str, self.rule_files)),
            "scrape_configs": [
                {"job_name": job, "static_configs": _static(self.scrapes, job)}
                for job in sorted({each.job for each in self.scrapes})
            ],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML

    def _command(self) -> list[str]:
        return [
            program("prometheus"),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]

    def _is_up(self) -> bool:
        if not answers(self.port):
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _static(scrapes: Iterable[Scrape], job: str) -> list[dict[str, Any]]:
    return [{"targets": [each.target], "labels": dict(each.labels)} for each in scrapes if each.job == job]


def _point(pair: tuple[float, str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
