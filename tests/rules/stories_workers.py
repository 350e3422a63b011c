"""Worker processes, engines, devices."""

from __future__ import annotations

from collections.abc import Mapping

from tests.rules.story import GONE, POOL, RELEASE, Series, Story, at, held, nothing, plan, rising, source, worker

ONE = {**POOL, "pod": "chat-1", "instance": "10.0.0.1:9464"}
POD = {**RELEASE, "pool": "chat", "pod": "chat-1", "container": "worker"}
KUBE = {"namespace": "prod", "pod": "chat-1", "container": "worker", "job": "kube-state-metrics"}
DCGM = {"namespace": "gpu-operator", "exported_namespace": "prod", "Hostname": "node-7", "gpu": "3", "UUID": "GPU-7-3"}
GPU = {"namespace": "prod", "Hostname": "node-7", "gpu": "3", "UUID": "GPU-7-3"}


def _model(name: str, *values: str, **more: str) -> Series:
    return at(name, worker(model="starter-text", **more), *values)


def _starts(*minutes_of_life: int) -> str:
    """process_start_time_seconds of a worker that is started again and again, and then stays."""
    pieces, now = [], 0
    for life in minutes_of_life:
        pieces.append(held(now * 60, life))
        now += life
    return " ".join(pieces)


def _loading(start: str, served: str, ready: str) -> Series:
    found = {**plan(60), **at("process_start_time_seconds", worker(), start), **at("storehand_ready", worker(), ready)}
    return {**found, **at("storehand_start_up_seconds", worker(), served)} if served else found


def _state(*, ready: str, draining: str = held(0, 60), served: str = held(30, 60)) -> Series:
    found: Mapping[str, str] = {
        **source("store", 60), **source("broker", 60),
        **at("storehand_ready", worker(), ready), **at("storehand_draining", worker(), draining),
    }  # fmt: skip
    return {**found, **at("storehand_start_up_seconds", worker(), served)}


def _drained(in_hand: str, crashes: str) -> Series:
    return {
        **at("storehand_draining", worker(), held(0, 10), held(1, 3), GONE),
        **at("storehand_jobs_in_hand", worker(), held(8, 10), in_hand, GONE),
        **at("storehand_crashes_total", worker(2), held(0, 14), crashes),
        **at("storehand_draining", worker(2), held(0, 90)),
        **at("storehand_jobs_in_hand", worker(2), held(8, 90)),
    }


def _container(code: str, restarts: str) -> Series:
    return {
        **at("storehand_slots", worker(), held(32, 120)),
        **at("kube_pod_container_status_last_terminated_exitcode", KUBE, code),
        **at("kube_pod_container_status_restarts_total", KUBE, restarts),
    }


