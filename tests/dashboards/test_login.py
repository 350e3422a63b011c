"""`storehand preview` behind a proxy: it says who it is, to the right host only, and never prints a secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.errors import InvalidInput
from storehand_worker.operation.preview.login import apart, headers

SECRET = "s3cr:t/€"
BASIC = "Basic c2hvcDpzM2NyOnQv4oKs"
EMPTY = json.dumps({"data": {"resultType": "vector", "result": []}}).encode()
BOARD = {
    "title": "Small",
    "panels": [
        {"type": "stat", "title": "t", "gridPos": {"x": 0, "y": 0, "w": 8, "h": 6}, "targets": [{"expr": "up"}]}
    ],
}


class Proxy(BaseHTTPRequestHandler):
    """Lets nobody in without a header; sends who asks /old elsewhere."""

    seen: list[str | None]
    wanted = BASIC

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/old"):
            self.send_response(302)
            self.send_header("Location", "/new")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        said = self.headers["Authorization"]
        self.seen.append(said)
        self.send_response(200 if said == self.wanted else 401)
        self.send_header("Content-Length", str(len(EMPTY)))
        self.end_headers()
        self.wfile.write(EMPTY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Not into the tests' output."""


@contextmanager
def proxy() -> Iterator[tuple[str, list[str | None]]]:
    """host:port, and the headers that came."""
    Proxy.seen = []
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", Proxy.seen
        finally:
            server.shutdown()
            thread.join()


def preview(tmp_path, address, *options, **environment):
    file = tmp_path / "small.json"
    file.write_text(json.dumps(BOARD))
    command = ["preview", str(file), "--prometheus", address, "--out", str(tmp_path / "p.png")]
    return CliRunner(env=environment).invoke(build_app(), [*command, *options])


def test_user_and_password_of_the_address_are_shown_to_the_proxy(tmp_path):
    with proxy() as (host, seen):
        done = preview(tmp_path, f"http://shop:s3cr%3At%2F%E2%82%AC@{host}")

    assert (done.exit_code, set(seen)) == (0, {BASIC}), done.output


def test_a_header_takes_its_secret_from_the_environment(tmp_path):
    with proxy() as (host, seen):
        done = preview(tmp_path, f"http://{host}", "--header", "Authorization=Basic $PAIR", PAIR=BASIC[6:] + "\n")

    assert (done.exit_code, set(seen)) == (0, {BASIC}), done.output


def test_who_is_not_let_in_is_told_how_and_no_picture_is_drawn(tmp_path):
    with proxy() as (host, _):
        none = preview(tmp_path, f"http://{host}")
        wrong = preview(tmp_path, f"http://shop:hunter2@{host}")

    assert (none.exit_code, wrong.exit_code) == (4, 4)
    assert f"http://{host} does not let us in (401)" in wrong.output
    assert "--header" in none.output
    assert "hunter2" not in wrong.output
    assert not (tmp_path / "p.png").exists()


def test_a_header_is_not_carried_to_where_the_host_sends_us(tmp_path):
    with proxy() as (host, seen):
        preview(tmp_path, f"http://{host}/old", "--header", f"Authorization={BASIC}")

    assert set(seen) == {None}


@pytest.mark.parametrize(
    "address",
    [
        "http://shop:hunter2@127.0.0.1:9",
        "shop:hunter2@127.0.0.1:9",
        "ftp://shop:hunter2@127.0.0.1:9",
        "http://shop:hunter2@127.0.0.1:nine",
        "http://shop:hunter2@",
    ],
)
def test_what_does_not_answer_is_named_without_its_password(tmp_path, address):
    done = preview(tmp_path, address)

    assert done.exit_code in (2, 4)
    assert "hunter2" not in done.output
    assert "shop" not in done.output


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Authorization", "written NAME=VALUE"),
        ("a b=x", "written NAME=VALUE"),
        ("X=$NOBODY_SET_THIS", "no environment variable NOBODY_SET_THIS"),
        ("X=hunter2$", "begins a variable"),
        ("X=hunter2\r\nY: z", "no line of plain characters"),
        ("X=hunter2密", "no line of plain characters"),
        ("X=", "is empty"),
    ],
)
def test_a_header_that_is_none_is_refused_without_its_value(said, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        headers([said], {})

    assert "hunter2" not in caught.value.message


def test_headers_are_several_and_a_dollar_is_written_twice():
    assert headers(["X=a=b", "Y=5 $$"], {}) == {"X": "a=b", "Y": "5 $"}


def test_an_address_keeps_its_path_and_port():
    assert apart("https://shop:@[::1]:9/prom/") == ("https://[::1]:9/prom", {"Authorization": "Basic c2hvcDo="})
    assert apart("http://prometheus") == ("http://prometheus", {})
