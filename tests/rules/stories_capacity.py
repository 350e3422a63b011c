"""The autoscaler."""

from __future__ import annotations

from tests.rules.story import (
    EXPORTER,
    POOL,
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

KEDA = {"exported_namespace": "prod", "namespace": "keda", "scaledObject": "shop-chat", "scaler": "prometheusScaler"}
NEW = {**EXPORTER, "instance": "10.0.0.8:9464"}
SCALED = {"namespace": "prod", "scaledObject": "shop-chat"}


def _sees(minutes: int, waiting: str) -> Series:
    """Plan, store and waiting jobs: enough for required = waiting / 1,920 with a hint of 1 s."""
    return {**plan(minutes), **source("store", minutes), **jobs("jobs_waiting", waiting)}


STORIES = (
    Story(
        "StorehandScalerBlind", "the exporter vanishes while workers run, and comes back",
        {
            **then_gone(_sees(20, held(5, 20))), **at("storehand_slots", worker(), held(32, 90)),
            **at("storehand_pool_slots", {**NEW, "pool": "chat"}, nothing(50), held(32, 40)),
            **at("storehand_exporter_up", {**NEW, "source": "store"}, nothing(50), held(1, 40)),
            **at("storehand_exporter_age_seconds", {**NEW, "source": "store"},
                 nothing(50), held(1, 40)),
            **at("storehand_pool_target_utilization_ratio",
                 {**NEW, "pool": "chat"}, nothing(50), held(0.75, 40)),
        },
        quiet=(19, 25, 60), fires=(40,),
    ),
    Story(
        "StorehandScalerBlind", "the exporter's reads have grown old, though it does not say that the store is away",
        {
            **plan(40), **at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 40)),
            **at("storehand_exporter_age_seconds", {**EXPORTER, "source": "store"},
                 held(2, 10), held(100, 15), held(2, 15)),
        },
        quiet=(9, 15, 30), fires=(22,),
    ),
    Story(
        "StorehandScalerBlind", "the store is away: that is another alert's page",
        {**plan(40), **source("store", 40, is_up=0, age_s=900)}, quiet=(20, 39),
    ),
    Story(
        "StorehandScalerBlind", "the exporter alone can't read the store: workers do",
        {
            **plan(40), **source("store", 40, is_up=0, age_s=900),
            **at("storehand_store_up", worker(), held(1, 40)),
            **at("storehand_start_up_seconds", worker(), held(20, 40)),
        },
        quiet=(5,), fires=(20, 39),
    ),
    Story(
        "StorehandScalerBlind", "an idle pool needs 0, which is a number", _sees(40, held(0, 40)), quiet=(20, 39),
    ),
    Story(
        "StorehandScalerBlind", "a pool is taken out of the plan",
        {
            **then_gone(plan(10)), **source("store", 40), **{
                name.replace("chat", "bulk"): values for name, values in plan(40).items()
            },
        },
        quiet=(20, 39),
    ),
    Story(
        "StorehandScalerErrors", "KEDA can't read its trigger for half an hour",
        {**source("store", 60), **at("keda_scaler_detail_errors_total", KEDA, rising(0, 2, 30), held(58, 60))},
        quiet=(5, 59), fires=(25,), labels=SCALED,
    ),
    Story(
        "StorehandScalerErrors", "its query answers nothing",
        {**source("store", 60), **at("keda_scaler_empty_upstream_responses_total", KEDA, rising(0, 2, 60))},
        quiet=(5,), fires=(25,), labels=SCALED,
    ),
    Story(
        "StorehandScalerErrors", "somebody else's ScaledObject has errors",
        {
            **source("store", 60),
            **at("keda_scaler_detail_errors_total", {**KEDA, "exported_namespace": "other"}, rising(0, 2, 60)),
        },
        quiet=(25, 59),
    ),
    Story(
        "StorehandMaxedOut", "more waits every minute than four workers can do in time",
        _sees(90, f"{rising(8000, 200, 40)} {held(0, 50)}"), quiet=(5, 70), fires=(35,),
    ),
    Story(
        "StorehandMaxedOut", "it needs more than it may have, but the backlog falls",
        _sees(40, rising(20000, -100, 40)), quiet=(20, 39),
    ),
    Story(
        "StorehandWorkersMissing", "three are needed, two may be, one is ready: a pod waits for its GPU",
        {**_sees(60, held(5000, 60)), **at("storehand_ready", worker(), held(1, 60)),
         **at("storehand_ready", worker(2), held(0, 40), held(1, 20)),
         **at("storehand_ready", worker(3), held(0, 40), held(1, 20))},
        quiet=(15, 45), fires=(30,),
    ),
    Story(
        "StorehandWorkersMissing", "2.1 are needed and two are ready: no autoscaler adds a third for a tenth",
        {**_sees(60, held(2.1 * 1920, 60)), **at("storehand_ready", worker(), held(1, 60)),
         **at("storehand_ready", worker(2), held(1, 60))},
        quiet=(30, 59),
    ),
    Story(
        "StorehandWorkersMissing", "five are needed, but four is all there may be",
        {**_sees(60, held(9000, 60)), **{
            name: values for number in range(4)
            for name, values in at("storehand_ready", worker(number), held(1, 60)).items()
        }},
        quiet=(30, 59),
    ),
    Story(
        "StorehandWorkersMissing", "the least of an idle pool is not there",
        _sees(60, held(0, 60)), quiet=(10,), fires=(30,), labels=POOL,
    ),
)  # fmt: skip
