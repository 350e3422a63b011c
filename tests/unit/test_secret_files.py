from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.cli.probes import environment
from storehand.errors import SettingsError
from storehand.settings import read_settings
from tests.servers.server import free_port

CANARY = "canary-9f2b61"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A Redis that is not there, with a password that must never be seen."""
    file = tmp_path / "broker"
    file.write_text(f"redis://:{CANARY}@127.0.0.1:{free_port()}/0\n")
    file.chmod(0o600)
    return file


def test_a_setting_is_read_from_the_file_its_variable_names(secret, monkeypatch):
    monkeypatch.setenv("STOREHAND_BROKER_URL_FILE", str(secret))

    assert read_settings().broker_url.get_secret_value() == secret.read_text().strip()


@pytest.mark.parametrize("name", ["broker_url", "storehand_broker_url", "STOREHAND_BROKER_URL"])
def test_a_folder_of_secrets_has_a_file_per_setting(name, secret, tmp_path, monkeypatch):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / name).write_text(secret.read_text())
    (folder / "signing_keys").write_text("a" * 40 + "\n" + "b" * 40 + "\n")
    (folder / "somebody-elses").write_text("x")
    monkeypatch.setenv("STOREHAND_SECRETS_DIR", str(folder))

    settings = read_settings()

    assert settings.broker_scheme == "redis"
    assert [key.get_secret_value() for key in settings.signing_keys] == ["a" * 40, "b" * 40]


def test_the_variable_itself_wins_over_the_folder_and_contradicts_its_file(secret, tmp_path, monkeypatch):
    (tmp_path / "broker_url").write_text(secret.read_text())
    monkeypatch.setenv("STOREHAND_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("STOREHAND_BROKER_URL", "memory://")
    assert read_settings().broker_scheme == "memory"

    monkeypatch.setenv("STOREHAND_BROKER_URL_FILE", str(secret))
    with pytest.raises(SettingsError, match="both set"):
        read_settings()


def test_a_file_that_is_missing_is_said_with_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREHAND_STORE_URL_FILE", str(tmp_path / "absent"))

    with pytest.raises(SettingsError, match="absent, which is no file"):
        read_settings()


def test_doctor_warns_of_a_secret_that_everybody_may_read(secret, monkeypatch):
    monkeypatch.setenv("STOREHAND_BROKER_URL_FILE", str(secret))
    assert not [check for check in environment(read_settings()) if check.name == "broker_url"]

    secret.chmod(0o644)
    [warning] = [check for check in environment(read_settings()) if check.name == "broker_url"]
    assert "every user" in warning.detail


@pytest.mark.parametrize(
    "command",
    [
        ["doctor", "--all"],
        ["doctor", "--json"],
        ["submit", "description", '{"product": "Kettle"}'],
        ["jobs"],
        ["jobs", "dead"],
        ["result", "nobody"],
        ["cancel", "nobody"],
        ["stream", "nobody"],
        ["plugins"],
        ["schema", "description"],
    ],
    ids=lambda command: " ".join(command[:2])[:20],
)
def test_no_command_prints_a_password(command, secret, tmp_path, monkeypatch):
    monkeypatch.setenv("STOREHAND_BROKER_URL_FILE", str(secret))
    monkeypatch.setenv("STOREHAND_STORE_URL", secret.read_text().strip())
    monkeypatch.setenv("STOREHAND_SIGNING_KEYS", json.dumps([CANARY * 4]))
    monkeypatch.setenv("STOREHAND_DATA_DIR", str(tmp_path / "data"))

    done = CliRunner().invoke(build_app(), command)

    assert CANARY not in done.output
    assert CANARY not in repr(done.exception)
    if command[0] == "doctor":
        assert str(secret) in done.output.replace("\n", "")
