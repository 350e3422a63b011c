"""The newcomer's first minute, with the bundled models and a real worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.waiting import until

DEMO = [sys.executable, "-m", "storehand.cli", "demo"]


@pytest.fixture
def environment():
    """A caller whose own settings must not matter, and a temp folder of our own with a short path for sockets."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        other_shop = {"STOREHAND_BROKER_URL": "redis://127.0.0.1:1/0", "STOREHAND_QUEUE_PREFIX": "elsewhere"}
        yield {**os.environ, **other_shop, "TMPDIR": folder, "HF_HUB_OFFLINE": "1"}


def test_the_demo_answers_everything_and_leaves_nothing_behind(environment):
    command = [*DEMO, "--products", "4", "--reviews", "20", "--json"]
    demo = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert demo.returncode == 0, demo.stderr
    found = json.loads(demo.stdout)
    done = {task: row["done"] for task, row in found["tasks"].items()}
    assert (done["description"], done["sentiment"], found["failures"]) == (4, 20, [])
    assert all(done.values())
    assert found["attribute_coverage"] > 0.9
    assert found["offer_facts"] == found["offer_facts_right"] > 0
    assert found["unsupported_claims"] == 0
    assert found["sentiment_judged"] == 20
    assert found["output_tokens_per_s"] > 0
    for language in ("zh", "en"):
        for task in ("chat", "description", "copy", "sentiment", "recommendation"):
            assert f"[{task} {language}" in demo.stderr
    assert not list(Path(environment["TMPDIR"]).iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_takes_the_worker_and_the_folder_along(environment, number):
    folder = Path(environment["TMPDIR"])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    heeded = {"preexec_fn": lambda: signal.signal(number, signal.SIG_DFL)}  # shells ignore Ctrl-C in the background
    with subprocess.Popen([*DEMO, "--plain"], env=environment, **pipes, **heeded) as demo:
        until(lambda: list(folder.glob("storehand-demo-*/worker.log")), timeout_s=20)
        demo.send_signal(number)
        output, _ = demo.communicate(timeout=30)

    assert demo.returncode == 130
    assert b"Traceback" not in output
    assert not list(folder.iterdir())
    assert not _processes_naming(folder)


@pytest.mark.long
def test_a_worker_that_cannot_start_is_told_with_the_end_of_its_log(environment, tmp_path):
    info = tmp_path / "storehand_typo-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-typo\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[storehand]\ntypo = storehand_typo\n")
    misspelt = "from storehand.hookspecs import hookimpl\n@hookimpl\ndef register_task(): return []\n"
    (tmp_path / "storehand_typo.py").write_text(misspelt)

    command = [*DEMO, "--plain", "--data-dir", str(tmp_path / "shop")]
    path = {**environment, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 4
    assert "unavailable: the worker ended with code" in done.stderr
    assert "'register_task'" in done.stderr
    assert (tmp_path / "shop" / "worker.log").exists()


def _processes_naming(folder: Path) -> list[str]:
    """Command lines of running processes that mention the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # gone meanwhile
            continue
        if str(folder) in line:
            found.append(line)
    return found
