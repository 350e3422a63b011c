"""Releases stay apart, exporters of one release count once, and labels may be missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from storehand_worker.operation.rules.recording import DEMAND, SLO
from storehand_worker.operation.rules.rule import Record
from tests.rules.promtool import promtool, write_rules
from tests.rules.story import Series, at, held, rising

MINUTES = 20
RULES = tuple(rule for group in (DEMAND, SLO) for rule in group.rules if isinstance(rule, Record))


def _exporter(labels: Mapping[str, str], waiting: float) -> Series:
    """What one says: 32 slots, a hint of 1 s, a backlog to be gone within 10 s."""
    pool = {**labels, "pool": "default"}
    urgent = {**pool, "priority": "interactive"}
    jobs = {**urgent, "task": "chat", "queue": "q"}
    return {
        **at("storehand_pool_slots", pool, held(32, MINUTES)),
        **at("storehand_pool_target_utilization_ratio", pool, held(0.5, MINUTES)),
        **at("storehand_pool_service_hint_seconds", pool, held(1, MINUTES)),
        **at("storehand_pool_catch_up_seconds", urgent, held(10, MINUTES)),
        **at("storehand_exporter_up", {**labels, "source": "store"}, held(1, MINUTES)),
        **at("storehand_exporter_age_seconds", {**labels, "source": "store"}, held(1, MINUTES)),
        **at("storehand_jobs_waiting", jobs, held(waiting, MINUTES)),
        **at("storehand_jobs_submitted_total", jobs, rising(1000, 60, MINUTES)),
    }


def _required(waiting: float) -> float:
    return (1 / 0.5 + waiting / 10) / 32


def _agrees(folder: Path, given: Series, wanted: Mapping[str, Mapping[str, float]]) -> None:
    """wanted: expression -> labels -> value, and nothing else."""
    rules = write_rules(folder / "rules.json", RULES)
    checks = [
        {
            "expr": expression,
            "eval_time": f"{MINUTES - 1}m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for expression, samples in wanted.items()
    ]
    series = [{"series": name, "values": values} for name, values in given.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    path = folder / "test.json"
    path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}))
    judged = promtool("test", "rules", path)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_two_exporters_of_a_release_count_once_and_releases_are_told_apart(tmp_path):
    one, other = {"namespace": "a", "release": "shop"}, {"namespace": "b", "release": "shop"}
    given = {
        **_exporter({**one, "instance": "1"}, 320),
        **_exporter({**one, "instance": "2"}, 320),
        **_exporter({**other, "instance": "3"}, 0),
    }
    series = "pool:storehand_required_workers:sum"

    _agrees(
        tmp_path,
        given,
        {
            series: {
                f'{series}{{namespace="a",release="shop",pool="default"}}': _required(320),
                f'{series}{{namespace="b",release="shop",pool="default"}}': _required(0),
            }
        },
    )


def test_outside_of_kubernetes_a_worker_without_labels_is_of_the_pool_default(tmp_path):
    given = {
        **_exporter({"instance": "9"}, 32),
        **at("storehand_ready", {"instance": "1"}, held(1, MINUTES)),
        **at("storehand_ready", {"instance": "2"}, held(1, MINUTES)),
    }

    _agrees(
        tmp_path,
        given,
        {
            "pool:storehand_ready_workers:sum": {'pool:storehand_ready_workers:sum{pool="default"}': 2},
            "pool:storehand_backlog_seconds:ratio": {'pool:storehand_backlog_seconds:ratio{pool="default"}': 0.5},
            "pool:storehand_required_workers:sum": {
                'pool:storehand_required_workers:sum{pool="default"}': _required(32)
            },
        },
    )


def test_nothing_is_required_of_reads_that_are_old_which_is_not_zero(tmp_path):
    given = _exporter({"instance": "9"}, 32) | at(
        "storehand_exporter_age_seconds", {"instance": "9", "source": "store"}, held(61, MINUTES)
    )

    _agrees(tmp_path, given, {"pool:storehand_required_workers:sum": {}, "pool:storehand_work_waiting_seconds:sum": {}})


def test_a_share_of_errors_is_0_where_all_is_well_and_nothing_where_nothing_ended(tmp_path):
    chat = {"pool": "chat", "task": "chat", "priority": "interactive"}
    mail = {"pool": "mail", "task": "copy", "priority": "bulk"}
    given = {
        **at("storehand_slo_jobs_total", {**chat, "verdict": "good"}, rising(0, 3, MINUTES)),
        **at("storehand_slo_jobs_total", {**chat, "verdict": "late"}, held(0, MINUTES)),
        **at("storehand_slo_jobs_total", {**mail, "verdict": "good"}, held(0, MINUTES)),
        **at("storehand_slo_jobs_total", {**mail, "verdict": "failed"}, held(0, MINUTES)),
    }
    series = "pool:storehand_slo_errors:ratio_rate1h"

    _agrees(tmp_path, given, {series: {f'{series}{{pool="chat"}}': 0}})
