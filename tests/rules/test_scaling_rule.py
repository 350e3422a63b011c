"""The recorded rule is the rule: promtool's figure is `storehand.scaling`'s, over a table of pools and demands."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from storehand.job import Priority
from storehand.pools import Pool
from storehand.scaling import Demand, backlog_s, required_workers, work_waiting_s
from storehand_worker.operation.rules.recording import DEMAND
from storehand_worker.operation.rules.rule import Record
from tests.rules.promtool import promtool, write_rules
from tests.rules.story import RELEASE, Series, at, held, jobs, source

MINUTES = 40
LOOKED_AT = 38
CHANGED_AT = LOOKED_AT - 5
"""From here on jobs take another time: of the two means one is of the last five minutes."""
CASES = 80
FEW = 10
EXACT = 1e-9
"""Relative."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`ended` jobs a minute took `before_s` each, and since CHANGED_AT `now_s`."""

    task: str
    demand: Demand
    ended: float
    before_s: float
    now_s: float

    @property
    def service_s(self) -> float:
        return max(self.now_s, (25 * self.before_s + 5 * self.now_s) / 30)

    def series(self, pool: str) -> Series:
        before, now = self.ended * self.before_s, self.ended * self.now_s
        spent = f"0+{before!r}x{CHANGED_AT} {CHANGED_AT * before + now!r}+{now!r}x5"
        asked = self.demand
        return {
            **self._one("jobs_waiting", _exactly(asked.waiting), pool),
            **self._one("jobs_submitted_total", _counter(asked.arrivals_per_s * 60), pool),
            **self._one("jobs_finished_total", _counter(self.ended), pool),
            **self._one("service_seconds_total", spent, pool),
        }

    def _one(self, name: str, values: str, pool: str) -> Series:
        return jobs(name, values, pool=pool, task=self.task, priority=str(self.demand.priority))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    pool: Pool
    asked: list[Asked] = field(default_factory=list)
    ready: int = 0
    running: int = 0

    @property
    def demands(self) -> list[Demand]:
        return [
            replace(each.demand, service_s=each.service_s if each.ended else self.pool.service_hint_s)
            for each in self.asked
        ]

    def series(self) -> Series:
        labels = {**RELEASE, "pool": self.name}
        found: dict[str, str] = {}
        for name, value in {
            "slots": self.pool.slots,
            "target_utilization_ratio": self.pool.utilization,
            "service_hint_seconds": self.pool.service_hint_s,
        }.items():
            found |= at(f"storehand_pool_{name}", labels, _exactly(value))
        for priority in Priority:
            aim = _exactly(self.pool.catch_up(priority))
            found |= at("storehand_pool_catch_up_seconds", {**labels, "priority": priority}, aim)
        for each in self.asked:
            found |= each.series(self.name)
        found |= jobs("jobs_running", _exactly(self.running), pool=self.name, task="copy", priority="bulk")
        for worker in range(self.ready):
            found |= at("storehand_ready", {**labels, "instance": str(worker)}, held(1, MINUTES))
        return found

    def wanted(self) -> Iterator[tuple[str, float]]:
        work = work_waiting_s(self.pool, self.demands)
        in_hand = self.running / self.ready if self.ready else 0
        yield "pool:storehand_required_workers:sum", required_workers(self.pool, self.demands, in_hand=in_hand)
        yield "pool:storehand_work_waiting_seconds:sum", work
        yield "pool:storehand_ready_workers:sum", self.ready
        yield "pool:storehand_backlog_seconds:ratio", backlog_s(work, self.ready)


def _exactly(value: float) -> str:
    return f"{value!r}+0x{MINUTES - 1}"


def _counter(per_minute: float) -> str:
    return f"0+{per_minute!r}x{MINUTES - 1}"


def _made(number: int, chance: random.Random) -> Case:
    pool = Pool(
        families=("text",),
        slots=chance.choice([1, 2, 32, 64]),
        utilization=chance.choice([0.5, 0.75, 1]),
        wait_objective_s={priority: chance.choice([3, 10, 60, 3600]) for priority in Priority},
        service_hint_s=chance.choice([0.05, 1, 40]),
        cold_start_s=chance.choice([0, 120, 420]),
    )
    asked = [_demand(task, priority, chance) for task in _tasks(chance) for priority in Priority]
    return Case(f"p{number}", pool, asked, ready=number % 4, running=chance.choice([0, 5, 300]))


def _tasks(chance: random.Random) -> tuple[str, ...]:
    return ("chat", "copy", "other")[: chance.randint(0, 3)]


def _demand(task: str, priority: Priority, chance: random.Random) -> Asked:
    arrivals, waiting = chance.choice([0, 0, 0.5, 7, 250]), chance.choice([0, 0, 1, 37, 10_000])
    before_s, now_s = chance.choice([0.02, 0.5, 3, 75]), chance.choice([0.02, 0.5, 3, 75])
    return Asked(task, Demand(priority, arrivals, waiting, 0), chance.choice([0, 1, 30, 600]), before_s, now_s)


def _check(case: Case, name: str, wanted: float) -> dict[str, object]:
    expression = f'abs({name}{{pool="{case.name}"}} - {wanted!r}) <= bool {EXACT * max(wanted, 1e-9)!r}'
    labels = f'{{namespace="prod", release="shop", pool="{case.name}"}}'
    return {"expr": expression, "eval_time": f"{LOOKED_AT}m", "exp_samples": [{"labels": labels, "value": 1}]}


def _judged(folder: Path, rules: tuple[Record, ...], number_of_cases: int) -> tuple[bool, str]:
    """All cases are pools of one Prometheus, evaluated once: a promtool test for each took a minute."""
    chance = random.Random(6)
    cases = [_made(number, chance) for number in range(number_of_cases)]
    series = {name: values for case in cases for name, values in case.series().items()} | source("store", MINUTES)
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [_check(case, *wanted) for case in cases for wanted in case.wanted()],
    }
    written = {
        "rule_files": [str(write_rules(folder / "rules.json", rules))],
        "evaluation_interval": f"{LOOKED_AT}m",
        "tests": [test],
    }
    (folder / "test.json").write_text(json.dumps(written))
    judged = promtool("test", "rules", folder / "test.json")
    return judged.returncode == 0, judged.stdout + judged.stderr


RULES = tuple(rule for rule in DEMAND.rules if isinstance(rule, Record))


def test_the_recorded_rule_says_what_the_python_rule_says(tmp_path):
    agrees, said = _judged(tmp_path, RULES, CASES)

    assert agrees, said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{priority!="bulk"}', ""),
        ("storehand_pool_target_utilization_ratio", "storehand_pool_slots"),
        ("task:storehand_service_seconds:mean5m > on", "task:storehand_service_seconds:mean5m < on"),
        ("[2m]", "[2m] offset 1h"),
        (
            "/ on (namespace, release, pool) pool:storehand_slots:max5m",
            "/ on (namespace, release, pool) storehand_pool_slots",
        ),
    ],
    ids=["bulk arrivals count", "no head-room", "the smaller mean", "arrivals of an hour ago", "overfull workers"],
)
def test_a_rule_that_differs_is_found_out(tmp_path, old, new):
    assert any(old in rule.expression for rule in RULES)
    changed = tuple(replace(rule, expression=rule.expression.replace(old, new)) for rule in RULES)

    agrees, _ = _judged(tmp_path, changed, FEW)

    assert not agrees
