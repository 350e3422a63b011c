"""What callers feel."""

from __future__ import annotations

from tests.rules.story import (
    EXPORTER,
    POOL,
    RELEASE,
    Series,
    Story,
    at,
    held,
    jobs,
    nothing,
    plan,
    rising,
    source,
    then_gone,
    worker,
)

DAY = 1440
HOURS = 600
"""Long enough: a window of three days takes what there is."""
INTERACTIVE = {**POOL, "priority": "interactive"}
BULK = {**POOL, "priority": "bulk"}


def _ended(good: str, late: str, *, priority: str = "interactive") -> Series:
    labels = worker(task="chat", priority=priority)
    found = at("storehand_slo_jobs_total", {**labels, "verdict": "good"}, good)
    return {**found, **at("storehand_slo_jobs_total", {**labels, "verdict": "late"}, late)}


def _ready(*values: str) -> Series:
    return at("storehand_ready", worker(), *values)


def _broker(*ups: str) -> Series:
    labels = {**EXPORTER, "source": "broker"}
    return {**source("store", 60), **at("storehand_exporter_up", labels, *ups)}


def _none_begins(*ready: str) -> Series:
    """Chats wait, and none ends."""
    return {
        **plan(60), **_ready(*ready), **jobs("jobs_waiting", held(9, 60)), **jobs("jobs_finished_total", held(45, 60)),
        **jobs("oldest_waiting_seconds", rising(0, 60, 60)),
    }  # fmt: skip


def _expired(pool_of_chat: Series) -> Series:
    """The worker of another pool leads, and ends the chats that nobody began."""
    leader = worker(pool="nightly", task="chat", priority="interactive", verdict="late")
    ended = at("storehand_slo_jobs_total", leader, rising(0, 5, 60))
    return {**plan(60), **plan(60, pool="nightly"), **pool_of_chat, **ended}


def _then_well(good: float, late: float, minutes: int, after: int) -> tuple[str, str]:
    """Values of good and late jobs, so many a minute; afterwards all are good."""
    both = good + late
    return (
        f"{rising(0, good, minutes)} {rising(good * minutes, both, after)}",
        f"{rising(0, late, minutes)} {held(late * (minutes - 1), after)}",
    )


