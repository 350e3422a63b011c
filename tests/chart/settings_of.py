"""The settings a pod of the chart starts with: read by `Settings` itself, out of the rendered environment."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import typer.main

from storehand.cli.app import build_app
from storehand.errors import SettingsError
from storehand.settings import Settings, read_settings
from storehand_worker.cli_drain import SPARE_S
from tests.chart.pods import Pod, env, pods
from tests.chart.render import Document

PREFIX = "STOREHAND_"
OUTSIDE = {"SECRETS_DIR", "CONFIG"}
"""Variables that say where settings are, and are none themselves."""

SECRETS = {
    "store_url": "redis://store/0",
    "signing_keys": "0123456789abcdef0123456789abcdef",
    "payload_url": "file:///payloads",
}
BROKERS = {"redis": "redis://broker/0", "sentinel": "sentinel://broker:26379/0", "rabbitmq": "amqp://broker//"}
TLS = {"redis://": "rediss://", "amqp://": "amqps://"}


def pod_settings(pod: Pod, documents: list[Document], *, broker: str) -> Settings:
    """SettingsError where the worker would not start. `broker` is the chart's broker.type; secrets are made up."""
    said = env(pod.main, documents)
    files = {name: SECRETS.get(name, "") for name in _mounted(pod)}
    for name in files.keys() & {"broker_url", "store_url"}:
        url = BROKERS[broker] if name == "broker_url" else files[name]
        is_tls = f"{PREFIX}{name.removesuffix('_url').upper()}_CA_FILE" in said
        files[name] = _with_tls(url) if is_tls else url
    return _read(tuple(sorted(said.items())), tuple(sorted(files.items())))


@cache
def _read(said: tuple[tuple[str, str], ...], files: tuple[tuple[str, str], ...]) -> Settings:
    with tempfile.TemporaryDirectory() as folder, _environment(dict(said), Path(folder)):
        for name, text in files:
            (Path(folder) / name).write_text(text)
        return read_settings()


def bad_settings(documents: list[Document], *, broker: str) -> list[str]:
    """Variables that are no settings, values that are none, and commands that the program does not have."""
    found = []
    for pod in pods(documents):
        if not _runs_storehand(pod):
            continue
        for name in env(pod.main, documents):
            knob = name.removeprefix(PREFIX).lower()
            if name.startswith(PREFIX) and knob not in Settings.model_fields and knob.upper() not in OUTSIDE:
                found.append(f"{pod.name}: {name} is no setting")
        try:
            settings = pod_settings(pod, documents, broker=broker)
        except SettingsError as error:
            found.append(f"{pod.name}: {error}")
        else:
            found += [f"{pod.name}: {each}" for each in _at_odds(pod, settings)]
        found += [f"{pod.name}: {each}" for each in _not_writable(pod, env(pod.main, documents))]
        command = (pod.main.get("command") or ["storehand"])[1:] + (pod.main.get("args") or [])
        if command[0] not in commands():
            found.append(f"{pod.name}: there is no command {command[0]}")
        hook = ((pod.main.get("lifecycle") or {}).get("preStop") or {}).get("exec")
        if hook and (hook["command"][0] != "storehand" or hook["command"][1] not in commands()):
            found.append(f"{pod.name}: there is no command {hook['command']}")
    return found


def _at_odds(pod: Pod, settings: Settings) -> Iterator[str]:
    """Where the pod's own fields contradict its settings."""
    if (
        settings.http_port not in [port["containerPort"] for port in pod.main.get("ports") or []]
        and pod.component != "test"
    ):
        yield f"listens on {settings.http_port}, which is no port of the container"
    grace_s = pod.spec.get("terminationGracePeriodSeconds", 30)
    if pod.component == "worker" and grace_s < settings.drain_s + SPARE_S:
        yield f"is killed after {grace_s} s, and its drain takes {settings.drain_s} s and up to {SPARE_S} s more"


def _not_writable(pod: Pod, said: Mapping[str, str]) -> Iterator[str]:
    """Folders that are written to and lie on the read-only root."""
    mounts = {each["mountPath"]: each.get("readOnly", False) for each in pod.main.get("volumeMounts") or []}
    for name in ("HOME", "HF_HOME", "STOREHAND_DATA_DIR"):
        if folder := said.get(name):
            over = [path for path in mounts if folder == path or folder.startswith(f"{path}/")]
            if not over or (mounts[max(over, key=len)] and name != "HF_HOME"):
                yield f"{name} is {folder}, where nothing can be written"


@cache
def commands() -> frozenset[str]:
    return frozenset(typer.main.get_group(build_app()).commands)


def _runs_storehand(pod: Pod) -> bool:
    return pod.component in ("worker", "exporter", "test")


def _mounted(pod: Pod) -> set[str]:
    """Files below the folder of secrets."""
    return {
        item["path"]
        for volume in pod.spec.get("volumes") or []
        if volume["name"] == "secrets"
        for source in (volume.get("projected") or {}).get("sources") or []
        for item in source["secret"]["items"]
    }


def _with_tls(url: str) -> str:
    scheme = re.match(r"\w+://", url)
    assert scheme
    return url.replace(scheme[0], TLS.get(scheme[0], scheme[0]))


@contextmanager
def _environment(said: Mapping[str, str], secrets: Path) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update({name: text for name, text in said.items() if name.startswith(PREFIX)})
    os.environ[f"{PREFIX}SECRETS_DIR"] = str(secrets)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
