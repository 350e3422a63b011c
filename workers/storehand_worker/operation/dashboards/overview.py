"""The page a person on call opens first: are promises kept, how late are we, what fails, is there room, is all up."""

from __future__ import annotations

from storehand_worker.operation.dashboards.overview_supply import SUPPLY
from storehand_worker.operation.dashboards.page import Row, page
from storehand_worker.operation.dashboards.panels import (
    GREEN,
    ORANGE,
    OUTCOMES,
    PRIORITIES,
    RED,
    Query,
    bars,
    heat,
    lines,
    numbers,
    quantiles,
)
from storehand_worker.operation.dashboards.promql import (
    POOL,
    POOL_LABELS,
    firing,
    highest,
    of,
    quantile,
    rate,
    recorded,
    series,
    told_rate,
    told_total,
)

TASK = 'task=~"$task"'
JOBS_S = "suffix: jobs/s"
UID = "storehand-overview"


def build() -> str:
    return page(
        UID,
        "Storehand / Overview",
        "Are the promises kept, how late are we, what fails, is there room, is everything up. "
        "总览：服务目标、积压、失败、余量、依赖状态。",
        by="task",
        metric="storehand_jobs_submitted_total",
        rows=(PROMISES, LATENESS, TASKS, *SUPPLY),
    )


def burn(window: str) -> str:
    """How many times faster than allowed the error budget is spent: the worst of the chosen releases, by priority."""
    errors = of(f"priority:storehand_slo_errors:ratio_rate{window}", POOL)
    allowed = f"(1 - {highest('pool_objective_ratio', by=POOL_LABELS)})"
    return f"max by (pool, priority) ({errors} / on ({POOL_LABELS}) group_left () {allowed})"


PROMISES = Row(
    "Promises by pool · 服务目标",
    (
        bars(
            "Error budget left, 30 days",
            "What remains of the jobs that may start late or fail for a reason of ours (1 - objective of the pool), "
            "by priority, over 30 days or as long as Prometheus remembers. At 0 the promise is broken. "
            "30天错误预算余量，0 表示目标未达成。",
            [Query(f"clamp_min(1 - ({burn('30d')} or {burn('1h')}), 0)", "{{pool}} {{priority}}")],
            unit="percentunit",
            steps=((None, RED), (0.1, ORANGE), (0.5, GREEN)),
            highest=1,
            width=6,
        ),
        numbers(
            "Alerts",
            "Of ours, firing now: pages wake somebody, tickets wait until morning; each names its runbook. "
            "正在触发的告警。",
            [Query(f"count({firing(severity)}) or vector(0)", f"{severity}s") for severity in ("page", "ticket")],
            unit="none",
            steps=((None, GREEN), (1, ORANGE)),
        ),
        lines(
            "Burn rate, worst priority",
            "1: the budget lasts exactly 30 days. 14.4 over an hour pages (2 % of the budget gone), 6 over six hours "
            "pages too (5 %). 预算消耗速度：1 为刚好用完，14.4 倍和 6 倍触发告警。",
            [Query(f"max by (pool) ({burn(window)})", f"{{{{pool}}}} {window}") for window in ("1h", "6h")],
            unit="suffix: x",
            width=7,
            limits=((None, "transparent"), (6, ORANGE), (14.4, RED)),
            highest=16,
        ),
        lines(
            "Jobs: good, late, failed",
            "Ended jobs against the promise. Late: waited longer than the pool's objective for the priority. Failed: "
            "for a reason of ours, not for invalid input. 达标、超时、失败的任务数。",
            [Query(rate("slo_jobs_total", TASK, by="verdict"), "{{verdict}}")],
            unit=JOBS_S,
            width=7,
            stacked=True,
            colors=OUTCOMES,
        ),
    ),
)

_OBJECTIVE = 'priority="interactive"'
_OLDEST_SHARE = (
    f"max by (priority) ({highest('oldest_waiting_seconds', by=f'{POOL_LABELS}, priority')}"
    f" / {highest('pool_wait_objective_seconds', by=f'{POOL_LABELS}, priority')})"
)

