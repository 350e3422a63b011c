"""Jobs that go wrong one by one."""

from __future__ import annotations

from tests.rules.story import (
    EXPORTER,
    GONE,
    POOL,
    RELEASE,
    Series,
    Story,
    at,
    held,
    jobs,
    nothing,
    rising,
    source,
    worker,
)

COPY = {**POOL, "task": "copy"}


def _copies(succeeded: str, failed: str) -> Series:
    labels = worker(task="copy", priority="standard")
    good = at("storehand_slo_jobs_total", {**labels, "verdict": "good"}, succeeded)
    return {**good, **at("storehand_slo_jobs_total", {**labels, "verdict": "failed"}, failed)}


def _others(values: str) -> Series:
    return at("storehand_slo_jobs_total", {**worker(task="chat", priority="standard"), "verdict": "good"}, values)


def _running(*values: str) -> Series:
    return {**source("store", 60), **jobs("jobs_running", *values)}


def _poison(*values: str) -> Series:
    labels = {**worker(2), "task": "copy", "outcome": "failed", "code": "poison"}
    return at("storehand_jobs_total", labels, *values)


def _scraped_twice(value: float) -> tuple[str, ...]:
    return held(value, 40), GONE, nothing(29), held(value, 60)


STORIES = (
    Story(
        "StorehandTaskFailing", "every copy fails beside a hundred chats a minute, until somebody mends it",
        {**_copies(f"{held(0, 30)} {rising(0, 2, 60)}", f"{rising(0, 2, 30)} {held(58, 60)}"),
         **_others(rising(0, 100, 90))},
        quiet=(5, 80), fires=(29,), labels=COPY,
    ),
    Story(
        "StorehandTaskFailing", "a tenth of the copies fail",
        _copies(rising(0, 9, 60), rising(0, 1, 60)), quiet=(30, 59),
    ),
    Story(
        "StorehandTaskFailing", "both copies of an hour fail: too few to judge by",
        _copies(held(0, 60), f"{held(0, 20)} {held(1, 20)} {held(2, 20)}"), quiet=(22, 42, 59),
    ),
    Story(
        "StorehandDeadLettersRising", "three are laid aside, and an hour later no more have come",
        at("storehand_dead_letters", EXPORTER, held(2, 10), held(5, 90)),
        quiet=(9, 80), fires=(15,), labels=RELEASE,
    ),
    Story(
        "StorehandDeadLettersRising", "somebody drops them, one by one",
        at("storehand_dead_letters", EXPORTER, held(9, 10), rising(8, -1, 9), held(0, 30)), quiet=(5, 15, 45),
    ),
    Story(
        "StorehandPoisonJobs", "the first poison job of a worker, whose counter begins with it",
        {**_poison(nothing(20), held(1, 100)), **at("storehand_jobs_in_hand", worker(2), held(1, 120))},
        quiet=(19, 110), fires=(30,), labels=COPY,
    ),
    Story(
        "StorehandPoisonJobs", "an old one, and jobs that fail for other reasons",
        {
            **_poison(held(1, 120)),
            **at("storehand_jobs_total", {**worker(), "task": "copy", "outcome": "failed", "code": "invalid_input"},
                 rising(0, 3, 120)),
        },
        quiet=(70, 119),
    ),
    Story(
        "StorehandPoisonJobs", "Prometheus was away for half an hour, and the old one is no new one",
        _poison(held(1, 60), GONE, nothing(29), held(1, 120)), quiet=(100, 120, 150, 200),
    ),
    Story(
        "StorehandJobsStuck", "two run by the store's word that nobody has in hand, until they are taken again",
        {**_running(held(5, 60)), **at("storehand_jobs_in_hand", worker(), held(5, 10), held(3, 25), held(5, 25))},
        quiet=(9, 20, 40), fires=(30,), labels=RELEASE,
    ),
    Story(
        "StorehandJobsStuck", "no worker is left and one still runs",
        {**_running(held(1, 60))}, quiet=(10,), fires=(20,), labels=RELEASE,
    ),
    Story(
        "StorehandJobsStuck", "figures of a busy pool, read a moment apart",
        {**_running(*("50 47 52",) * 20), **at("storehand_jobs_in_hand", worker(), *("49 50 50",) * 20)},
        quiet=(20, 40, 59),
    ),
    Story(
        "StorehandLeasesLost", "many within minutes, then none",
        at("storehand_leases_lost_total", worker(), held(0, 10), rising(1, 2, 5), held(9, 60)),
        quiet=(9, 50), fires=(16,),
    ),
    Story(
        "StorehandLeasesLost", "Prometheus was away for longer than the alert looks back: old ones are not new",
        {**at("storehand_leases_lost_total", worker(), *_scraped_twice(7)),
         **at("process_start_time_seconds", worker(), *_scraped_twice(0))},
        quiet=(39, 70, 80, 90, 120),
    ),
    Story(
        "StorehandLeasesLost", "a worker that started meanwhile has lost that many",
        {**at("storehand_leases_lost_total", worker(), nothing(70), held(7, 60)),
         **at("process_start_time_seconds", worker(), nothing(70), held(3600, 60))},
        quiet=(69, 120), fires=(75,),
    ),
    Story(
        "StorehandLeasesLost", "one now and then",
        at("storehand_leases_lost_total", worker(), *(held(number, 10) for number in range(6))), quiet=(25, 45, 59),
    ),
    Story(
        "StorehandTenantsThrottled", "a tenant is over its limit for two hours",
        at("storehand_throttled_total", worker(), held(0, 10), rising(1, 3, 120), held(358, 60)),
        quiet=(60, 185), fires=(120,), labels=RELEASE,
    ),
    Story(
        "StorehandTenantsThrottled", "a short burst is cut",
        at("storehand_throttled_total", worker(), held(0, 10), rising(1, 30, 5), held(121, 90)), quiet=(20, 80, 100),
    ),
)  # fmt: skip
