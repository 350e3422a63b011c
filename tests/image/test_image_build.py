"""The Dockerfile's own commands, carried out without an engine: what the images would hold starts and works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.dockerfile import Build, read_stages
from tests.image.test_image import IGNORE, ROOT, TEXT

pytestmark = pytest.mark.long


def built(folder: Path, **arguments: str) -> Path:
    """The environment of an image with these build arguments, as its last stage puts it together."""
    python = Path(sys.base_prefix) / "bin" / "python3"
    virtual = folder / "base"  # stands for the base image's Python, which the builder installs its tools into
    subprocess.run([python, "-m", "venv", virtual], check=True)
    stages = read_stages(TEXT)
    Build(stages, ROOT, folder, arguments, IGNORE, python=str(virtual / "bin" / "python")).run("package")
    environment = folder / "opt/storehand"
    shutil.copytree(folder / "package", environment, dirs_exist_ok=True)
    return environment


def storehand(environment: Path, *arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    program = environment / "bin/storehand"
    own = {"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1", "STOREHAND_DATA_DIR": str(data_dir)}
    return subprocess.run([program, *arguments], env=own, capture_output=True, text=True, timeout=120, cwd=data_dir)


def index_of_torch() -> str:
    """Where this machine's pip finds packages: CPU wheels of torch must lie there too."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    named = dict(line.partition("=")[::2] for line in said.stdout.splitlines())
    found = os.environ.get("PIP_INDEX_URL") or next((v.strip("'") for k, v in named.items() if "index-url" in k), "")
    return found or pytest.skip("pip names no index of its own here, so there is none to give as TORCH_INDEX_URL")


def test_without_the_extra_models_there_is_no_torch_and_the_pins_are_kept(tmp_path):
    environment = built(tmp_path, EXTRAS="worker,redis,postgres")

    pinned = {line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    holds = set((environment / "share/storehand/requirements.txt").read_text().split())
    listed = storehand(environment, "plugins", "--json", data_dir=tmp_path)

    assert holds
    assert holds <= pinned, holds - pinned
    assert not list(environment.glob("lib/*/site-packages/torch"))
    assert not list(environment.glob("lib/*/site-packages/pip"))
    assert "chat" in listed.stdout, listed.stderr


def test_the_worker_on_the_cpu_is_well(tmp_path):
    environment = built(
        tmp_path, VARIANT="cpu", TORCH_INDEX_URL=index_of_torch(), EXTRAS="worker,models,redis,postgres"
    )

    said = storehand(environment, "doctor", "--json", data_dir=tmp_path)

    assert said.returncode == 0, said.stdout + said.stderr
    assert json.loads(said.stdout)


@pytest.mark.parametrize("arguments", [{"VARIANT": "cpu"}, {"VARIANT": "rocm"}])
def test_a_variant_that_can_not_be_had_is_refused_before_anything_is_downloaded(tmp_path, arguments):
    with pytest.raises(AssertionError, match=r"VARIANT"):
        built(tmp_path, **arguments)
