"""helm/values.yaml: every key has its sentence, its schema and its use, and nothing else is taken."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from storehand.settings import Settings
from tests.chart.pods import pods
from tests.chart.readme import outdated
from tests.chart.render import Refused, render
from tests.chart.values_file import HELM, Key, Undocumented, read_keys

KEYS = read_keys()
CHAPTERS = sorted({key.path[:-1] for key in KEYS})
TEMPLATES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((HELM / "templates").rglob("*")) if path.is_file()
)
WORKS: dict[str, Any] = {
    "broker": {"existingSecret": "urls"},
    "pools": {"all": {"queues": ["text", "encoder", "default"]}},
}


def test_readme_and_schema_are_those_of_the_values() -> None:
    assert outdated() == [], "python -m tests.chart.readme --write"


def test_a_key_without_a_sentence_is_found() -> None:
    with pytest.raises(Undocumented, match=re.escape("broker.new")):
        read_keys("broker:\n  # -- What rings.\n  type: redis\n\n  new: 1\n")


def test_every_key_is_used() -> None:
    assert [key.name for key in KEYS if not _is_used(key)] == []


def test_a_key_that_no_template_reads_is_found() -> None:
    assert not _is_used(Key(("broker", "colour"), "red", "Of the broker.", {}))


def _is_used(key: Key) -> bool:
    """Some template reads a field of its name; which map it belongs to can't be told from the text."""
    return re.search(rf"\.{re.escape(key.path[-1])}\b", TEMPLATES) is not None


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: ".".join(chapter) or "top")
def test_an_unknown_key_is_refused(chapter: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="misspelt"):
        render(WORKS, _at((*chapter, "misspelt"), 1))


@pytest.mark.parametrize("chapter", [path for path in CHAPTERS if path[:1] == ("poolDefaults",)], ids=".".join)
def test_an_unknown_key_of_a_pool_is_refused(chapter: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="misspelt"):
        render(WORKS, _at(("pools", "all", *chapter[1:], "misspelt"), 1))


@pytest.mark.parametrize("key", [key for key in KEYS if "enum" in key.schema], ids=lambda key: key.name)
def test_a_word_that_is_no_choice_is_refused(key: Key) -> None:
    with pytest.raises(Refused, match=re.escape(key.path[-1])):
        render(WORKS, _at(key.path, "misspelt"))


@pytest.mark.parametrize(
    "place", [("settings",), ("pools", "all", "settings"), ("poolDefaults", "settings")], ids=".".join
)
def test_a_setting_that_does_not_exist_is_refused(place: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="leese_s"):
        render(WORKS, _at((*place, "leese_s"), 20))


def test_a_knob_that_no_model_binding_has_is_refused() -> None:
    with pytest.raises(Refused, match="slotz"):
        render(WORKS, _at(("models", "text", "slotz"), 8))


@pytest.mark.parametrize("name", ["Chat", "chat_", "-chat", "a" * 31])
def test_a_pool_has_a_name_that_kubernetes_takes(name: str) -> None:
    with pytest.raises(Refused, match="propertyName"):
        render(WORKS, _at(("pools", name), {}))


def test_the_digest_of_all_is_not_put_on_a_pool_with_an_image_of_its_own() -> None:
    digest = f"sha256:{'a' * 64}"
    documents = render(WORKS, {"image": {"digest": digest}, "pools": {"all": {"image": {"tag": "own"}}}})
    pods = [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]
    images = [pod["containers"][0]["image"] for pod in pods]

    assert sorted(images) == ["storehand:own", f"storehand@{digest}"]


def test_a_pool_with_a_gpu_has_the_digest_of_the_image_with_cuda_and_no_other_pod_has_it() -> None:
    digests = {"digest": f"sha256:{'a' * 64}", "gpuDigest": f"sha256:{'b' * 64}"}
    own = {"queues": ["more"], "gpu": {"enabled": True}}
    documents = render(WORKS, {"image": digests, "pools": {"more": own}})
    images = {pod.labels.get("storehand.io/pool", pod.component): pod.main["image"] for pod in pods(documents)}

    cpu, gpu = (f"storehand@{digest}" for digest in digests.values())
    assert images == {"all": cpu, "more": gpu, "exporter": cpu, "test": cpu}


@pytest.mark.parametrize(
    "alone",
    [
        {"dataClaim": "data"},
        {"modelCache": {"type": "pvc", "accessMode": "ReadWriteOncePod"}},
        {"modelCache": {"type": "pvc", "accessMode": "ReadWriteOnce"}},
    ],
    ids=str,
)
def test_where_a_volume_takes_one_pod_the_old_one_leaves_before_the_new_one_comes(alone: dict[str, Any]) -> None:
    deployments = [each for each in render(WORKS, {"pools": {"all": alone}}) if each["kind"] == "Deployment"]
    (found,) = [each for each in deployments if each["metadata"]["name"] == "shop-storehand-all"]

    assert found["spec"]["strategy"] == {"type": "Recreate"}


def test_what_the_chart_calls_its_own_are_settings() -> None:
    assert set(_refused_settings("owners")) <= set(Settings.model_fields)


def test_every_secret_setting_is_kept_out_of_config_maps() -> None:
    secret = {name for name, field in Settings.model_fields.items() if SecretStr.__name__ in str(field.annotation)}

    assert set(_refused_settings("secretOwners")) == secret


def _refused_settings(template: str) -> list[str]:
    """The names that a template's dict has as keys."""
    found = re.search(rf'define "storehand\.{template}" -}}}}\n{{{{- toJson \(dict (.*?)\) -}}}}', TEMPLATES)
    assert found is not None
    return re.findall(r'"([^"]*)"', found[1])[::2]


def _at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value
