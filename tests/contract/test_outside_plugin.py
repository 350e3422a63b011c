"""A plugin of somebody else's distribution is installed by pip, found by its entry point, and serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = ROOT / "tests" / "outside_plugin"

SHOWN = ("pyproject.toml", "storehand_tagline.py", "test_tagline.py")

SERVE = """
import json, sys
from storehand.fakes import FakeContext
from storehand.settings import ModelBinding, Settings
from storehand_worker.host import Host
from storehand_worker.loader import load_plugins

settings = Settings(data_dir=sys.argv[1], plugins=["tagline"], models={"text": ModelBinding(engine="fake")})
plugins = load_plugins(settings)
host = Host(settings, plugins)
host.load()
task, context = plugins.tasks["tagline"], FakeContext()
job = task.input_type.model_validate({"product": {"name": "Kettle"}, "maxLength": 100})
output = task.run(job, host.models(context, "tagline"), context)
host.close()
print(json.dumps([list(plugins.tasks), plugins.owners, output.to_json_dict(), "torch" in sys.modules]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The plugin's project as its author has it, away from this one: a build leaves nothing in the work tree."""
    source = tmp_path_factory.mktemp("source")
    for name in SHOWN:
        shutil.copy(OUTSIDE / name, source)
    return source


@pytest.fixture(scope="module")
def installed(source, tmp_path_factory):
    """A folder with the outside plugin, as pip installs it."""
    target = tmp_path_factory.mktemp("site")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "-q"]
    run(sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source))
    return target


def run(*command: str, path: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path or ""), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_distribution_holds_the_plugin_and_nothing_else(installed):
    assert sorted(each.name for each in installed.iterdir()) == [
        "storehand_tagline-1.0.dist-info",
        "storehand_tagline.py",
    ]


def test_an_installed_outside_plugin_is_found_and_serves(installed, tmp_path):
    answer = run(sys.executable, "-W", "error", "-c", SERVE, str(tmp_path), path=installed)

    tasks, owners, output, is_torch_loaded = json.loads(answer)
    assert tasks == ["tagline"]
    assert owners == {"tagline": "tagline"}
    assert output["tagline"]
    assert not is_torch_loaded


def test_it_keeps_the_contract_in_the_six_lines_its_author_wrote(installed, source):
    options = ["-p", "no:cacheprovider", "-q", "--rootdir", str(source)]

    answer = run(sys.executable, "-m", "pytest", *options, str(source / "test_tagline.py"), path=installed)

    assert "9 passed" in answer


def test_the_page_shows_the_plugin_as_it_is():
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    sources = {name: (OUTSIDE / name).read_text(encoding="utf-8") for name in SHOWN}

    shown = re.findall(r"^```(?:python|toml)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    found = [block for block in shown if any(block in source for source in sources.values())]

    assert len(found) >= 6
    assert [block for block in shown if block not in found and "Tagline" in block] == []
