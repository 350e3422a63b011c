"""Plugins are found by entry point, one by one; a broken one does not stop the others."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from storehand.errors import SettingsError
from storehand.settings import Settings
from storehand_worker.loader import HOOKS, Plugins, load_plugins

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
GOOD = """
    from storehand.hookspecs import hookimpl
    from tests.small_engine import EchoTask, make_task

    @hookimpl
    def register_tasks():
        return [EchoTask()]
"""


@pytest.fixture
def plugin_folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def load(folder: Path, plugins: list[str] | None = None, /, **sources: str) -> Plugins:
    for name, source in sources.items():
        (folder / f"{name}_module.py").write_text(dedent(source))
    entry_points = [EntryPoint(name, f"{name}_module", "storehand") for name in sources]
    return load_plugins(Settings(data_dir=folder, plugins=plugins), entry_points=entry_points)


def reason(plugins: Plugins, name: str) -> str:
    return {broken.name: broken.reason for broken in plugins.broken}[name]


def test_a_task_is_found_under_its_name_with_the_plugin_that_brought_it(plugin_folder):
    plugins = load(plugin_folder, good=GOOD)

    assert list(plugins.tasks) == ["echo"]
    assert plugins.owners == {"echo": "good"}
    assert plugins.broken == ()


def test_every_hook_of_the_specification_is_known():
    assert HOOKS == (
        "register_tasks",
        "register_engines",
        "on_worker_start",
        "on_worker_stop",
        "on_job_done",
        "on_batch_done",
        "check_health",
    )


def test_every_hook_has_a_heading_in_the_docs():
    headings = re.findall(r"^### (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert set(HOOKS) == set(re.findall(r"`(\w+)\(", "\n".join(headings)))


def test_the_built_in_plugins_load_through_the_same_entry_points():
    plugins = load_plugins(Settings(plugins=["sentiment"]))

    assert list(plugins.tasks) == ["sentiment"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def nothing(): pass", "it has no hook"),
        (GOOD.replace("[EchoTask()]", "[EchoTask]"), "return an instance"),
        (GOOD.replace("[EchoTask()]", "1 / 0"), "ZeroDivisionError"),
        (GOOD.replace("EchoTask()", "make_task('Big Name', {})"), "'Big Name'"),
        (GOOD.replace("EchoTask()", "make_task('x', {'text': 'write'})"), "of kind 'write'"),
        (GOOD.replace("EchoTask()", "make_task('x', {}, examples=('hi',))"), "example 1 is no EchoInput"),
        (GOOD.replace("[EchoTask()]", "[EchoTask(), EchoTask()]"), "'echo' twice"),
        (GOOD.replace("@hookimpl", "@hookimpl(wrapper=True)").replace("return", "yield; return"), "wrappers"),
        (GOOD + "\n    @hookimpl\n    def register_engines():\n        return {'text': print}\n", "'text' is brought"),
        (GOOD + "\n    @hookimpl\n    def register_engines():\n        return {'mine': 3}\n", "callable"),
    ],
)
def test_a_broken_plugin_is_named_with_its_reason_and_the_others_load(plugin_folder, caplog, source, why):
    other = GOOD.replace("EchoTask()", "make_task('other', {})")

    plugins = load(plugin_folder, bad=source, good=other)

    assert list(plugins.tasks) == ["other"]
    assert why in reason(plugins, "bad")
    assert "plugin bad is left out" in caplog.text
    assert not plugins.manager.has_plugin("bad")


def test_of_two_plugins_with_one_task_name_the_second_is_left_out(plugin_folder):
    plugins = load(plugin_folder, first=GOOD, second=GOOD)

    assert plugins.owners == {"echo": "first"}
    assert "'echo' is brought by the plugin 'first' already" in reason(plugins, "second")


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (("same", "other_module"), "another plugin of this name"),
        (("such", "once_module"), "loaded already, as the plugin 'same'"),
    ],
)
def test_a_name_or_a_module_that_comes_twice_is_loaded_once(plugin_folder, second, why):
    for module in ("once_module", "other_module"):
        (plugin_folder / f"{module}.py").write_text(dedent(GOOD))
    entry_points = [EntryPoint("same", "once_module", "storehand"), EntryPoint(*second, "storehand")]

    plugins = load_plugins(Settings(data_dir=plugin_folder), entry_points=entry_points)

    assert why in reason(plugins, second[0])
    assert list(plugins.tasks) == ["echo"]
    assert plugins.manager.has_plugin("same")


def test_an_engine_of_a_plugin_is_found_by_name(plugin_folder):
    source = GOOD + "\n    @hookimpl\n    def register_engines():\n        return {'mine': print}\n"

    plugins = load(plugin_folder, good=source)

    assert plugins.engines == {"mine": print}


def test_a_misspelt_hook_stops_the_start_and_names_the_nearest(plugin_folder):
    with pytest.raises(SettingsError, match=r"'bad' has a hook 'register_task' .* did you mean 'register_tasks'"):
        load(plugin_folder, bad=GOOD.replace("register_tasks", "register_task"))


def test_a_misspelt_argument_of_a_hook_stops_the_start(plugin_folder):
    source = GOOD + "\n    @hookimpl\n    def on_job_done(jobs, outcome): pass\n"

    with pytest.raises(SettingsError, match=r"'bad'.*jobs"):
        load(plugin_folder, bad=source)


@pytest.mark.parametrize("decorator", ["", "@pluggy.HookimplMarker('other')"])
def test_a_hook_without_our_decorator_stops_the_start(plugin_folder, decorator):
    source = GOOD.replace("@hookimpl", decorator).replace(
        "from storehand.hook", "import pluggy\n    from storehand.hook"
    )

    with pytest.raises(SettingsError, match="'bad' has 'register_tasks' without storehand's @hookimpl"):
        load(plugin_folder, bad=source)


def test_only_the_named_plugins_are_imported(plugin_folder):
    plugins = load(plugin_folder, ["good"], good=GOOD, bad="import no_such_library")

    assert list(plugins.tasks) == ["echo"]
    assert plugins.broken == ()


def test_a_name_that_is_not_installed_stops_the_start_and_lists_the_installed(plugin_folder):
    with pytest.raises(SettingsError, match=r"names typo, which is not installed; installed: good, other"):
        load(plugin_folder, ["typo"], good=GOOD, other=GOOD)
