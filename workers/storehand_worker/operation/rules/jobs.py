"""Alerts on jobs that go wrong one by one: dead letters, poison, jobs that nobody has, tasks that fail."""

from __future__ import annotations

from storehand_worker.operation.rules.plan import up
from storehand_worker.operation.rules.promql import POOL, RELEASE, TASK, grown, pooled, told, workers
from storehand_worker.operation.rules.recording import POINT_S
from storehand_worker.operation.rules.rule import IN_POOL, IN_RELEASE, Alert, Group

_IN_HAND = f"(sum by ({RELEASE}) (storehand_jobs_in_hand) or on ({RELEASE}) 0 * {up('store')})"
_RUNNING = f"sum by ({RELEASE}) ({told('storehand_jobs_running', f'{TASK}, queue')})"
_DEAD = told("storehand_dead_letters", RELEASE)
_LEAST_DEAD = f"min by ({RELEASE}) (min_over_time(storehand_dead_letters[1h]))"
_POISON = pooled(grown('storehand_jobs_total{code="poison"}', "1h"))
_THROTTLED = f"sum by ({RELEASE}) ({grown('storehand_throttled_total', '15m')})"


def _failed(selector: str) -> str:
    return f"sum by ({POOL}, task) (sum_over_time(task:storehand_slo_jobs:rate5m{selector}[15m]))"


_FAILED = _failed('{verdict="failed"}')

JOBS = Group(
    "storehand-jobs",
    (
        Alert(
            "StorehandTaskFailing",
            "ticket",
            f"{_FAILED} / on ({POOL}, task) {_failed('')} > 0.2\n  and on ({POOL}, task) {POINT_S} * {_FAILED} >= 10",
            "5m",
            f"{IN_POOL}: {{{{ $value | humanizePercentage }}}} of the {{{{ $labels.task }}}} jobs fail",
            f"{IN_POOL}：{{{{ $labels.task }}}} 任务失败率 {{{{ $value | humanizePercentage }}}}",
            "Failures for a reason of ours over 15 minutes, ten at least. A small task can fail altogether"
            " without being"
            " seen in its pool's error budget.",
            "One task of many is broken; where it is a large one, the error budget pages.",
            keep="10m",
        ),
        Alert(
            "StorehandDeadLettersRising",
            "ticket",
            f"{_DEAD} - on ({RELEASE}) {_LEAST_DEAD} > 0",
            "1m",
            f"{IN_RELEASE}: {{{{ $value }}}} more dead letters within an hour",
            f"{IN_RELEASE}：一小时内新增 {{{{ $value }}}} 封死信",
            "Messages that are no jobs, or jobs that were given up as poison, were laid aside.",
            "Nothing is lost: they lie in the store until somebody retries or drops them.",
        ),
        Alert(
            "StorehandPoisonJobs",
            "ticket",
            f"sum by ({POOL}, task) ({_POISON}) > 0",
            "0m",
            f"{IN_POOL}: {{{{ $value | humanize }}}} {{{{ $labels.task }}}} jobs have killed worker after worker",
            f"{IN_POOL}：{{{{ $value | humanize }}}} 个 {{{{ $labels.task }}}} 任务多次导致工作进程崩溃",
            "Jobs under which `max_crashes` workers died were given up. Each cost their neighbours a restart.",
            "The job is already kept away from the workers; its input is there to be looked at.",
        ),
        Alert(
            "StorehandJobsStuck",
            "ticket",
            f"{_RUNNING} - on ({RELEASE}) {_IN_HAND} > 0",
            "15m",
            f"{IN_RELEASE}: {{{{ $value }}}} jobs run by the store's word, but no worker has them in hand",
            f"{IN_RELEASE}：{{{{ $value }}}} 个任务在存储中为运行中，但没有工作进程持有",
            "A worker's death should give its jobs back within the lease; these have stayed with nobody for 15"
            " minutes.",
            "Few jobs; many of them make the oldest age or the error budget page.",
        ),
        Alert(
            "StorehandLeasesLost",
            "ticket",
            f"{workers(grown('storehand_leases_lost_total', '15m'))} >= 5",
            "0m",
            f"{IN_POOL}: {{{{ $value | humanize }}}} leases went to another worker while their job ran",
            f"{IN_POOL}：{{{{ $value | humanize }}}} 个任务在运行中失去租约",
            "Workers did not renew in time: the store was slow, the machine stood still, or `lease_s` is too short. The"
            " work of the first worker is thrown away.",
            "Work done twice costs capacity, not answers.",
            keep="15m",
        ),
        Alert(
            "StorehandTenantsThrottled",
            "ticket",
            f"{_THROTTLED} > 0",
            "1h",
            f"{IN_RELEASE}: jobs of tenants over their limit have been refused for an hour",
            f"{IN_RELEASE}：租户超限，任务被拒绝已持续一小时",
            "Plain messages of tenants over `tenant_limits` are refused. Those who submit with the client are told so.",
            "The limit does what it is for; somebody should ask whether it is still the right one.",
            keep="15m",
        ),
    ),
)
