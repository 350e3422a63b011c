"""Alerts on what callers feel: jobs that start late, fail, or do not start at all."""

from __future__ import annotations

from storehand_worker.operation.rules.plan import COLD_START, OBJECTIVE, WAIT_OBJECTIVE, steadily_away
from storehand_worker.operation.rules.promql import POOL, PRIORITY, RELEASE, told
from storehand_worker.operation.rules.recording import POINT_S
from storehand_worker.operation.rules.rule import IN_POOL, IN_RELEASE, Alert, Group, Severity

PEOPLE_WAIT = 'priority!="bulk"'
"""Nobody is woken for bulk work: its promises are made in hours."""

LEAST_BAD_JOBS = 5
"""In the long window. A pool with ten jobs an hour would else alert on the second bad one."""

MOST_BURN = 0.9
"""Of jobs bad: where a promise is so loose that the burn rate's share passes 1, this much is bad enough."""

_BAD = 'verdict!="good"'
_BULK = 'priority="bulk"'
_NOBODYS = 'storehand_jobs_waiting{pool=""}'
_READY = "pool:storehand_ready_workers:sum"
_NONE_READY = f"max_over_time({_READY}[5m]) == 0"
"""As long as the alert takes that leaves these pools to StorehandNoWorker: workers that come and go would else start
one of the two anew at every turn, and nobody would hear of them."""
_TOLD_BY_BROKER = f"unless on ({RELEASE}) {steadily_away('broker')}"


def _burn(factor: float, long: str, short: str, selector: str) -> str:
    """The error budget of 30 days goes `factor` times too fast, over both windows (Google's SRE Workbook,"
    " table 5-8)."""
    limit = f"on ({POOL}) group_left () clamp_max({factor:g} * (1 - {OBJECTIVE}), {MOST_BURN})"
    braces = f"{{{selector}}}" if selector else ""
    wrong = f"priority:storehand_slo_jobs:rate5m{{{','.join(filter(None, [selector, _BAD]))}}}"
    return (
        f"priority:storehand_slo_errors:ratio_rate{long}{braces} > {limit}\n"
        f"  and on ({PRIORITY}) priority:storehand_slo_errors:ratio_rate{short}{braces} > {limit}\n"
        f"  and on ({PRIORITY}) {POINT_S} * sum by ({PRIORITY}) (sum_over_time({wrong}[{long}])) >= {LEAST_BAD_JOBS}"
    )


_SHARE = "{{ $value | humanizePercentage }}"


def _burning(
    name: str,
    severity: Severity,
    factor: float,
    windows: tuple[str, str],
    *,
    for_: str,
    why: str,
    said: tuple[str, str],
) -> Alert:
    long, short = windows
    return Alert(
        name,
        severity,
        _burn(factor, long, short, PEOPLE_WAIT if severity == "page" else ""),
        for_,
        f"{IN_POOL}: {_SHARE} of {{{{ $labels.priority }}}} jobs were late or failed in {long}; {said[0]}",
        f"{IN_POOL}：{long} 内 {_SHARE} 的 {{{{ $labels.priority }}}} 任务迟到或失败，{said[1]}",
        f"Jobs that started after the pool's wait objective or failed for a reason of ours, of all that ended,"
        f" over {long} and {short}: the error budget of 30 days burns at {factor:g} times the pace that it lasts.",
        why,
        keep="5m",
    )


def _oldest(selector: str, labels: str = PRIORITY) -> str:
    return told(f"storehand_oldest_waiting_seconds{{{selector}}}", labels)


_PEOPLE = f"sum by ({POOL}) (task:storehand_jobs_waiting:sum{{{PEOPLE_WAIT}}}) > 0"
_LONG = f"max by ({POOL}) (task:storehand_service_seconds:max) > 300"
"""Seconds. Such jobs may well have no end in ten minutes."""
_FINISHED = told("increase(storehand_jobs_finished_total[10m])", f"{PRIORITY}, task, queue")

