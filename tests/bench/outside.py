"""Contenders that can't live in our environment: each gets one of its own, made for the run, or a reason why not."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from storehand.engine import GenerateRequest
from tests.bench.litserve_load import LitServe
from tests.bench.prefork import Prefork
from tests.bench.random_text import make_work, requests_of
from tests.bench.rounds import Run, tell
from tests.bench.worker import ROOT, free_port
from tests.waiting import until

Generates = Callable[[Sequence[GenerateRequest]], Run]


class NotInstallable(Exception):
    """The package index has it not, or not for this machine."""


@contextmanager
def outside_contenders(folder: str, *, is_wanted: bool) -> Iterator[tuple[dict[str, Generates], list[str]]]:
    """Servers of the text model in `folder`, by name, and one sentence for each that is absent."""
    ways = {"celery-batches, padded `generate` of 32": _celery_batches, "LitServe, padded `generate` of 32": _litserve}
    contenders: dict[str, Generates] = {}
    reasons: list[str] = []
    with ExitStack() as stack:
        for name, way in ways.items() if is_wanted else ():
            try:
                contenders[name] = stack.enter_context(way(folder))
                contenders[name](requests_of(make_work(2, seed=-1)))  # some load their model with the first request
            except NotInstallable as error:
                reasons.append(f"{name.split(',')[0]} is absent: {error}.")
        yield contenders, reasons


@contextmanager
def sentence_transformers() -> Iterator[str]:
    """An interpreter that has it beside everything of ours; its own wish for torch is left to ours."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as folder:
        yield _environment(Path(folder), "scikit-learn", "pillow", alone=("sentence-transformers",))


def _environment(folder: Path, *packages: str, alone: Sequence[str] = ()) -> str:
    """An interpreter that finds these packages first and ours behind them; `alone` come without what they need."""
    tell(f"installing {', '.join([*packages, *alone])} into an environment of their own")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    for arguments in (packages, ("--no-deps", *alone)) if alone else (packages,):
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotInstallable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(own) / "behind.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return python


@contextmanager
def _process(command: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            tree = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for each in psutil.wait_procs(tree, timeout=3)[1]:  # LitServe leaves its own children behind
                each.kill()


@contextmanager
def _celery_batches(text: str) -> Iterator[Generates]:
    """One process; a batch leaves when it has 32 messages or is half a second old."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as each:
        folder = Path(each)
        python = _environment(folder / "env", "celery<5.7", "kombu<5.7", "celery-batches")
        command = [python, "-m", "celery", "-A", "tests.bench.batches_app", "worker", "-P", "prefork", "-c", "1"]
        with _process([*command, "-l", "WARNING"], folder / "log", BENCH_FOLDER=each, BENCH_TEXT=text) as process:
            yield Prefork(folder, process.pid, text_task="bench.batch").generate


@contextmanager
def _litserve(text: str) -> Iterator[Generates]:
    """One worker; a batch leaves when it has 32 requests or is 50 ms old; 64 requests in flight."""
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as each:
        folder, port = Path(each), free_port()
        python = _environment(folder / "env", "litserve")
        command = [python, "-m", "tests.bench.litserve_app", str(port)]
        with _process(command, folder / "log", BENCH_TEXT=text) as process:
            load = LitServe(port, process.pid)
            until(lambda: process.poll() is not None or load.is_ready(), timeout_s=120, every_s=0.2)
            assert process.poll() is None, (folder / "log").read_text()[-4000:]
            yield load.generate
