"""Doctor's checks of what must be reachable: the broker, the job store, the workers."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storehand.cli.checks import Check, Light
from storehand.cli.origins import mask
from storehand.cli.output import span
from storehand.errors import Unavailable
from storehand.settings import EMBEDDED_SCHEME, Settings
from storehand.store import open_store

_CONNECT_S = 2.0
_PING_S = 1.0
_START = "start one: `storehand worker`"


def broker(settings: Settings) -> Iterator[Check]:
    """The queue: who serves it, what waits in it, what it gave up."""
    url = settings.broker_url.get_secret_value()
    if not settings.is_embedded:
        yield from _server_checks(settings)
        return
    path = Path(url.removeprefix(f"{EMBEDDED_SCHEME}://"))
    if not path.exists():
        yield Check("broker", "embedded", Light.GREEN, "one host; its file is made with the first job")
        return
    from storehand.broker import dead_messages, queue_depths

    depths = {name: depth for name, depth in queue_depths(path).items() if any(depth)}
    waiting = ", ".join(f"{name} {ready} (in hand {in_hand})" for name, (ready, in_hand) in depths.items())
    yield Check("broker", "embedded", Light.GREEN, f"one host, {path}")
    yield Check("broker", "waiting", Light.GREEN, waiting or "nothing waits")
    dead = dead_messages(path)
    advice = "they were refused or delivered too often; look at them in the queue's file" if dead else ""
    yield Check("broker", "dead messages", Light.YELLOW if dead else Light.GREEN, str(len(dead)), advice)


def _server_checks(settings: Settings) -> Iterator[Check]:
    from storehand.broker.server_depth import ServerDepth
    from storehand.cli import servers

    reached = _server(settings)
    yield reached
    if reached.light is Light.RED:
        return
    if settings.is_redis:
        yield from servers.judge_redis("broker", servers.redis_facts(settings), visibility_s=settings.visibility_s)
    if settings.is_amqp:
        yield from servers.rabbit_checks(settings)
    if settings.is_redis or settings.is_amqp:
        with closing(ServerDepth(settings)) as depth:
            depths = {name: each for name, each in depth.read().items() if any(each)}
        waiting = ", ".join(
            f"{name} {ready}" + ("" if in_hand is None else f" (in hand {in_hand})")
            for name, (ready, in_hand) in depths.items()
        )
        yield Check("broker", "waiting", Light.GREEN, waiting or "nothing waits")


def _server(settings: Settings) -> Check:
    """Redis or RabbitMQ, asked with a short patience."""
    from storehand.brokers import hasty_connection

    shown = mask(settings.broker_url.get_secret_value())
    try:
        with closing(hasty_connection(settings, _CONNECT_S)) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_CONNECT_S)
            connection.default_channel  # noqa: B018  # Redis connects with the first channel
    except (ImportError, ModuleNotFoundError) as error:
        return Check("broker", "server", Light.RED, f"{shown}: {error}", "install `storehand[redis]` for redis://")
    except Exception as error:  # whatever the transport raises: kombu has no common class for all of them
        advice = "is the server up, the address right, the password set? See broker_url"
        return Check("broker", "server", Light.RED, f"{shown} does not answer: {error}", advice)
    return Check("broker", "server", Light.GREEN, f"{shown} answers")


def store(settings: Settings) -> Iterator[Check]:
    """The job store: reachable, what it holds, what its mode survives."""
    url = settings.store_url.get_secret_value()
    path = Path(url.removeprefix("sqlite://"))
    if url.startswith("sqlite:") and not path.exists():
        yield Check("store", "jobs", Light.GREEN, "its file is made with the first job")
    else:
        with closing(open_store(settings)) as opened:
            stats = opened.stats()
        counts = ", ".join(f"{count} {status}" for status, count in stats.by_status.items() if count)
        yield Check("store", "jobs", Light.GREEN, f"{mask(url)}: {counts or 'empty'}")
        age = stats.oldest_queued_age_s
        if age is not None:
            is_old = age > 10 * settings.reconcile_s
            light, advice = (
                (Light.YELLOW, f"is a worker running for that task? If not, {_START}") if is_old else (Light.GREEN, "")
            )
            yield Check("store", "oldest waiting", light, span(age), advice)
        letters = stats.dead_letters
        advice = "`storehand dead list` shows them with their reasons" if letters else ""
        yield Check("store", "dead letters", Light.YELLOW if letters else Light.GREEN, str(letters), advice)
    if url.startswith("sqlite:"):
        survives = {
            "FULL": "a job that was accepted survives process death and power loss",
            "NORMAL": "a job that was accepted survives any process death; power loss may take the last ones",
        }[settings.synchronous]
        yield Check("store", "guarantee", Light.GREEN, f"synchronous={settings.synchronous}: {survives}")
    else:
        from storehand.cli import store_servers

        yield from store_servers.checks(settings)
    if not settings.is_embedded:
        from storehand.cli import servers

        yield servers.judge_combination(settings)


def workers(settings: Settings) -> Iterator[Check]:
    """Whether a worker answers, through the broker and on its HTTP port."""
    if not settings.is_embedded and _server(settings).light is Light.RED:
        yield Check("workers", "running", Light.GREY, "could not be asked without a broker")
        return
    path = Path(settings.broker_url.get_secret_value().removeprefix(f"{EMBEDDED_SCHEME}://"))
    if settings.is_embedded and not path.exists():
        yield Check("workers", "running", Light.GREY, "none has ever run on this data folder", _START)
        return
    from storehand.celery_app import make_celery

    app = make_celery(settings)
    try:
        reading = app.control.inspect(timeout=_PING_S).active_queues() or {}
    except (OSError, Unavailable) as error:
        yield Check("workers", "running", Light.RED, f"could not be asked: {error}", "mend the broker first")
        return
    finally:
        app.close()
    if reading:
        yield Check("workers", "running", Light.GREEN, ", ".join(sorted(reading)))
    else:
        yield Check("workers", "running", Light.YELLOW, f"none answered within {_PING_S:g} s", _START)
    if settings.is_embedded:
        yield from _unread(path, {queue["name"] for queues in reading.values() for queue in queues})
    yield _probe_port(settings, is_expected=bool(reading))


def _unread(path: Path, read: set[str]) -> Iterator[Check]:
    """Queues in which jobs wait for a worker that does not run."""
    from storehand.broker import queue_depths

    for name, (waiting, _) in queue_depths(path).items():
        if waiting and name not in read:
            family = name.split(".")[-2] if name.count(".") > 1 else ""
            start = f"`storehand worker{f' --queues {family}' if family else ''}`"
            advice = f"start one that does: {start} where the plugins of its tasks are installed"
            yield Check("workers", name, Light.YELLOW, f"{waiting} waiting, and no running worker reads it", advice)


def _probe_port(settings: Settings, *, is_expected: bool) -> Check:
    if not settings.http_port:
        detail = "not asked: with http_port 0 the port is chosen at start and stands in the worker's log"
        return Check("workers", "/readyz", Light.GREY, detail)
    url = f"http://{settings.http_host}:{settings.http_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_PING_S) as answer:  # http, from the settings
            return Check("workers", "/readyz", Light.GREEN, f"{url} says {answer.status}")
    except urllib.error.HTTPError as error:
        said = error.read(200).decode(errors="replace").strip()
        return Check("workers", "/readyz", Light.RED, f"{url} says {error.code} {said}", "see the worker's log")
    except OSError as error:
        light = Light.YELLOW if is_expected else Light.GREY
        advice = "a worker answers, but not on this port: set http_port to the worker's" if is_expected else ""
        return Check("workers", "/readyz", light, f"{url}: {error}", advice)
