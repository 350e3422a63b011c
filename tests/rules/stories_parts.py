"""Store, broker, reconciler, exporter, disk."""

from __future__ import annotations

from tests.rules.story import EXPORTER, GONE, RELEASE, Series, Story, at, held, nothing, source, worker

CLAIM = {"namespace": "prod", "persistentvolumeclaim": "shop-store"}
DISK = {**CLAIM, "job": "kubelet"}


def _source(name: str, *ups: str) -> Series:
    labels = {**EXPORTER, "source": name}
    return {**at("storehand_exporter_up", labels, *ups), **at("storehand_exporter_age_seconds", labels, held(2, 60))}


def _free(*values: str, namespace: str = "prod") -> Series:
    disk = {**DISK, "namespace": namespace}
    capacity = at("kubelet_volume_stats_capacity_bytes", disk, held(1000, 90))
    return {**source("store", 90), **capacity, **at("kubelet_volume_stats_available_bytes", disk, *values)}


STORIES = (
    Story(
        "StorehandStoreUnreachable", "the exporter can't read it for ten minutes",
        _source("store", held(1, 10), held(0, 10), held(1, 30)), quiet=(9, 11, 25), fires=(15,), labels=RELEASE,
    ),
    Story(
        "StorehandStoreUnreachable", "no worker reaches it",
        {
            **_source("store", held(1, 60)),
            **at("storehand_store_up", worker(), held(1, 10), held(0, 20), held(1, 30)),
            **at("storehand_start_up_seconds", worker(), held(20, 60)),
        },
        quiet=(9, 40), fires=(20,), labels=RELEASE,
    ),
    Story(
        "StorehandStoreUnreachable", "a read hangs",
        {**at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 30)),
         **at("storehand_exporter_age_seconds", {**EXPORTER, "source": "store"}, held(2, 10), held(200, 20))},
        quiet=(9,), fires=(20,), labels=RELEASE,
    ),
    Story(
        "StorehandStoreUnreachable", "it is away for a minute, and all workers are still loading",
        {
            **_source("store", held(1, 10), held(0, 1), held(1, 40)),
            **at("storehand_store_up", worker(), held(0, 60)),
        },
        quiet=(11, 20, 40),
    ),
    Story(
        "StorehandStoreUnreachable", "the exporter alone can't read it: jobs begin and end",
        {
            **_source("store", held(1, 10), held(0, 40)),
            **at("storehand_store_up", worker(), held(1, 60)),
            **at("storehand_start_up_seconds", worker(), held(20, 60)),
        },
        quiet=(15, 30, 45),
    ),
    Story(
        "StorehandBrokerUnreachable", "it is away for a quarter of an hour",
        {**_source("broker", held(1, 10), held(0, 15), held(1, 30)), **source("store", 60)},
        quiet=(9, 13, 30), fires=(20,), labels=RELEASE,
    ),
    Story(
        "StorehandBrokerUnreachable", "broker and store are one server: one page is enough",
        {**_source("broker", held(1, 10), held(0, 45)), **_source("store", held(1, 10), held(0, 45))},
        quiet=(20, 50),
    ),
    Story(
        "StorehandBrokerUnreachable", "... also when the exporter was started anew shortly before",
        {**_source("broker", held(1, 5), held(0, 1), held(1, 4), held(0, 45)),
         **_source("store", held(1, 5), held(0, 1), held(1, 4), held(0, 45))},
        quiet=(16, 20, 50),
    ),
    Story(
        "StorehandBrokerUnreachable", "it is away, and the store comes and goes, so that its own alert never fires",
        {**_source("broker", held(1, 10), held(0, 45)), **_source("store", held(1, 10), *("0 1",) * 20)},
        quiet=(9,), fires=(30,), labels=RELEASE,
    ),
    Story(
        "StorehandReconcilerAbsent", "workers are ready, and nobody leads",
        {
            **at("storehand_reconciler_up", EXPORTER, held(1, 10), held(0, 20), held(1, 30)),
            **at("storehand_ready", worker(), held(1, 60)),
        },
        quiet=(9, 15, 35), fires=(25,), labels=RELEASE,
    ),
    Story(
        "StorehandReconcilerAbsent", "the pools are scaled to zero",
        {**at("storehand_reconciler_up", EXPORTER, held(0, 60)), **at("storehand_ready", worker(), held(0, 60))},
        quiet=(30, 59),
    ),
    Story(
        "StorehandJobsUnrung", "jobs stay without a message",
        at("storehand_unrung_jobs", EXPORTER, held(0, 10), held(4, 25), held(0, 20)),
        quiet=(9, 20, 40), fires=(30,), labels=RELEASE,
    ),
    Story(
        "StorehandJobsUnrung", "now and then one, rung at once",
        at("storehand_unrung_jobs", EXPORTER, *("2 0 1 3 0",) * 10), quiet=(20, 49),
    ),
    Story(
        "StorehandExporterDown", "its pod is gone while workers run",
        {
            **at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 10), GONE, nothing(19), held(1, 30)),
            **at("storehand_slots", worker(), held(32, 60)),
        },
        quiet=(9, 13, 35), fires=(25,), labels=RELEASE,
    ),
    Story(
        "StorehandExporterDown", "of two releases one has lost it, which has no worker either; its target is there",
        {
            **at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 10), GONE),
            **at("up", EXPORTER, held(1, 10), held(0, 50)),
            **at("storehand_exporter_up", {"release": "other", "job": "x", "source": "store"}, held(1, 60)),
        },
        quiet=(9,), fires=(25,), labels=RELEASE,
    ),
    Story(
        "StorehandExporterDown", "of two releases one is scaled to zero, and its exporter is no target any more",
        {
            **at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 10), GONE),
            **at("storehand_exporter_up", {"release": "other", "job": "x", "source": "store"}, held(1, 500)),
        },
        quiet=(9, 380), fires=(20, 360), labels=RELEASE,
    ),
    Story(
        "StorehandExporterDown", "there is none at all, and never was", {}, quiet=(2,), fires=(10,), labels={},
    ),
    Story(
        "StorehandExporterDown", "one of two is down during a roll-out",
        {
            **at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(1, 10), GONE),
            **at("up", EXPORTER, held(1, 10), held(0, 50)),
            **at("storehand_exporter_up", {**EXPORTER, "instance": "10.0.0.8:9464", "source": "store"}, held(1, 60)),
            **at("storehand_slots", worker(), held(32, 60)),
        },
        quiet=(20, 59),
    ),
    Story(
        "StorehandVolumeFilling", "a tenth is free, then it is made larger",
        _free(held(400, 10), held(100, 30), held(600, 50)), quiet=(9, 20, 60), fires=(35,), labels=CLAIM,
    ),
    Story(
        "StorehandVolumeFilling", "a model cache is as full as it was made for",
        _free(held(100, 90)), quiet=(30, 80),
    ),
    Story(
        "StorehandVolumeFilling", "a volume of others is full; ours has a fifth",
        {**_free(held(200, 90)), **_free(held(0, 90), namespace="other")}, quiet=(30, 80),
    ),
)  # fmt: skip
