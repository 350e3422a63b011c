"""The command tree: help, exit codes, errors without tracebacks, and commands that other packages add."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from storehand.cli import app as app_module
from storehand.cli.app import App, build_app
from storehand.cli.exits import MEANINGS, ExitCode, exit_code_of
from storehand.cli.options import AsJson
from storehand.errors import Cancelled, InvalidInput, JobNotFound, NotReady, PluginError, StorehandError, Unavailable

COMMANDS = (
    "demo", "worker", "drain", "submit", "bulk", "result", "stream", "cancel", "jobs", "explain", "dead", "erase",
    "schema", "plugins", "doctor", "exporter", "preview", "simulate", "knowledge", "train",
)  # fmt: skip
BELOW = (
    "jobs show", "dead list", "dead show", "dead retry", "dead drop", "knowledge ingest", "knowledge list",
    "knowledge show", "knowledge use", "knowledge search", "knowledge remove", "train recommender", "train items",
)  # fmt: skip


def run(*args, app=None, **options):
    return CliRunner().invoke(app or build_app(), list(args), **options)


def test_help_lists_every_command_and_every_exit_code():
    text = run("--help").stdout

    listed = re.findall(r"^  (\w+)  ", text.partition("Commands:")[2], re.MULTILINE)
    assert tuple(listed) == COMMANDS
    assert all(
        re.search(rf"^ +{code.value} +{re.escape(meaning)}", text, re.MULTILINE) for code, meaning in MEANINGS.items()
    )


@pytest.mark.parametrize("command", [*COMMANDS, *BELOW])
def test_every_command_is_a_manual_with_examples_in_both_languages(command):
    result = run(*command.split(), "--help")

    text = result.stdout
    assert result.exit_code == 0
    assert "Examples / 示例" in text
    assert f"storehand {command}" in text.partition("Examples")[2]
    assert re.search(r"[\u4e00-\u9fff]", text.partition("Examples")[0]), "what the command does, in Chinese"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 2),
        (JobNotFound("x"), 2),
        (NotReady("x"), 3),
        (Unavailable("x"), 4),
        (Cancelled("x"), 1),
        (PluginError("x"), 1),
        (StorehandError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    assert exit_code_of(error) == code


def app_that_raises(error):
    app = App("A test.")

    @app.command()
    def fail(as_json: AsJson = False):
        raise error

    @app.command()
    def send(task: str):
        raise error

    app.command("other")(lambda: None)
    return app


def test_an_error_is_one_line_and_what_to_do_next():
    result = run("send", "copy", app=app_that_raises(InvalidInput("product.name: Field required")))

    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    what, next_step = result.stderr.splitlines()
    assert what == "invalid_input: product.name: Field required"
    assert next_step.startswith("→ `storehand schema copy`")


def test_invalid_input_of_a_command_that_has_no_task_points_to_its_help():
    result = run("fail", app=app_that_raises(InvalidInput("there is no policy 'x'")))

    assert result.stderr.splitlines()[1].endswith("fail --help` has examples")


def test_with_json_the_error_is_a_document_on_stdout():
    result = run("fail", "--json", app=app_that_raises(Unavailable("no broker")))

    document = json.loads(result.stdout)
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert document["error"]["code"] == "unavailable"
    assert document["error"]["message"] == "no broker"
    assert document["error"]["advice"]


def test_ctrl_c_is_no_traceback():
    result = run("fail", app=app_that_raises(KeyboardInterrupt()))

    assert result.exit_code == ExitCode.INTERRUPTED
    assert "jobs that were submitted go on" in result.stderr


@pytest.mark.parametrize("command", ["worker", "plugins", "demo"])
def test_a_command_whose_extra_is_missing_says_what_to_install(command, monkeypatch):
    def not_there(group):
        return [EntryPoint("worker", "storehand_no_such_package.cli:register", group)]

    monkeypatch.setattr(app_module, "entry_points", not_there)

    listed = run("--help").stdout
    result = run(command, "--anything", "else")

    assert command in listed
    assert result.exit_code == ExitCode.USAGE
    assert "install `storehand[worker,models]`" in result.stderr


def test_help_needs_none_of_the_heavy_libraries():
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'torch', 'transformers', 'pluggy', 'prometheus_client', 'celery'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from storehand.cli import main\n"
        "main()\n"
    )

    shown = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    refused = subprocess.run([sys.executable, "-c", code, "plugins"], capture_output=True, text=True, check=False)

    assert "worker" in shown.stdout
    assert refused.returncode == ExitCode.USAGE
    assert "install `storehand[worker,models]`" in refused.stderr
