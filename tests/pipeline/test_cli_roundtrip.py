"""A job's round trip by command line alone: `storehand worker` in a process, the other commands against it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from tests.pipeline.workers import Shop
from tests.waiting import until


class CommandLine:
    """A shop whose worker runs; calling it runs a command."""

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        self.port = port
        self.log = shop.folder / "cli-worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, *args: str, stdin: str | None = None):
        return CliRunner().invoke(build_app(), list(args), input=stdin, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {**self.shop.environment, "STOREHAND_HTTP_PORT": str(self.port)}

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "storehand.cli", "worker", "--concurrency", "8", "-n", "cli@test"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self.is_ready, timeout_s=40)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        line = CommandLine(shop, probe.getsockname()[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(shop.folder / "site"))  # so that this process knows the probe task too
        line.start()
        try:
            yield line
        finally:
            if line.process is not None and line.process.poll() is None:
                line.process.kill()
                line.process.wait()


def test_json_goes_in_and_json_comes_out(cli):
    result = cli("submit", "probe", "-", "--wait", "--timeout", "20s", stdin='{"text": "你好 shop"}')

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["text"] == "你好 shop"


def test_a_submitted_job_is_followed_by_its_id(cli):
    job_id = cli("submit", "probe", '{"text": "later"}').stdout.strip()

    answer = cli("result", job_id, "--timeout", "20s", "--json")
    story = json.loads(cli("jobs", "show", job_id, "--json").stdout)

    assert json.loads(answer.stdout)["output"]["text"] == "later"
    assert (story["status"], story["attempts"]) == ("succeeded", 1)


def test_text_is_streamed_while_it_is_written(cli):
    result = cli("submit", "probe", '{"text": "one two 三", "mode": "stream"}', "--stream", "--timeout", "20s")

    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == "one two 三"


def test_a_job_that_fails_exits_1_and_prints_its_code(cli):
    result = cli("submit", "probe", '{"mode": "refuse"}', "--wait", "--timeout", "20s")

    assert result.exit_code == 1
    assert result.stderr.startswith("invalid_input: ")


def test_lines_come_back_as_lines_and_one_failure_exits_1(cli):
    rows = [{"text": "eins"}, {"mode": "refuse"}, {"text": "三"}]

    text = "\n".join(json.dumps(row) for row in rows)
    result = cli("submit", "probe", "-", "--lines", "--wait", "--timeout", "20s", stdin=text)

    found = {each["line"]: each for each in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 1
    assert [found[line]["status"] for line in (1, 2, 3)] == ["succeeded", "failed", "succeeded"]
    assert found[3]["output"]["text"] == "三"
    assert found[2]["error"]["code"] == "invalid_input"


def test_a_running_job_is_cancelled(cli):
    job_id = cli("submit", "probe", '{"work_s": 30}').stdout.strip()
    until(lambda: json.loads(cli("jobs", "show", job_id, "--json").stdout)["status"] == "running")

    asked = cli("cancel", job_id)
    result = cli("result", job_id, "--timeout", "10s")

    assert "its worker stops it now" in asked.stderr
    assert result.exit_code == 1
    assert result.stderr.startswith("cancelled: ")


def test_doctor_sees_the_worker(cli):
    told = json.loads(cli("doctor", "--json").stdout)

    found = {(check["area"], check["name"]): check for check in told["checks"]}
    assert found["workers", "running"]["light"] == "green"
    assert "cli@test" in found["workers", "running"]["detail"]
    assert found["workers", "/readyz"]["light"] == "green"


def test_doctor_sees_a_queue_that_the_worker_does_not_read(cli):
    cli("submit", "probe", "{}", "--wait", "--timeout", "20s")
    stray = {**cli.environment, "STOREHAND_ROUTES": '{"stray": "elsewhere"}'}
    CliRunner().invoke(build_app(), ["submit", "stray", "{}", "--unchecked"], env=stray)

    checks = json.loads(cli("doctor", "--json").stdout)["checks"]

    unread = [check for check in checks if "no running worker reads it" in check["detail"]]
    assert [(check["name"], check["light"]) for check in unread] == [("storehand.elsewhere.standard", "yellow")]
    assert "`storehand worker --queues elsewhere`" in unread[0]["advice"]


def test_sigterm_drains_the_worker_and_exits_0(cli):
    assert cli.stop() == 0
    assert cli.log.read_text().count("for one host") == 1
