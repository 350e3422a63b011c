"""What scales a pool asks for figures that exist, in queues that are ours, and means one and the same rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import promql_parser
import pytest
import redis

from storehand import Client
from storehand.brokers import hasty_connection, queue_names, transport_options
from storehand.job import Priority
from storehand.pools import Pool
from storehand.settings import Settings
from tests.chart.matrix import BASE, TOGGLES
from tests.chart.pods import pods
from tests.chart.render import Document, Values, render, render_texts
from tests.chart.settings_of import pod_settings
from tests.dashboards.lint import known_metrics
from tests.pipeline.probe_plugin import ProbeInput
from tests.servers import RedisServer

POOL = {"concurrency": 80, "slots": 40, "autoscaling": {"min": 2, "max": 9}, "slo": {"waitSeconds": {"interactive": 7}}}
SCALED = (BASE, TOGGLES["keda"], TOGGLES["keda asks redis"], {"pools": {"text": POOL}})


def _of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    """Pool -> its object."""
    return {each["metadata"]["labels"].get("storehand.io/pool", ""): each for each in documents if each["kind"] == kind}


def _triggers(scaled: Document, kind: str) -> list[dict[str, Any]]:
    return [each for each in scaled["spec"]["triggers"] if each["type"] == kind]


def test_keda_asks_prometheus_for_the_recorded_rule_of_this_very_pool() -> None:
    scaled = _of_kind(render(*SCALED), "ScaledObject")
    (trigger,) = _triggers(scaled["text"], "prometheus")
    query = trigger["metadata"]["query"]

    selector = promql_parser.parse(query).expr
    wanted = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
    assert wanted == {"namespace": "ai", "release": "shop", "pool": "text"}
    assert set(re.findall(r"\w+:\w+:\w+", query)) == {"pool:storehand_required_workers:sum"} <= known_metrics()
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "1")
    assert trigger["metadata"]["ignoreNullValues"] == "false", "no answer would be a zero"


def test_an_hpa_asks_for_the_metric_that_the_adapter_makes_of_the_rule() -> None:
    hpa = _of_kind(render(BASE, TOGGLES["hpa"]), "HorizontalPodAutoscaler")["text"]
    (metric,) = hpa["spec"]["metrics"]

    assert metric["external"]["metric"]["selector"]["matchLabels"] == {"release": "shop", "pool": "text"}
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}


def test_keda_asks_the_exporter_where_its_service_listens() -> None:
    documents = render(*SCALED)
    (service,) = (each for each in documents if each["kind"] == "Service")
    (trigger,) = _triggers(_of_kind(documents, "ScaledObject")["encoder"], "metrics-api")
    url = urlsplit(trigger["metadata"]["url"])

    assert url.hostname == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert url.port == service["spec"]["ports"][0]["port"]
    assert (url.path, parse_qs(url.query)) == ("/required", {"pool": ["encoder"]})
    assert (trigger["metadata"]["valueLocation"], trigger["metadata"]["targetValue"]) == ("required", "1")


def test_the_exporters_plan_the_workers_and_the_scaler_say_the_same_of_a_pool() -> None:
    documents = render(*SCALED)
    by_name = {pod.owner["metadata"]["name"]: pod_settings(pod, documents, broker="redis") for pod in pods(documents)}
    worker, exporter = by_name["shop-storehand-text"], by_name["shop-storehand-exporter"]
    scaled = _of_kind(documents, "ScaledObject")["text"]["spec"]
    pool: Pool = exporter.pools["text"]

    assert set(exporter.pools) == {"text", "encoder"}
    assert (pool.slots, list(pool.families)) == (40, worker.queues)
    assert pool.wait_objective_s == worker.wait_objective_s
    assert pool.wait_objective_s[Priority.INTERACTIVE] == 7
    assert (pool.min_workers, pool.max_workers) == (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 9)
    assert exporter.routes == worker.routes


def test_the_brokers_own_triggers_count_every_queue_of_the_pool_and_what_is_in_hand(redis_server: RedisServer) -> None:
    """KEDA asks a list for its length and a sorted set for its size; done here with a Redis that has our messages."""
    url = redis_server.fresh_url()
    settings = Settings(broker_url=url, store_url=redis_server.fresh_url())  # type: ignore[arg-type]  # as text
    triggers = _triggers(_of_kind(render(*SCALED), "ScaledObject")["encoder"], "redis")
    with Client(settings) as client, redis.Redis.from_url(url) as server:
        for priority in Priority:
            client.submit(ProbeInput(), priority=priority)
        assert _counted(server, triggers) == 3

        with hasty_connection(settings) as connection:
            channel = connection.default_channel
            assert channel.basic_get(settings.queue("probe", Priority.STANDARD))
            assert _counted(server, triggers) == 3, "a fleet that is busy would look idle"


def test_the_brokers_triggers_name_our_queues_and_the_key_of_what_is_in_hand() -> None:
    settings = Settings(queues=["encoder", "default"], broker_url="redis://r/0")  # type: ignore[arg-type]  # as text
    triggers = _triggers(_of_kind(render(*SCALED), "ScaledObject")["encoder"], "redis")
    asked = {trigger["metadata"]["listName"] for trigger in triggers}

    ours = set(queue_names(settings)) - {settings.queue_prefix}  # which plain producers use, and no pool owns
    assert asked == ours | {transport_options(settings)["unacked_key"]}
    rabbit = _of_kind(render(BASE, TOGGLES["keda"], TOGGLES["keda asks rabbitmq"]), "ScaledObject")["encoder"]
    assert {trigger["metadata"]["queueName"] for trigger in _triggers(rabbit, "rabbitmq")} == ours


@pytest.mark.parametrize(
    ("asks", "parameters"),
    [
        ("keda asks redis", {"password", "username"}),
        ("keda asks redis with certificates", {"ca", "cert", "key"}),
        ("keda asks rabbitmq", {"host"}),
    ],
)
def test_keda_gets_the_login_and_the_certificates_that_a_broker_asks_for(asks: str, parameters: set[str]) -> None:
    documents = render(BASE, TOGGLES["keda"], TOGGLES[asks])
    (authentication,) = [each for each in documents if each["kind"] == "TriggerAuthentication"]

    assert {each["parameter"] for each in authentication["spec"]["secretTargetRef"]} == parameters
    assert _authentications(documents) == {authentication["metadata"]["name"]}


def test_a_trigger_authentication_of_the_users_takes_the_place_of_the_charts() -> None:
    documents = render(BASE, TOGGLES["keda"], TOGGLES["keda asks with a login of theirs"])

    assert _authentications(documents) == {"theirs"}
    assert "TriggerAuthentication" not in {each["kind"] for each in documents}


def _authentications(documents: list[Document]) -> set[str]:
    """Names that the triggers on a broker refer to."""
    triggers = [each for scaled in documents if scaled["kind"] == "ScaledObject" for each in scaled["spec"]["triggers"]]
    return {each["authenticationRef"]["name"] for each in triggers if each["type"] in ("redis", "rabbitmq")}


def test_the_notes_tell_that_triggers_on_a_broker_can_switch_scaling_off() -> None:
    def notes(*layers: Values) -> str:
        return render_texts(*layers)["storehand/templates/NOTES.txt"]

    assert "get scaledobject,hpa" in notes(BASE, TOGGLES["keda"])
    assert "switches all scaling off" not in notes(BASE, TOGGLES["keda"])
    assert "switches all scaling off" in notes(*SCALED)
    assert "scaledobject" not in notes(BASE)


SOURCES: list[tuple[dict[str, float | None], float]] = [
    ({"required": 3.5, "exporter": 9, "*": 9}, 3.5),
    ({"required": 0, "exporter": 9, "*": 9}, 0),
    ({"required": None, "exporter": 2.5, "*": 9}, 2.5),
]


@pytest.mark.parametrize(("known", "result"), SOURCES, ids=["all", "idle", "no Prometheus"])
def test_the_formula_takes_the_best_source_that_answers(known: dict[str, float | None], result: float) -> None:
    scaled = _of_kind(render(*SCALED), "ScaledObject")["text"]

    assert _evaluated(scaled, known) == result


def test_without_prometheus_and_exporter_messages_per_slot_decide_and_half_an_answer_is_none() -> None:
    scaled = _of_kind(render(*SCALED), "ScaledObject")["text"]
    queues = [trigger["name"] for trigger in _triggers(scaled, "redis")]

    of_all_slots = 40 * 9 / (40 * 9 + 32 * 4)
    assert _evaluated(scaled, {"*": 20.0}) == pytest.approx((3 * 20 + 20 * of_all_slots) / 40, abs=1e-3)
    assert _evaluated(scaled, {"*": 20.0, queues[0]: None}) is None
    assert _evaluated(scaled, {}) is None


def test_the_formula_names_its_triggers_and_no_others() -> None:
    for layers in (SCALED, (BASE, TOGGLES["keda"]), (BASE, TOGGLES["keda"], TOGGLES["keda asks rabbitmq"])):
        for scaled in _of_kind(render(*layers), "ScaledObject").values():
            formula = scaled["spec"]["advanced"]["scalingModifiers"]["formula"]
            names = [trigger["name"] for trigger in scaled["spec"]["triggers"]]
            assert set(re.findall(r"[A-Za-z_]\w*", formula)) - {"nil"} == set(names)
            assert len(set(names)) == len(names)


def _counted(server: redis.Redis, triggers: list[dict[str, Any]]) -> int:
    sizes = {b"list": server.llen, b"zset": server.zcard, b"hash": server.hlen, b"set": server.scard}
    keys = [trigger["metadata"]["listName"] for trigger in triggers]
    return sum(sizes.get(server.type(key), server.llen)(key) for key in keys)


def _evaluated(scaled: Document, known: Mapping[str, float | None]) -> float | None:
    """KEDA's formula (expr-lang) in Python: `a ?? b` is the first that is known; a trigger that fails is nil."""
    formula = scaled["spec"]["advanced"]["scalingModifiers"]["formula"]
    values = {trigger["name"]: known.get(trigger["name"]) for trigger in scaled["spec"]["triggers"]}
    for name in values:
        if name not in known and name not in ("required", "exporter"):
            values[name] = known.get("*")
    for source in formula.split(" ?? "):
        if (value := _value(source, values)) is not None:
            return value
    return None


def _value(text: str, values: Mapping[str, float | None]) -> float | None:
    bare = text.strip()
    if found := re.fullmatch(r"\((.*) \? (.*) : (.*)\)", bare):
        condition, then, otherwise = found.groups()
        return _value(then if _value(condition, values) else otherwise, values)
    python = bare.replace("!= nil", "is not None").replace("&&", "and").replace("nil", "None")
    tree = compile(ast.parse(python, mode="eval"), "formula", "eval")
    return eval(tree, {"__builtins__": {}}, dict(values))  # type: ignore[no-any-return]  # a line of our own chart
