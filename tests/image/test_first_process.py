"""The image's entry point as process 1 of a PID namespace: a worker that is told to leave while it starts does so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.image.dockerfile import read_stages
from tests.image.test_image import TEXT
from tests.waiting import until

FIRST = json.loads(read_stages(TEXT)[-1].values("ENTRYPOINT")[-1])[:-1]
IN_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.mark.long
def test_sigterm_during_the_imports_ends_the_container(tmp_path: Path) -> None:
    absent = [program for program in (FIRST[0], "unshare") if shutil.which(program) is None]
    if absent or os.geteuid() != 0:
        pytest.skip(f"needs root, and of programs {absent}")
    command = [*IN_NAMESPACE, *FIRST, sys.executable, "-m", "storehand.cli", "worker"]
    own = {**os.environ, "STOREHAND_DATA_DIR": str(tmp_path), "STOREHAND_HTTP_PORT": "0"}
    with subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            children = until(lambda: psutil.Process(process.pid).children(recursive=True)[1:])
            assert "worker" in children[-1].cmdline()
            os.kill(psutil.Process(process.pid).children()[0].pid, signal.SIGTERM)

            assert process.wait(10) == 128 + signal.SIGTERM
        finally:
            process.kill()