LATENESS = Row(
    "How late are we · 积压与等待",
    (
        lines(
            "Backlog in seconds",
            "Until what waits now is done, with the workers ready now: work waiting / ready workers; with none, "
            "what one alone would need. Dashed: in what time interactive work is to be caught up. "
            "按当前就绪工作进程清空积压所需秒数；无就绪时按一个计算。",
            [
                Query(recorded("backlog_seconds:ratio", how="max"), "{{pool}}"),
                Query(f"min({series('pool_catch_up_seconds', _OBJECTIVE)})", "catch up, interactive", plan=True),
            ],
            unit="s",
        ),
        lines(
            "Jobs waiting",
            "Due and not begun, by priority, counted in the job store. 到期未开始的任务数。",
            [Query(told_total("jobs_waiting", TASK, by="priority"), "{{priority}}")],
            unit="short",
            stacked=True,
            colors=PRIORITIES,
        ),
        lines(
            "Oldest waiting job",
            "Age since it could have begun, by priority. 最久等待任务的等待时长。",
            [Query(highest("oldest_waiting_seconds", TASK, by="priority"), "{{priority}}")],
            unit="s",
            colors=PRIORITIES,
        ),
        lines(
            "Wait before a worker takes the job",
            "Due to first claim, over all workers: what shoppers wait. Dashed: the strictest objective. "
            "排队等待分位数。",
            [
                *quantiles("broker_wait_seconds", TASK, shares=(0.5, 0.95, 0.99)),
                Query(f"min({series('pool_wait_objective_seconds', _OBJECTIVE)})", "objective, interactive", plan=True),
            ],
            unit="s",
            log=True,
        ),
        heat(
            "Wait, all jobs",
            "How many jobs a second waited how long, due to first claim. 等待时长分布。",
            rate("broker_wait_seconds_bucket", TASK, by="le"),
            unit="s",
        ),
        lines(
            "Oldest job against its objective",
            "Age of the oldest waiting job over the wait that its pool promises for its priority. Over 100 % a "
            "promise is being broken now; over 400 % it pages. 最久等待占目标的比例。",
            [Query(_OLDEST_SHARE, "{{priority}}")],
            unit="percentunit",
            colors=PRIORITIES,
            limits=((None, "transparent"), (1, ORANGE), (4, RED)),
            highest=1.2,
        ),
    ),
)

_OUTCOME = 'outcome!="succeeded"'
_UNWELL = rate("jobs_total", TASK, _OUTCOME, by="code")
_NOTHING = f'label_replace(0 * {rate("jobs_total", TASK, _OUTCOME)}, "code", "none", "", "")'
"""Every code stands at 0 from a worker's start: thirty lines of nothing, if all were drawn."""

TASKS = Row(
    "Rate, errors, duration by task · 各任务",
    (
        lines(
            "Submitted",
            "Jobs that came into the store, by task. 提交速率。",
            [Query(told_rate("jobs_submitted_total", TASK, by="task"), "{{task}}")],
            unit=JOBS_S,
        ),
        lines(
            "Succeeded",
            "Jobs that ended well, by task. 成功速率。",
            [Query(rate("jobs_total", TASK, 'outcome="succeeded"', by="task"), "{{task}}")],
            unit=JOBS_S,
        ),
        lines(
            "Did not succeed, by reason",
            "Failed, expired and cancelled jobs by their code (shared/storehand/errors.py lists them). Not all are our "
            "fault: invalid_input, unknown_task, rate_limited, quota_exceeded, erased and cancelled are the caller's. "
            "Those for a reason of ours are above, under good, late, failed (docs/metrics.md, Served as promised). "
            "未成功任务按错误码；部分错误码属调用方原因。",
            [Query(f"{_UNWELL} > 0 or on () {_NOTHING}", "{{code}}")],
            unit=JOBS_S,
            stacked=True,
        ),
        lines(
            "Service time p95",
            "Claimed to stored outcome, by task. 处理时长 p95。",
            [Query(quantile(0.95, "process_seconds", TASK, by="task"), "{{task}}")],
            unit="s",
        ),
        lines(
            "End to end p95",
            "Submitted to stored outcome of jobs that succeeded, by task. Bulk jobs wait on purpose. 端到端时长 p95。",
            [Query(quantile(0.95, "e2e_seconds", TASK, 'outcome="succeeded"', by="task"), "{{task}}")],
            unit="s",
            log=True,
        ),
        lines(
            "Tries that did not count",
            "Attempts that come again after a pause, jobs whose worker had died, leases that went to another worker, "
            "jobs handed back while draining. 重试、崩溃、租约丢失、归还。",
            [
                Query(rate("retried_total"), "retried"),
                Query(rate("crashes_total"), "worker died"),
                Query(rate("leases_lost_total"), "lease lost"),
                Query(rate("handed_back_total"), "handed back"),
            ],
            unit=JOBS_S,
        ),
    ),
)