PROMISES = Group(
    "storehand-promises",
    (
        _burning(
            "StorehandSloBurnFast",
            "page",
            14.4,
            ("1h", "5m"),
            for_="1m",
            why="2 % of the month's error budget in an hour: callers are hurt now, and so it is gone in two days.",
            said=("the month's budget is gone in two days", "两天内耗尽本月错误预算"),
        ),
        _burning(
            "StorehandSloBurnSlow",
            "page",
            6,
            ("6h", "30m"),
            for_="5m",
            why="5 % of the month's budget in six hours, and still going on: it will not wait for the morning.",
            said=("the month's budget is gone in five days", "五天内耗尽本月错误预算"),
        ),
        _burning(
            "StorehandSloBurnLong",
            "ticket",
            1,
            ("3d", "6h"),
            for_="30m",
            why="10 % of the budget in three days: nobody need get up, but the month will end over it. Bulk counts.",
            said=("the promise will not be kept this month", "本月将无法兑现承诺"),
        ),
        Alert(
            "StorehandOldestJobLate",
            "page",
            f"{_oldest(PEOPLE_WAIT)}\n  > on ({PRIORITY}) 4 * {WAIT_OBJECTIVE}\n  unless on ({POOL}) {_NONE_READY}\n"
            f"  {_TOLD_BY_BROKER}",
            "5m",
            f"{IN_POOL}: a {{{{ $labels.priority }}}} job has waited {{{{ $value | humanizeDuration }}}}",
            f"{IN_POOL}：有 {{{{ $labels.priority }}}} 任务已等待 {{{{ $value | humanizeDuration }}}}",
            "The oldest waiting job is over four times its wait objective. Jobs that never start do not count"
            " as late in"
            " the error budget, so this looks at those that wait.",
            "Somebody has stood in the line for four times what was promised, for five minutes on end, and some"
            " worker was ready meanwhile.",
        ),
        Alert(
            "StorehandBulkLate",
            "ticket",
            f"{_oldest(_BULK)}\n  > on ({PRIORITY}) 2 * {WAIT_OBJECTIVE}",
            "15m",
            f"{IN_POOL}: a bulk job has waited {{{{ $value | humanizeDuration }}}}",
            f"{IN_POOL}：有批量任务已等待 {{{{ $value | humanizeDuration }}}}",
            "The oldest waiting bulk job is over twice its wait objective.",
            "Bulk is promised in hours and nobody sits before it.",
        ),
        Alert(
            "StorehandStalled",
            "page",
            f"{_PEOPLE}\n  and on ({POOL}) sum by ({POOL}) ({_FINISHED}) == 0\n  and on ({POOL}) {_READY} > 0\n"
            f"  unless on ({POOL}) {_LONG}\n  {_TOLD_BY_BROKER}",
            "5m",
            f"{IN_POOL}: {{{{ $value }}}} jobs wait, workers are ready, none has ended for 10 minutes",
            f"{IN_POOL}：{{{{ $value }}}} 个任务在等待，工作进程就绪，但 10 分钟内没有任务结束",
            "Work waits and nothing comes out, though workers call themselves ready: messages do not reach them, or all"
            " slots are held by jobs that do not end. Pools with a task that takes over five minutes are left to"
            " StorehandOldestJobLate.",
            "A full outage that no other signal shows: nothing ends, so nothing is counted as late or failed.",
        ),
        Alert(
            "StorehandNoWorker",
            "page",
            f"{_PEOPLE}\n  and on ({POOL}) {_READY} == 0\n"
            f"  and on ({POOL}) {_oldest(PEOPLE_WAIT, POOL)} > on ({POOL}) {COLD_START}\n"
            f"  {_TOLD_BY_BROKER}",
            "2m",
            f"{IN_POOL}: {{{{ $value }}}} jobs wait and no worker is ready",
            f"{IN_POOL}：{{{{ $value }}}} 个任务在等待，没有就绪的工作进程",
            "Jobs have waited for longer than a worker takes to start, and none has.",
            "A full outage of this pool. A cold start from zero is not one: only what has waited for longer counts.",
        ),
        Alert(
            "StorehandQueueUnserved",
            "page",
            f"sum by ({RELEASE}, queue) ({told(_NOBODYS, f'{RELEASE}, queue, task, priority')}) > 0",
            "10m",
            f"{IN_RELEASE}: {{{{ $value }}}} jobs wait in {{{{ $labels.queue }}}}, which no pool serves",
            f"{IN_RELEASE}：{{{{ $labels.queue }}}} 中有 {{{{ $value }}}} 个任务，但没有任何工作池服务该队列",
            "No pool of the setting `pools` names this queue's model family: its jobs are accepted and will never run.",
            "Every job of these tasks is lost time until somebody changes the configuration; it cannot heal itself.",
        ),
    ),
)