STORIES = (
    Story(
        "StorehandSloBurnFast", "a fifth of the chats start late for half an hour",
        {**plan(90), **_ended(*_then_well(8, 2, 30, 60))},
        quiet=(2, 60), fires=(30,), labels=INTERACTIVE,
    ),
    Story(
        "StorehandSloBurnFast", "a tenth is late: over the promise, but not 14.4 times",
        {**plan(90), **_ended(*_then_well(9, 1, 90, 1))}, quiet=(30, 60, 89),
    ),
    Story(
        "StorehandSloBurnFast", "three of four jobs an hour are late: too few to judge by",
        {**plan(61), **_ended(f"{held(0, 30)} {held(1, 31)}",
                             f"{held(0, 10)} {held(1, 10)} {held(2, 10)} {held(3, 31)}")},
        quiet=(15, 31, 45, 60),
    ),
    Story(
        "StorehandSloBurnFast", "bulk starts late: nobody is woken",
        {**plan(60), **_ended(*_then_well(5, 5, 60, 1), priority="bulk")}, quiet=(30, 59),
    ),
    Story(
        "StorehandSloBurnFast", "where nine of ten may be late by the promise, all of them late is still an alert",
        {**plan(60, objective=0.1), **_ended(rising(0, 0, 60), rising(0, 5, 60))},
        quiet=(1,), fires=(40,), labels=INTERACTIVE,
    ),
    Story(
        "StorehandSloBurnFast", "half of the chats are late, and the exporter that knows the promise is gone",
        {**then_gone(plan(20)), **_ended(*_then_well(5, 5, 60, 60))},
        quiet=(1, 119), fires=(18, 30, 59), labels=INTERACTIVE,
    ),
    Story(
        "StorehandSloBurnFast", "chats expire while they wait: that is the promise of their pool, not of the leader's",
        _expired(jobs("jobs_waiting", held(1, 60))), quiet=(1,), fires=(30, 59), labels=INTERACTIVE,
    ),
    Story(
        "StorehandSloBurnFast", "... of the leader's, while two exporters name two pools",
        _expired({**jobs("jobs_waiting", held(1, 60)), **jobs("jobs_waiting", held(1, 60), pool="nightly")}),
        quiet=(1,), fires=(30, 59), labels={**INTERACTIVE, "pool": "nightly"},
    ),
    Story(
        "StorehandSloBurnSlow", "a tenth is late for hours",
        {**plan(480), **_ended(*_then_well(18, 2, 240, 240))},
        quiet=(2, 300, 479), fires=(235,), labels=INTERACTIVE, every="5m",
    ),
    Story(
        "StorehandSloBurnSlow", "a twentieth is late for hours: less than six times",
        {**plan(480), **_ended(*_then_well(19, 1, 480, 1))}, quiet=(239, 479), every="5m",
    ),
    Story(
        "StorehandSloBurnLong", "two of a hundred are late, day after day",
        {**plan(2 * DAY), **_ended(*_then_well(98, 2, DAY, DAY))},
        quiet=(30, 2 * DAY - 30), fires=(DAY - 30,), labels=INTERACTIVE, every="30m",
    ),
    Story(
        "StorehandSloBurnLong", "bulk is late for days",
        {**plan(HOURS), **_ended(*_then_well(9, 1, HOURS, 1), priority="bulk")},
        quiet=(30,), fires=(HOURS - 30,), labels=BULK, every="30m",
    ),
    Story(
        "StorehandSloBurnLong", "five of a thousand are late: within the promise",
        {**plan(HOURS), **_ended(*_then_well(199, 1, HOURS, 1))}, quiet=(300, HOURS - 30), every="30m",
    ),
    Story(
        "StorehandOldestJobLate", "a chat waits for a minute and more, then the line is gone",
        {**plan(40), **_ready(held(1, 40)), **jobs("oldest_waiting_seconds", held(3, 5), held(55, 15), held(0, 20))},
        quiet=(4, 8, 22), fires=(15,), labels=INTERACTIVE,
    ),
    Story(
        "StorehandOldestJobLate", "it waits for 30 s, which is late but not four times",
        {**plan(20), **_ready(held(1, 20)), **jobs("oldest_waiting_seconds", held(30, 20))}, quiet=(10, 19),
    ),
    Story(
        "StorehandOldestJobLate", "no worker is ready: another alert tells it",
        {**plan(20), **_ready(held(0, 20)), **jobs("oldest_waiting_seconds", held(500, 20))}, quiet=(10, 19),
    ),
    Story(
        "StorehandOldestJobLate", "workers come and go: StorehandNoWorker never holds for two minutes",
        _none_begins(*("1 0 0",) * 20), quiet=(3,), fires=(15, 30, 58), labels=INTERACTIVE,
    ),
    Story(
        "StorehandNoWorker", "workers come and go: StorehandOldestJobLate tells it",
        _none_begins(*("1 0 0",) * 20), quiet=(15, 30, 58),
    ),
    *(
        Story(
            name, "the broker is away, which is one page and not one for each pool",
            {**_none_begins(held(ready, 60)), **_broker(held(1, 5), held(0, 55))}, quiet=(10, 30, 59),
        )
        for name, ready in (("StorehandOldestJobLate", 1), ("StorehandStalled", 1), ("StorehandNoWorker", 0))
    ),
    *(
        Story(
            name, "the broker comes and goes, so that its own alert never fires",
            {**_none_begins(held(ready, 60)), **_broker(*("1 0 0 0",) * 15)}, quiet=(2,), fires=(30, 58), labels=labels,
        )
        for name, ready, labels in (("StorehandOldestJobLate", 1, INTERACTIVE), ("StorehandNoWorker", 0, POOL))
    ),
    Story(
        "StorehandBulkLate", "a bulk job waits for three hours",
        {**plan(60), **jobs("oldest_waiting_seconds", held(10800, 30), held(60, 30), priority="bulk")},
        quiet=(10, 35), fires=(25,), labels=BULK,
    ),
    Story(
        "StorehandBulkLate", "a bulk job waits for an hour and a half",
        {**plan(60), **jobs("oldest_waiting_seconds", held(5400, 60), priority="bulk")}, quiet=(30, 59),
    ),
    Story(
        "StorehandStalled", "jobs wait, a worker is ready, nothing ends; then it goes on",
        {
            **plan(60), **_ready(held(1, 60)), **jobs("jobs_waiting", held(7, 60)),
            **jobs("jobs_finished_total", rising(0, 5, 10), held(45, 25), rising(45, 5, 25)),
        },
        quiet=(12, 20, 40), fires=(30,),
    ),
    Story(
        "StorehandStalled", "nothing ends because nothing waits",
        {
            **plan(60), **_ready(held(1, 60)), **jobs("jobs_waiting", held(0, 60)),
            **jobs("jobs_finished_total", held(45, 60)),
        },
        quiet=(30, 59),
    ),
    Story(
        "StorehandStalled", "two jobs of twenty minutes hold the only slots, as they may",
        {
            **plan(90), **_ready(held(1, 90)), **jobs("jobs_waiting", held(3, 90)),
            **jobs("jobs_finished_total", *(held(2 * number, 20) for number in range(5))),
            **jobs("service_seconds_total", *(held(2400 * number, 20) for number in range(5))),
        },
        quiet=(38, 55, 78),
    ),
    Story(
        "StorehandStalled", "only one job ends every eight minutes, but it does",
        {
            **plan(60), **_ready(held(1, 60)), **jobs("jobs_waiting", held(9, 60)),
            **jobs("jobs_finished_total", *(held(number, 8) for number in range(7))),
        },
        quiet=(30, 55),
    ),
    Story(
        "StorehandNoWorker", "a chat waits for longer than a cold start takes and nobody is ready",
        {
            **plan(30), **source("store", 30), **_ready(held(0, 15), held(1, 15)), **jobs("jobs_waiting", held(2, 30)),
            **jobs("oldest_waiting_seconds", rising(0, 60, 30)),
        },
        quiet=(2, 17), fires=(10,),
    ),
    Story(
        "StorehandNoWorker", "there is not even a target of the pool",
        {**plan(30), **jobs("jobs_waiting", held(2, 30)), **jobs("oldest_waiting_seconds", rising(0, 60, 30))},
        quiet=(2,), fires=(10,),
    ),
    Story(
        "StorehandNoWorker", "a pool wakes from zero within its cold start",
        {
            **plan(30), **_ready(held(0, 7), held(1, 23)),
            **jobs("jobs_waiting", held(0, 5), held(2, 2), held(0, 23)),
            **jobs("oldest_waiting_seconds", held(0, 5), held(5, 1), held(65, 1), held(0, 23)),
        },
        quiet=(4, 6, 8, 20),
    ),
    Story(
        "StorehandNoWorker", "only bulk waits",
        {
            **plan(30), **jobs("jobs_waiting", held(2, 30), priority="bulk"),
            **jobs("oldest_waiting_seconds", rising(0, 60, 30), priority="bulk"),
        },
        quiet=(29,),
    ),
    Story(
        "StorehandQueueUnserved", "jobs wait in a queue of no pool, until the pool is there",
        {
            **jobs("jobs_waiting", held(3, 20), "stale", pool=""),
            **jobs("jobs_waiting", nothing(20), held(3, 20)),
        },
        quiet=(5, 22), fires=(15,), labels={**RELEASE, "queue": "storehand.text.interactive"},
    ),
    Story(
        "StorehandQueueUnserved", "they wait in a queue that a pool serves",
        {**jobs("jobs_waiting", held(3, 40)), **jobs("jobs_waiting", held(0, 40), pool="")}, quiet=(15, 39),
    ),
)  # fmt: skip
