"""Doctor's checks of Redis and RabbitMQ: will they keep what they are given? Facts are read first, then judged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

from amqp.exceptions import AccessRefused, NotFound, PreconditionFailed

from storehand.broker.quorum import DEAD_SUFFIX, quorum_arguments
from storehand.brokers import declared_queues, hasty_connection
from storehand.cli.checks import Check, Light
from storehand.settings import Settings

OLDEST_REDIS = (6, 2)
"""kombu's transport looks for lost messages with a command that older ones do not have."""

OLDEST_RABBIT = (3, 10)
"""Quorum queues with dead letters and a delivery limit, as they are used here."""

CONSUMER_TIMEOUT_S = 1800.0
"""RabbitMQ's default: a message that is not acked for so long costs the worker its connection."""

_SURVIVES = {
    "always": (Light.GREEN, "what was answered survives a power cut", ""),
    "everysec": (Light.GREEN, "a power cut may lose the last second, and so may the death of Redis on a busy disk", ""),
    "no": (Light.YELLOW, "a power cut may lose half a minute", "set appendfsync everysec, or always"),
    "": (Light.GREEN, "survives a restart; appendfsync can't be read, with everysec a power cut loses a second", ""),
}


def redis_facts(settings: Settings) -> dict[str, Any]:
    """What INFO says, with `appendfsync`, `clock_skew_s` and `foreign_keys` where they can be told."""
    with closing(hasty_connection(settings)) as connection:
        client = connection.default_channel.client
        facts: dict[str, Any] = dict(client.info())
        seconds, micros = client.time()
        facts["clock_skew_s"] = abs(time.time() - seconds - micros / 1e6)
        with suppress(Exception):  # managed servers refuse it
            facts["appendfsync"] = client.config_get("appendfsync").get("appendfsync", "")
        ours = (settings.queue_prefix, "_kombu.binding", "{" + settings.queue_prefix)
        keys = [key.decode("utf-8", "replace") for key in client.scan(count=500)[1]]
        facts["foreign_keys"] = sum(not key.startswith(ours) for key in keys)
        return facts


def judge_redis(area: str, facts: Mapping[str, Any], *, visibility_s: float) -> Iterator[Check]:
    version = str(facts.get("redis_version", "?"))
    is_old = _version(version) < OLDEST_REDIS
    yield _check(area, "version", not is_old, f"Redis {version}", "use Redis 6.2 or newer", Light.RED)
    if not facts.get("aof_enabled"):
        detail = "appendonly is off: a restart of Redis loses what it holds"
        yield Check(area, "persistence", Light.RED, detail, "CONFIG SET appendonly yes, and in redis.conf")
    else:
        how = str(facts.get("appendfsync", ""))
        light, survives, advice = _SURVIVES.get(how, _SURVIVES[""])
        if area == "store" and how == "everysec":  # a lost message is rung for again, a lost row is lost
            light, advice = Light.YELLOW, "set appendfsync always: this Redis holds the jobs themselves"
        yield Check(area, "persistence", light, f"append-only file, {how or 'appendfsync ?'}: {survives}", advice)
    if facts.get("aof_last_write_status", "ok") != "ok":
        yield Check(area, "disk", Light.RED, "the last write of the append-only file failed", "make room on its disk")
    yield _eviction(area, facts)
    if facts.get("foreign_keys"):
        detail = "other programs keep keys in this database; ours carry the queue_prefix"
        yield Check(
            area, "shared", Light.YELLOW, detail, "a FLUSHDB of theirs would take jobs: use a database of its own"
        )
    skew_s = float(facts.get("clock_skew_s", 0.0))
    yield _check(
        area, "clock", skew_s < visibility_s / 6, f"{skew_s:.2f} s from this machine's",
        "keep the clocks in step (NTP): leases of messages are judged by the workers' clocks", Light.YELLOW,
    )  # fmt: skip


def _eviction(area: str, facts: Mapping[str, Any]) -> Check:
    policy = str(facts.get("maxmemory_policy", "?"))
    if policy == "noeviction":
        return Check(area, "eviction", Light.GREEN, "noeviction: a full Redis refuses, it forgets nothing")
    limit = int(facts.get("maxmemory", 0))
    detail = f"maxmemory-policy {policy}" + ("" if limit else ", without a maxmemory as yet")
    advice = "set maxmemory-policy noeviction: any other may drop jobs when memory is short"
    return Check(area, "eviction", Light.RED if limit else Light.YELLOW, detail, advice)


