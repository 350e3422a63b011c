"""Settings from arguments, environment and file; what is wrong is said by name, and never with a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from storehand import Client
from storehand.errors import SettingsError
from storehand.settings import read_settings


@pytest.mark.parametrize("value", ["description, sentiment", '["description", "sentiment"]'])
def test_names_in_the_environment_are_a_json_list_or_words_with_commas(value, monkeypatch):
    monkeypatch.setenv("STOREHAND_PLUGINS", value)

    assert read_settings().plugins == ["description", "sentiment"]


def test_a_broker_nobody_knows_is_refused_at_once(tmp_path):
    with pytest.raises(SettingsError, match="scheme 'rabbit'; there are embedded, redis"):
        Client(data_dir=tmp_path, broker_url="rabbit://host")


@pytest.mark.parametrize("side", ["broker", "store"])
@pytest.mark.parametrize("file", ["ca_file", "cert_file"])
def test_a_certificate_for_a_connection_that_is_not_encrypted_is_refused(side: str, file: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{side}_ca_file and {side}_cert_file need TLS: rediss://"):
        Client(data_dir=tmp_path, **{f"{side}_url": "redis://r/0", f"{side}_{file}": tmp_path / "one.pem"})


def test_a_wrong_setting_is_named_and_passwords_are_not(tmp_path):
    with pytest.raises(SettingsError, match="soft_time_limit_s must not be over time_limit_s") as caught:
        read_settings(data_dir=tmp_path, broker_url="amqp://shop:geheim@host//", soft_time_limit_s=9, time_limit_s=1)

    assert "geheim" not in str(caught.value)


def test_the_environment_wins_over_the_file_and_an_argument_over_both(tmp_path, monkeypatch):
    (tmp_path / "storehand.toml").write_text("lease_s = 20\ndrain_s = 20\nwatch_s = 0.2\n", encoding="utf-8")
    monkeypatch.setenv("STOREHAND_CONFIG", str(tmp_path / "storehand.toml"))
    monkeypatch.setenv("STOREHAND_LEASE_S", "30")
    monkeypatch.setenv("STOREHAND_DRAIN_S", "30")

    settings = read_settings(drain_s=40)

    assert (settings.watch_s, settings.lease_s, settings.drain_s) == (0.2, 30, 40)


def test_a_file_with_a_knob_nobody_knows_is_refused(tmp_path, monkeypatch):
    (tmp_path / "storehand.toml").write_text("leese_s = 20\n", encoding="utf-8")
    monkeypatch.setenv("STOREHAND_CONFIG", str(tmp_path / "storehand.toml"))

    with pytest.raises(SettingsError, match="leese_s"):
        read_settings()
