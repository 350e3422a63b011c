"""Role to folder and engine: what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from storehand.errors import ModelNotAvailable, SettingsError
from storehand.settings import ModelBinding
from storehand_worker.binding import RoleNeed, check_folder, engine_factory, engine_name, engine_spec, role_needs
from tests.small_engine import Small, make_task

COMMIT = "0123456789" * 4
TEXT = RoleNeed("text", "generate", ("echo",))


@pytest.fixture
def hub_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def model_folder(path: Path, /, files: tuple[str, ...] = ("model.safetensors",), **config) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    for name in files:
        (path / name).write_bytes(b"")
    return path


def test_tasks_that_agree_share_a_need_and_its_starter(tmp_path):
    needs = role_needs(
        [make_task("a", {"text": "generate"}), make_task("b", {"text": "generate"}, starters={"text": tmp_path})]
    )

    assert needs == {"text": RoleNeed("text", "generate", ("a", "b"), tmp_path)}


def test_two_kinds_or_two_starters_of_one_role_stop_the_start(tmp_path):
    one = make_task("a", {"text": "generate"}, starters={"text": tmp_path / "one"})

    with pytest.raises(SettingsError, match="a and b want different kinds of the role 'text': generate and encode"):
        role_needs([one, make_task("b", {"text": "encode"})])
    with pytest.raises(SettingsError, match="a and b bring different starters for the role 'text'"):
        role_needs([one, make_task("b", {"text": "generate"}, starters={"text": tmp_path / "two"})])


def test_the_engine_follows_the_kind_unless_it_is_named():
    assert engine_name(TEXT, ModelBinding()) == "text"
    assert engine_name(RoleNeed("labels", "classify", ()), ModelBinding()) == "encoder"
    assert engine_name(TEXT, ModelBinding(engine="fake")) == "fake"


def test_a_starter_is_the_folder_that_the_task_brings(tmp_path):
    folder = model_folder(tmp_path / "starter")

    spec = engine_spec(RoleNeed("text", "generate", ("echo",), folder), ModelBinding())

    assert (spec.folder, spec.name, spec.role, spec.kind) == (str(folder), "starter/text", "text", "generate")


def test_a_local_folder_is_named_by_its_last_part(tmp_path):
    folder = model_folder(tmp_path / "our-model")

    assert engine_spec(TEXT, ModelBinding(model=str(folder))).name == "our-model"


def test_engines_of_plugins_get_no_folder_and_know_their_model_themselves():
    spec = engine_spec(TEXT, ModelBinding(model="https://models.example", engine="remote"))

    assert (spec.folder, spec.name) == ("", "https://models.example")


def test_a_remote_model_is_a_name_even_where_a_folder_is_called_the_same(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt-x").mkdir()

    spec = engine_spec(TEXT, ModelBinding(model="gpt-x", engine="openai"))

    assert (spec.folder, spec.name) == ("", "gpt-x")
    with pytest.raises(SettingsError, match=r"engine openai without a model: set .*__TEXT__MODEL"):
        engine_spec(TEXT, ModelBinding(engine="openai"))


def test_an_optional_role_is_a_need_only_where_it_is_bound():
    task = make_task("a", {"text": "generate"})
    type(task).optional_roles = {"embedding": "encode"}

    assert list(role_needs([task])) == ["text"]
    assert role_needs([task], {"embedding"})["embedding"] == RoleNeed("embedding", "encode", ("a",))


@pytest.mark.parametrize(
    ("binding", "error", "why"),
    [
        (ModelBinding(), ModelNotAvailable, r"no starter model .* 'text' \(asked for by echo\).*__TEXT__MODEL="),
        (ModelBinding(model="/no/such/folder"), ModelNotAvailable, "which is no folder"),
        (ModelBinding(model="no id"), SettingsError, "neither 'starter', nor a folder here, nor a hub id"),
        (ModelBinding(model="owner/name"), SettingsError, "without a commit: .*__REVISION"),
        (ModelBinding(model="owner/name", revision="main"), SettingsError, "a branch can change overnight"),
    ],
)
def test_a_binding_that_can_not_work_says_what_to_set(binding, error, why):
    with pytest.raises(error, match=why):
        engine_spec(TEXT, binding)


def test_a_hub_model_that_is_not_cached_is_not_available_offline(hub_cache):
    with pytest.raises(ModelNotAvailable, match=r"owner/name at .* 'text' .* \(HF_HUB_OFFLINE is set\)"):
        engine_spec(TEXT, ModelBinding(model="owner/name", revision=COMMIT))


def test_a_hub_model_in_the_cache_is_found_offline(hub_cache):
    folder = model_folder(hub_cache / "models--owner--name" / "snapshots" / COMMIT)

    spec = engine_spec(TEXT, ModelBinding(model="owner/name", revision=COMMIT))

    assert (Path(spec.folder), spec.name) == (folder, "owner/name")


def test_pickled_weights_are_refused(tmp_path):
    with pytest.raises(ModelNotAvailable, match=r"no \*.safetensors"):
        check_folder(model_folder(tmp_path, ("pytorch_model.bin",)), "text")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_is_refused(tmp_path, name):
    model_folder(tmp_path)
    (tmp_path / name).write_text('{"auto_map": {"AutoModel": "modeling.Mine"}}')

    with pytest.raises(ModelNotAvailable, match=rf"Python code of its own \(auto_map in {name}\)"):
        check_folder(tmp_path, "text")


def test_a_folder_without_config_or_with_missing_shards_is_refused(tmp_path):
    folder = model_folder(tmp_path, ("model-1.safetensors",))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(ModelNotAvailable, match=r"lacks 1 files, the first is model-2.safetensors"):
        check_folder(folder, "text")
    (folder / "config.json").unlink()
    with pytest.raises(ModelNotAvailable, match=r"no config.json"):
        check_folder(folder, "text")


def test_an_unknown_engine_is_refused_with_the_known_ones():
    small = Small()

    assert engine_factory(TEXT, ModelBinding(engine="small"), {"small": small}) is small
    with pytest.raises(SettingsError, match=r"the engine 'smal'; there are encoder, fake, .*small, .*vllm"):
        engine_factory(TEXT, ModelBinding(engine="smal"), {"small": small})
