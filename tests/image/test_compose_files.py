"""What the composition's servers read: our rules and dashboards, passwords that fit, rights that suffice."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import require
from tests.image.composition import FOLDER, ROOT, composition, mounts
from tests.servers import PrometheusServer
from tests.servers.server import program

SCRAPES = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> str:
    done = subprocess.run(["sh", FOLDER / "secrets.sh", folder], capture_output=True, text=True, check=True)
    return done.stdout


def _targets(job: dict[str, Any]) -> list[tuple[str, int]]:
    """(host, port) of a scrape job."""
    static = [each.split(":") for group in job.get("static_configs", []) for each in group["targets"]]
    found = [(host, int(port)) for host, port in static]
    return found + [(name, each["port"]) for each in job.get("dns_sd_configs", []) for name in each["names"]]


def test_prometheus_accepts_the_configuration():
    require(PrometheusServer)
    command = [program("promtool"), "check", "config", "--syntax-only", str(FOLDER / "prometheus.yml")]

    checked = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert checked.returncode == 0, checked.stderr


def test_prometheus_asks_our_services_where_they_answer_and_says_which_pool_they_are():
    services = composition()["services"]
    jobs = {each["job_name"]: each for each in SCRAPES["scrape_configs"]}
    hosts = {host for job in jobs.values() for host, _ in _targets(job)} - {"127.0.0.1"}

    assert hosts <= set(services)
    assert all("watch" in services[host]["networks"] for host in hosts)
    assert _targets(jobs["storehand-worker"]) == [("worker", 9464)]
    given = {each["target_label"]: each["replacement"] for each in jobs["storehand-worker"]["relabel_configs"]}
    assert given["pool"] in json.loads(services["exporter"]["environment"]["STOREHAND_POOLS"])
    (exporter,) = jobs["storehand-exporter"]["static_configs"]
    assert exporter["labels"] == {key: value for key, value in given.items() if key != "pool"}


def test_prometheus_reads_the_charts_rules_and_grafana_its_dashboards():
    services = composition()["services"]
    (pattern,) = SCRAPES["rule_files"]
    (provider,) = yaml.safe_load((FOLDER / "grafana/dashboards.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((FOLDER / "grafana/datasources.yaml").read_text())["datasources"]

    assert mounts(services["prometheus"])[str(Path(pattern).parent)] == "./helm/rules"
    assert mounts(services["grafana"])[provider["options"]["path"]] == "./helm/dashboards"
    assert list((ROOT / "helm/rules").glob("*.yaml"))
    for file in (ROOT / "helm/dashboards").glob("*.json"):
        variables = json.loads(file.read_text())["templating"]["list"]
        assert [each["query"] for each in variables if each["type"] == "datasource"] == [source["type"]]
    assert source["url"] == "http://prometheus:9090"


def test_the_secrets_are_made_once_for_this_user_alone_and_all_that_is_named(secrets):
    named = {Path(each["file"]).name for each in composition()["secrets"].values()}
    before = {file.name: file.read_text() for file in secrets.iterdir()}

    said = make_secrets(secrets)

    assert named <= set(before)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert "is complete" in said
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before


def test_secrets_of_which_some_are_lost_are_refused_for_new_passwords_would_not_fit(tmp_path):
    make_secrets(tmp_path)
    (tmp_path / "redis_users").unlink()
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}

    with pytest.raises(subprocess.CalledProcessError) as refused:
        make_secrets(tmp_path)

    assert "holds 5 of 6 files" in refused.value.stderr
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == before


def test_one_password_stands_in_all_files_of_its_server(secrets):
    redis = re.search(r"://storehand:(\w+)@redis:6379/0$", (secrets / "store_url").read_text().strip())
    rabbitmq = re.search(r"://storehand:(\w+)@rabbitmq:5672/storehand$", (secrets / "broker_url").read_text().strip())

    assert redis
    assert rabbitmq
    assert redis[1] != rabbitmq[1]
    assert len(redis[1]) == len(rabbitmq[1]) == 48
    assert f">{redis[1]} " in (secrets / "redis_users").read_text()
    (user,) = json.loads((secrets / "rabbitmq_definitions").read_text())["users"]
    assert user["password"] == rabbitmq[1]
    client = (secrets / "client.env").read_text()
    assert redis[1] in client
    assert rabbitmq[1] in client


def test_the_users_have_the_rights_that_security_md_names_and_no_more(secrets):
    redis = re.search(r"^ACL SETUSER storehand on >PASSWORD (.*)$", SECURITY, re.MULTILINE)
    rabbitmq = re.search(
        r"^rabbitmqctl set_permissions -p shop storehand '(.*)' '(.*)' '(.*)'$", SECURITY, re.MULTILINE
    )
    (said,) = json.loads((secrets / "rabbitmq_definitions").read_text())["permissions"]

    assert redis
    assert (secrets / "redis_users").read_text().rstrip().endswith(redis[1])
    assert rabbitmq
    assert (said["configure"], said["write"], said["read"]) == rabbitmq.groups()