STORIES = (
    Story(
        "StorehandModelLoadFailing", "a worker loads for ten minutes, then serves",
        _loading(held(0, 60), f"{nothing(15)} {held(900, 45)}", f"{held(0, 15)} {held(1, 45)}"),
        quiet=(5, 7, 20), fires=(12,), labels=ONE,
    ),
    Story(
        "StorehandModelLoadFailing", "it serves after two minutes",
        _loading(held(0, 60), f"{nothing(2)} {held(120, 58)}", f"{held(0, 2)} {held(1, 58)}"), quiet=(1, 10, 59),
    ),
    Story(
        "StorehandWorkerRestarts", "it starts every four minutes, and then stays",
        {**at("process_start_time_seconds", worker(), _starts(4, 4, 4, 4, 4, 60)),
         **at("storehand_slots", worker(), held(32, 80))},
        quiet=(9, 75), fires=(18,), labels=ONE,
    ),
    Story(
        "StorehandWorkerRestarts", "two roll-outs in half an hour; and another program that restarts all the time",
        {
            **at("process_start_time_seconds", worker(), _starts(10, 10, 60)),
            **at("storehand_slots", worker(), held(32, 80)),
            **at("process_start_time_seconds", {"job": "other", "instance": "10.0.1.1:80"}, _starts(*[2] * 40)),
        },
        quiet=(25, 60, 79),
    ),
    Story(
        "StorehandWorkerNotReady", "a worker that has served is not ready for a while",
        _state(ready=f"{held(1, 10)} {held(0, 25)} {held(1, 25)}"), quiet=(9, 15, 40), fires=(25,), labels=ONE,
    ),
    Story(
        "StorehandWorkerNotReady", "it drains",
        _state(ready=f"{held(1, 10)} {held(0, 50)}", draining=f"{held(0, 10)} {held(1, 50)}"), quiet=(25, 59),
    ),
    Story(
        "StorehandWorkerNotReady", "the broker is away: nobody is ready, and another alert says why",
        {**_state(ready=held(0, 60)), **source("broker", 60, is_up=0)}, quiet=(25, 59),
    ),
    Story(
        "StorehandWorkerDown", "a worker does not answer for 20 minutes",
        {**at("up", worker(), held(1, 10), held(0, 20), held(1, 30)),
         **at("storehand_slots", worker(), held(32, 10), nothing(20), held(32, 30))},
        quiet=(15, 35), fires=(25,), labels=ONE,
    ),
    Story(
        "StorehandWorkerDown", "some other target is down",
        {**at("up", {"job": "other", "instance": "10.0.1.1:80"}, held(0, 60)),
         **at("storehand_slots", worker(), held(32, 60))},
        quiet=(20, 59),
    ),
    Story(
        "StorehandDrainKilled", "a worker vanishes in the midst of its drain, and its jobs are found",
        _drained(held(6, 3), f"{held(6, 76)}"), quiet=(12, 80), fires=(17,),
    ),
    Story(
        "StorehandDrainKilled", "the same, and the reconciler finds them before anybody takes them",
        {**_drained(held(6, 3), held(0, 76)),
         **at("storehand_rung_total", worker(2, why="worker_gone"), held(0, 14), held(6, 76))},
        quiet=(12, 80), fires=(17,),
    ),
    Story(
        "StorehandDrainKilled", "it was seen with jobs in hand last, but finished them",
        _drained(held(2, 3), f"{held(0, 76)}"), quiet=(14, 20, 40),
    ),
    Story(
        "StorehandDrainKilled", "it drains to the end, while another worker dies",
        _drained(held(0, 3), f"{held(6, 76)}"), quiet=(14, 20, 40),
    ),
    Story(
        "StorehandWorkerKilled", "its container is killed with 137 and runs again",
        _container(f"{nothing(10)} {held(137, 110)}", f"{held(0, 10)} {held(1, 110)}"),
        quiet=(9, 100), fires=(20,), labels=POD,
    ),
    Story(
        "StorehandWorkerKilled", "it leaves with an error of its own; and was killed long ago",
        {
            **_container(f"{nothing(10)} {held(1, 110)}", f"{held(0, 10)} {held(1, 110)}"),
            **at("kube_pod_container_status_last_terminated_exitcode", {**KUBE, "pod": "chat-2"}, held(137, 120)),
            **at("kube_pod_container_status_restarts_total", {**KUBE, "pod": "chat-2"}, held(4, 120)),
            **at("storehand_slots", worker(2), held(32, 120)),
        },
        quiet=(20, 100),
    ),
    Story(
        "StorehandWorkerKilled", "somebody else's container is killed",
        {
            **at("kube_pod_container_status_last_terminated_reason", {**KUBE, "pod": "web-1", "reason": "OOMKilled"},
                 held(1, 60)),
            **at("kube_pod_container_status_restarts_total", {**KUBE, "pod": "web-1"}, rising(0, 1, 60)),
        },
        quiet=(20, 59),
    ),
    Story(
        "StorehandEngineDown", "an engine is dead for a quarter of an hour",
        _model("storehand_engine_up", held(1, 10), held(0, 15), held(1, 20)),
        quiet=(9, 11, 30), fires=(15,), labels={**ONE, "model": "starter-text"},
    ),
    Story(
        "StorehandEngineDown", "it is dead for a moment, and its worker leaves",
        _model("storehand_engine_up", held(1, 10), held(0, 1), GONE, nothing(5), held(1, 20)), quiet=(10, 13, 30),
    ),
    Story(
        "StorehandEngineRestarts", "its loop fails four times",
        _model("storehand_engine_restarts_total", held(0, 10), rising(1, 1, 4), held(4, 120)),
        quiet=(9, 110), fires=(20,), labels={**POOL, "model": "starter-text"},
    ),
    Story(
        "StorehandEngineRestarts", "it failed once",
        _model("storehand_engine_restarts_total", held(0, 10), held(1, 120)), quiet=(20, 100),
    ),
    Story(
        "StorehandOutOfMemory", "batch after batch does not fit",
        _model("storehand_oom_total", held(0, 10), rising(1, 2, 20), held(39, 90)),
        quiet=(9, 90), fires=(25,), labels={**POOL, "model": "starter-text"},
    ),
    Story(
        "StorehandOutOfMemory", "five at the start, from which it learns",
        _model("storehand_oom_total", rising(0, 1, 6), held(5, 90)), quiet=(10, 40, 80),
    ),
    Story(
        "StorehandGpuLost", "a device does not answer its driver any more",
        at("storehand_device_up", worker(device="cuda:0"), held(1, 10), held(0, 20), held(1, 60)),
        quiet=(9, 80), fires=(20,), labels={**ONE, "device": "cuda:0"},
    ),
    Story(
        "StorehandGpuLost", "it has fallen off the bus, by DCGM's word",
        {**at("DCGM_FI_DEV_XID_ERRORS", DCGM, held(0, 10), held(79, 120)),
         **at("storehand_slots", worker(), held(32, 140))},
        quiet=(9, 100), fires=(30,), labels=GPU,
    ),
    Story(
        "StorehandGpuLost", "a program's own fault, and a device of another namespace",
        {
            **at("DCGM_FI_DEV_XID_ERRORS", DCGM, held(0, 10), held(31, 50)),
            **at("storehand_slots", worker(), held(32, 60)),
            **at("DCGM_FI_DEV_XID_ERRORS", {**DCGM, "exported_namespace": "other"}, held(0, 10), held(79, 50)),
            **at("storehand_device_up", worker(device="cuda:0"), held(1, 60)),
        },
        quiet=(15, 59),
    ),
)  # fmt: skip
