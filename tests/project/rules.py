"""The chart's rule files and docs/alerts.md, generated from the code: `python -m tests.project.rules --write`."""

from __future__ import annotations

import sys
from pathlib import Path

from storehand_worker.operation.rules import ALERTS, FILES, RECORDS, Alert
from storehand_worker.operation.rules.rendering import as_yaml

ROOT = Path(__file__).parents[2]

_HEAD = """# Alerts

Generated from `workers/storehand_worker/operation/rules` by `python -m tests.project.rules --write`.

**中文要点：** 只有两种级别。`page` 需要立刻处理：调用方正受影响，且系统不会自行恢复；`ticket` 在工作时间处理即可。
每条告警都有处理手册（`docs/runbooks`），摘要另有中文（注解 `summary_zh`）。
阈值来自导出器公布的 `pools` 设置，调整承诺无需改规则。

The chart installs the rules as PrometheusRule objects; elsewhere point Prometheus' `rule_files` at
[helm/rules](../helm/rules). They need the [exporter](metrics.md) and the workers scraped. Thresholds come from the plan
that the exporter publishes (`storehand_pool_wait_objective_seconds`, `storehand_pool_objective_ratio` ...), so a change
of the setting `pools` changes no rule. Rules on series that nobody makes (KEDA, kube-state-metrics, DCGM, kubelet) keep
still.

- **page**: callers are hurt now, or will be without anybody noticing, and it does not heal itself.
- **ticket**: it can wait for the morning. Where it hurts callers after all, the error budget or the oldest age pages.
- One cause, one page: an unreachable store silences the pages that follow from it (broker on the same server, blind
  scaler), an unreachable broker those on jobs that do not begin, of every pool. A broker or store that comes and goes
  keeps its own alert from firing, and so silences nothing. Bulk work, which is promised in hours, never pages.

Labels `namespace`, `release` and `pool` come from the targets (PodMonitor, or `labels` of a static config); where there
are none, a worker counts as of the pool `default`. Several releases in one Prometheus need the label `release`, and the
rules once: a second copy of them records the same series again.

```yaml
# Alertmanager: who hears what
route:
  receiver: tickets
  group_by: [namespace, release, pool, alertname]
  routes:
    - matchers: ['alertname=~"Storehand.*"', severity="page"]
      receiver: on-call
inhibit_rules:
  - source_matchers: [alertname="StorehandStoreUnreachable"]
    target_matchers: ['alertname=~"Storehand.*"', severity="ticket"]
    equal: [namespace, release]
```

The burn rates are those of Google's SRE Workbook (table 5-8) for 30 days: 14.4 over 1 h and 5 min, 6 over 6 h and
30 min, 1 over 3 d and 6 h. They are judged by priority, so that ten thousand good bulk jobs hide no late chat, and with
five bad jobs at least, so that a quiet pool does not page over its second one. A share over 90 % always counts: with a
promise below 0.94 the fast burn could else never be reached. A job counts against the promise of the pool that its
task's jobs wait in, as the exporter says it, whichever worker ended it: those that expire while they wait are ended for
all pools by the one worker that reconciles.

"""

_RECORDS = """
## What is recorded

By `namespace, release, pool` and what the level's name says. `pool:storehand_required_workers:sum` is the scaling rule
([scaling.py](../shared/storehand/scaling.py)); `tests/rules` holds promtool's figures and Python's together to 1e-9. It
is absent, and not 0, while the exporter's reads are older than 60 s. Groups: {groups}.

{names}
"""


def pages() -> dict[Path, str]:
    """What each generated file should hold."""
    files = {ROOT / "helm" / "rules" / name: as_yaml(groups) for name, groups in FILES.items()}
    return {**files, ROOT / "docs" / "alerts.md": alerts_page()}


def alerts_page() -> str:
    tables = (_table("Pages", "page"), _table("Tickets", "ticket"))
    paces = [
        f"`{group.name}` {f'every {group.interval}' if group.interval else ''}".strip()
        for group in FILES["recording.yaml"]
    ]
    names = "\n".join(f"- `{record.name}`" for record in RECORDS)
    return _HEAD + "\n".join(tables) + _RECORDS.format(groups=", ".join(paces), names=names)


def _table(title: str, severity: str) -> str:
    rows = "\n".join(_row(alert) for alert in ALERTS if alert.severity == severity)
    return f"## {title}\n\n| alert | after | what it says | why a {severity} |\n|---|---|---|---|\n{rows}\n"


def _row(alert: Alert) -> str:
    return f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.for_} | {alert.description} | {alert.why} |"


if __name__ == "__main__":
    for path, text in pages().items():
        if "--write" in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is not what the code says: python -m tests.project.rules --write")