def rabbit_checks(settings: Settings) -> Iterator[Check]:
    """Version, queues as they stand, the time a job may take, what lies in the dead queue."""
    area = "broker"
    with closing(hasty_connection(settings)) as connection:
        connection.connect()
        properties = connection.connection.server_properties
        product, version = str(properties.get("product", "?")), str(properties.get("version", "?"))
        is_good = product == "RabbitMQ" and _version(version) >= OLDEST_RABBIT
        yield _check(area, "version", is_good, f"{product} {version}, quorum queues",
                     "use RabbitMQ 3.10 or newer", Light.RED)  # fmt: skip
        yield from _queues(area, settings, connection)
    yield judge_timeout(area, settings)


def _queues(area: str, settings: Settings, connection: Any) -> Iterator[Check]:
    found, other, unknown = 0, [], 0
    arguments = quorum_arguments(settings.delivery_limit, settings.queue_prefix + DEAD_SUFFIX)
    for queue in declared_queues(settings):
        if _count(connection, queue.name) is None:
            continue
        found += 1
        with closing(connection.channel()) as channel, suppress(NotFound):
            try:
                channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=arguments)
            except PreconditionFailed as error:
                other.append(f"{queue.name}: {error.reply_text}")
            except AccessRefused:
                unknown += 1
    if other:
        advice = "when it is empty, delete it; the next worker declares it with a delivery limit and dead letters"
        yield Check(area, "queues", Light.YELLOW, "; ".join(other), advice)
    elif unknown:
        yield Check(area, "queues", Light.GREY, f"{found} are there; this user may not look how they are declared")
    else:
        detail = f"{found} quorum queues with delivery limit {settings.delivery_limit} and dead letters"
        yield Check(area, "queues", Light.GREEN, detail if found else "none yet; a worker or the first job makes them")
    dead = _count(connection, settings.queue_prefix + DEAD_SUFFIX)
    if dead:
        yield Check(area, "dead queue", Light.YELLOW, f"{dead} wait for a worker to judge them", "start a worker")


def _count(connection: Any, name: str) -> int | None:
    with closing(connection.channel()) as channel:
        try:
            return int(channel.queue_declare(name, passive=True).message_count)
        except (NotFound, AccessRefused):
            return None


def judge_timeout(area: str, settings: Settings) -> Check:
    """AMQP can't ask for consumer_timeout; its default is known."""
    longest_s = settings.time_limit_s + settings.drain_s
    limit = f"consumer_timeout (default {CONSUMER_TIMEOUT_S:.0f} s; RabbitMQ does not say its value)"
    if longest_s < CONSUMER_TIMEOUT_S:
        return Check(area, "longest job", Light.GREEN, f"{longest_s:.0f} s, below {limit}")
    advice = f"set consumer_timeout = {int(longest_s * 1200)} (ms) in rabbitmq.conf, or lower time_limit_s"
    return Check(area, "longest job", Light.YELLOW, f"{longest_s:.0f} s may be over {limit}", advice)


def judge_combination(settings: Settings) -> Check:
    """What broker and store guarantee together."""
    store = settings.store_url.get_secret_value().partition(":")[0]
    name = f"{settings.broker_scheme} with {store}"
    if settings.broker_scheme == "memory":
        return Check("guarantee", name, Light.RED, "no message outlives its process", "set another broker_url")
    if settings.is_embedded:
        return Check("guarantee", name, Light.GREEN, "one host; an accepted job outlives every process")
    if store == "sqlite":
        detail = "the jobs are in a file of this host: workers and clients elsewhere can't see them"
        return Check("guarantee", name, Light.YELLOW, detail, "set store_url to redis:// or postgresql://")
    detail = "an accepted job outlives workers, broker and clients: its row is the truth, a lost message is rung again"
    return Check("guarantee", name, Light.GREEN, detail)


def _check(area: str, name: str, is_good: bool, detail: str, advice: str, otherwise: Light) -> Check:
    return Check(area, name, Light.GREEN if is_good else otherwise, detail, "" if is_good else advice)


def _version(text: str) -> tuple[int, ...]:
    numbers = [part for part in text.split(".")[:2] if part.isdigit()]
    return tuple(map(int, numbers))
