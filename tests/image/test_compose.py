"""One box: the composition is what the specification allows, hardened throughout, and fits the code it runs."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from storehand.settings import Settings, read_settings
from tests.image.composition import (
    FOLDER,
    ROOT,
    TEXT,
    VARIABLE,
    composition,
    example_variables,
    mounts,
    seconds,
    settings_of,
)
from tests.image.dockerfile import read_stages

SCHEMA = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
OURS = ("worker", "worker-gpu", "exporter")
NOT_SETTINGS = {"secrets_dir", "config"}
"""Variables that say where settings are."""


def complaints(text: str) -> list[str]:
    """What is wrong with it, by the specification and by what every service here promises."""
    read = composition(text)
    found = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(read)]
    for name, service in read["services"].items():
        found += [f"{name}: {said}" for said in (*_exposed(name, service), *_unattended(read, service))]
        found += [f"{name}: {said}" for said in _strange(read, service)]
    return found


def _exposed(name: str, service: dict[str, Any]) -> list[str]:
    """Rights that it does not need."""
    user = str(service.get("user", "10001" if name in OURS else "0")).partition(":")[0]
    bound = [port for port in service.get("ports", []) if not re.match(r"127\.0\.0\.1:", port)]
    return [
        *(["its root can be written"] if not service.get("read_only") else []),
        *(["keeps capabilities"] if service.get("cap_drop") != ["ALL"] else []),
        *(["may gain rights"] if "no-new-privileges:true" not in service.get("security_opt", []) else []),
        *(["runs as root"] if not user.isdecimal() or int(user) == 0 else []),
        *(["is privileged"] if service.get("privileged") or service.get("pid") or service.get("network_mode") else []),
        *(f"port {port} is open to everybody" for port in bound),
        *(f"{key} holds a secret" for key, value in service.get("environment", {}).items() if _is_secret(key, value)),
    ]


def _is_secret(key: str, value: str) -> bool:
    names = re.search(r"PASS|SECRET|TOKEN|_KEY", key)
    return bool(names and not str(value).startswith("/run/secrets")) or bool(re.search(r"://[^/]*:[^/]*@", str(value)))


def _unattended(read: dict[str, Any], service: dict[str, Any]) -> list[str]:
    """What an operator would miss at night."""
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    needed = service.get("depends_on", {})
    blind = [name for name, each in needed.items() if each.get("condition") != "service_healthy"]
    return [
        *(f"has no limit of {each}" for each in ("cpus", "memory", "pids") if each not in limits),
        *(f"has no {each}" for each in ("healthcheck", "stop_grace_period") if each not in service),
        *(["is not started again"] if service.get("restart") != "unless-stopped" else []),
        *(["its log grows for ever"] if "max-size" not in service.get("logging", {}).get("options", {}) else []),
        *(f"does not wait until {name} is well" for name in blind),
        *(f"needs {name}, whose health nobody asks" for name in needed if "healthcheck" not in read["services"][name]),
    ]


def _strange(read: dict[str, Any], service: dict[str, Any]) -> list[str]:
    """Names that nothing knows."""
    known = set(Settings.model_fields) | NOT_SETTINGS
    sources = [source for source in mounts(service).values() if source.startswith("./helm")]
    secrets = [each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])]
    arguments = service.get("build", {}).get("args", {})
    build = {value.partition("=")[0] for stage in read_stages(DOCKERFILE) for value in stage.values("ARG")}
    tag = str(service.get("image", "")).partition(":")[2]
    return [
        *(["its image moves"] if tag in ("", "latest") else []),
        *(f"no setting {name}" for name in settings_of(service) if name not in known),
        *(f"no file {source}" for source in sources if not (ROOT / source).exists()),
        *(f"no secret {name}" for name in secrets if name not in read["secrets"]),
        *(f"no build argument {name}" for name in arguments if name not in build),
        *(f"no extra {name}" for name in str(arguments.get("EXTRAS", "worker")).split(",") if name not in EXTRAS),
    ]


DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXTRAS = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_composition_is_valid_hardened_and_fits_the_code():
    assert not complaints(TEXT)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("stop_grace_period: 60s", "stop_grace_seconds: 60", "stop_grace_seconds"),
        ('user: "472:0"', 'user: "0"', "runs as root"),
        ("cap_drop: [ALL]", "cap_drop: []", "keeps capabilities"),
        ("  read_only: true\n", "", "can be written"),
        ("${STOREHAND_BIND:-127.0.0.1}:6379", "6379", "open to everybody"),
        ("STOREHAND_DRAIN_S", "STOREHAND_DRAIN", "no setting drain"),
        ("secrets: [broker_url, store_url]", "secrets: [broker_url, stoer_url]", "no secret stoer_url"),
        ("./helm/rules", "./helm/rulez", "no file ./helm/rulez"),
        ("condition: service_healthy", "condition: service_started", "does not wait"),
        ("EXTRAS: worker,redis,postgres", "EXTRAS: worker,reddis", "no extra reddis"),
        ("STOREHAND_LOG_FORMAT: json", "STOREHAND_BROKER_URL: amqp://a:b@rabbitmq//", "holds a secret"),
        ("memory: 2g, ", "", "no limit of memory"),
        ("image: redis:7.2", "image: redis", "its image moves"),
    ],
)
def test_the_checks_bite(old, new, complaint):
    assert old in TEXT

    assert any(complaint in each for each in complaints(TEXT.replace(old, new)))


@pytest.mark.parametrize("name", OURS)
def test_a_services_settings_can_be_read(name, tmp_path, monkeypatch):
    service = composition(variables=example_variables())["services"][name]
    for secret in service["secrets"]:
        (tmp_path / secret).write_text({"broker_url": "amqp://a:b@c/d", "store_url": "redis://a:b@c/0"}[secret])
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, str(tmp_path) if key == "STOREHAND_SECRETS_DIR" else str(value))

    settings = read_settings()

    assert settings.is_amqp
    if name == "exporter":
        (pool,) = settings.pools.values()
        assert set(pool.families) == set(settings.families())
        assert pool.slots <= settings.concurrency
    else:
        assert seconds(service["stop_grace_period"]) >= settings.drain_s + 15


def test_settings_of_the_workers_may_stand_in_a_file_that_git_and_the_build_leave_out():
    """Compose puts `environment` over it. It need not be there, and no other service reads its keys."""
    services = composition()["services"]
    files = {name: service["env_file"] for name, service in services.items() if "env_file" in service}

    assert set(files) == {"worker", "worker-gpu"}
    assert files["worker"] == files["worker-gpu"] == [{"path": "./.storehand/worker.env", "required": False}]
    for text in ((ROOT / ".env.example").read_text("utf-8"), (ROOT / "docs/image.md").read_text("utf-8")):
        assert ".storehand/worker.env" in text


def test_the_bindings_that_the_page_writes_into_that_file_can_be_read(monkeypatch):
    page = (ROOT / "docs/image.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"# \.storehand/worker\.env\n(.*?)\n *```", page, re.DOTALL)
    for line in block.splitlines():
        key, _, value = line.strip().partition("=")
        monkeypatch.setenv(key, value.strip("'"))

    binding = read_settings().binding("text")

    assert (binding.model, binding.device) == ("/models/text", "cuda")
    assert binding.options == {"chat_template_kwargs": {"enable_thinking": False}}


def test_both_workers_are_one_pool_and_only_one_of_them_runs():
    services = composition()["services"]

    assert [services[name]["profiles"] for name in ("worker", "worker-gpu")] == [["cpu"], ["gpu"]]
    assert example_variables()["COMPOSE_PROFILES"] in ("cpu", "gpu")
    assert {services[name]["networks"]["watch"]["aliases"][0] for name in ("worker", "worker-gpu")} == {"worker"}


def test_every_variable_has_a_default_or_stands_in_the_example_and_none_there_is_idle():
    used = dict(VARIABLE.findall(TEXT))

    assert set(example_variables()) - {"COMPOSE_PROFILES"} <= set(used)
    assert all(default or name in example_variables() for name, default in used.items())


def test_each_service_that_keeps_data_has_a_volume_for_it():
    read = composition()
    used = {source for service in read["services"].values() for source in mounts(service).values()}

    assert set(read["volumes"]) <= used
    assert mounts(read["services"]["redis"])["/data"] == "redis"
    assert "dir /data" in (FOLDER / "redis.conf").read_text()
    assert read["services"]["rabbitmq"]["hostname"], "its data are filed under its host's name"


def test_the_chart_leaves_the_composition_out_and_git_the_secrets():
    assert "compose/" in (ROOT / "helm/.helmignore").read_text().splitlines()
    assert {".storehand/", ".env"} <= set((ROOT / ".gitignore").read_text().splitlines())
    assert all(each["file"].startswith("./.storehand/secrets/") for each in composition()["secrets"].values())
