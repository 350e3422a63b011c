"""What panels say of series that stand beside others: of other tenants of a cluster, of a second exporter."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from storehand_worker.operation.dashboards import DASHBOARDS
from storehand_worker.operation.preview.variables import Window, filled
from tests.conftest import require
from tests.dashboards.lint import panels
from tests.rules.promtool import promtool
from tests.rules.story import EXPORTER, POOL, at, held, rising, worker
from tests.servers import PrometheusServer

ALL = dict.fromkeys(("namespace", "release", "pool", "task", "model"), ".*")
SECOND = {**EXPORTER, "instance": "10.0.0.8:9464"}
OURS = at("storehand_pool_slots", {**EXPORTER, "pool": "chat"}, held(16, 10))
CHOSEN = {**ALL, "namespace": "prod", "release": "shop", "pool": "chat"}


def query(title: str, letter: str) -> str:
    """Of the overview."""
    document = json.loads(DASHBOARDS["overview"]())
    found = next(panel for panel in panels(document) if panel["title"] == title)
    expr: str = next(target["expr"] for target in found["targets"] if target["refId"] == letter)
    return expr


def deployments(*places: tuple[str, str], **more: str) -> Mapping[str, str]:
    """(namespace, name) -> 3 wanted, 1 ready."""
    found: dict[str, str] = {}
    for namespace, name in places:
        labels = {"namespace": namespace, "deployment": name, **more}
        found |= at("kube_deployment_spec_replicas", labels, held(3, 10))
        found |= at("kube_deployment_status_replicas_ready", labels, held(1, 10))
    return found


def jobs(metric: str, labels: Mapping[str, str], values: str) -> Mapping[str, str]:
    """Of two exporters that tell the same."""
    each = {"pool": "chat", "queue": "chat", "priority": "bulk", **labels}
    return {**at(metric, {**EXPORTER, **each}, values), **at(metric, {**SECOND, **each}, values)}


def ended(code: str, values: str) -> Mapping[str, str]:
    return at("storehand_jobs_total", {**worker(), "task": "chat", "outcome": "failed", "code": code}, values)


def devices(*namespaces: str) -> Mapping[str, str]:
    """Each its GPU, which two exporters on the node tell."""
    found: dict[str, str] = {}
    for number, namespace in enumerate(namespaces):
        for pod in ("dcgm-1", "dcgm-2"):
            labels = {"namespace": "gpu-operator", "exported_namespace": namespace, "pod": pod, "Hostname": "node-7"}
            found |= at("DCGM_FI_DEV_GPU_UTIL", {**labels, "gpu": str(number)}, held(50, 10))
    return found


def busy(number: int, in_hand: float, *, ready: float = 1) -> Mapping[str, str]:
    """A worker that takes 4 messages at once."""
    found: dict[str, str] = {}
    for name, value in {"slots": 4, "jobs_in_hand": in_hand, "ready": ready}.items():
        found |= at(f"storehand_{name}", worker(number), held(value, 10))
    return found


_READY = "pool:storehand_ready_workers:sum"
TWO_READY = at(_READY, POOL, held(2, 10))
WORKERS = {**busy(1, 8), **busy(2, 12), **busy(3, 7, ready=0)}
CLUSTER = deployments(("prod", "billing"), ("prod", "shop-frontend"), ("other", "shop-chat"))
ONE_BOX = {"storehand_jobs_in_hand{}": "6x9", "storehand_ready{}": "1x9", 'storehand_pool_slots{pool="default"}': "8x9",
           'pool:storehand_ready_workers:sum{pool="default"}': "1x9"}  # fmt: skip
ERRORS = "keda_scaler_detail_errors_total"
FOREIGN_KEDA = at(ERRORS, {"namespace": "other", "scaledObject": "theirs"}, rising(0, 60, 10))
OUR_KEDA = at(
    ERRORS, {"namespace": "keda", "exported_namespace": "prod", "scaledObject": "shop-chat"}, rising(0, 60, 10)
)

CASES = (
    ("slots are the engine's of ready workers, not messages",
     "Slots", "B", {**OURS, **TWO_READY, **WORKERS}, {'{pool="chat"}': 32}),
    ("what a worker that is not ready has in hand fills no slot of the others",
     "Slots in use", "A", {**OURS, **TWO_READY, **WORKERS}, {'{pool="chat"}': 20 / 32}),
    ("a box without labels is the pool default",
     "Slots in use", "A", ONE_BOX, {'{pool="default"}': 0.75}),
    ("without a ready worker there is no share",
     "Slots in use", "A", {**OURS, **busy(1, 4, ready=0), **at(_READY, POOL, held(0, 10))}, {}),
    ("other people's Deployments are no workers of ours",
     "Workers required, desired, ready", "C", {**OURS, **CLUSTER}, {}),
    ("Deployments are known by the chart's names, through honorLabels or not",
     "Workers required, desired, ready", "C",
     {**OURS, **CLUSTER, **deployments(("prod", "shop-chat")),
      **deployments(("monitoring", "shop-storehand-chat"), exported_namespace="prod")},
     {'{deployment="shop-chat"}': 3, '{deployment="shop-storehand-chat"}': 3}),
    ("a Deployment with a name of its own is known by the pods of its workers",
     "Workers required, desired, ready", "C",
     {**OURS, **at("storehand_slots", {**worker(), "pod": "my-name-7d9f6c-x2x4z"}, held(4, 10)),
      **deployments(("prod", "my-name"), ("prod", "my"))},
     {'{deployment="my-name"}': 3}),
    ("missing are workers of ours only",
     "Scaler: what makes it blind", "B", {**OURS, **CLUSTER, **deployments(("prod", "shop-chat"))}, {"{}": 2}),
    ("KEDA's errors in other namespaces are not ours",
     "Scaler: what makes it blind", "C", {**OURS, **FOREIGN_KEDA}, {}),
    ("KEDA's errors over our objects show where its own label stepped aside",
     "Scaler: what makes it blind", "C", {**OURS, **FOREIGN_KEDA, **OUR_KEDA}, {"{}": 1}),
    ("a source is away once, however many exporters miss it",
     "Scaler: what makes it blind", "A",
     {**at("storehand_exporter_up", {**EXPORTER, "source": "store"}, held(0, 10)),
      **at("storehand_exporter_up", {**SECOND, "source": "store"}, held(0, 10))}, {"{}": 1}),
    ("a GPU is in use once, and other namespaces' GPUs are not ours",
     "CPU and accelerators", "B", {**OURS, **devices("prod", "other")}, {'{Hostname="node-7",gpu="0"}': 0.5}),
    ("jobs wait once, however many exporters tell them",
     "Jobs waiting", "A",
     {**jobs("storehand_jobs_waiting", {"task": "chat"}, held(5, 10)),
      **jobs("storehand_jobs_waiting", {"task": "copy"}, held(2, 10))}, {'{priority="bulk"}': 7}),
    ("jobs are submitted once, however many exporters tell them",
     "Submitted", "A",
     jobs("storehand_jobs_submitted_total", {"task": "chat"}, rising(0, 60, 10)), {'{task="chat"}': 1}),
    ("codes that nobody meets are not drawn",
     "Did not succeed, by reason", "A", {**ended("poison", rising(0, 60, 10)), **ended("expired", held(0, 10))},
     {'{code="poison"}': 1}),
    ("when all goes well that is what the panel says",
     "Did not succeed, by reason", "A", {**ended("poison", held(3, 10)), **ended("expired", held(0, 10))},
     {'{code="none"}': 0}),
    ("messages lie in their queue once, however many exporters tell them",
     "Messages in queues", "A",
     {**jobs("storehand_queue_messages", {"state": "ready"}, held(3, 10)),
      **jobs("storehand_queue_messages", {"state": "in_hand"}, held(1, 10))},
     {'{priority="bulk",state="ready"}': 3, '{priority="bulk",state="in_hand"}': 1}),
    ("dead letters of two releases add up, of two exporters they do not",
     "Dead letters", "A",
     {**at("storehand_dead_letters", EXPORTER, held(2, 10)), **at("storehand_dead_letters", SECOND, held(2, 10)),
      **at("storehand_dead_letters", {**EXPORTER, "release": "outlet"}, held(1, 10))}, {"{}": 3}),
)  # fmt: skip


def _test(name: str, expr: str, given: Mapping[str, str], expected: Mapping[str, float]) -> dict[str, object]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in given.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": "9m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }


def evaluated(folder, tests):
    file = folder / "answers.test.json"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    return promtool("test", "rules", file)


@pytest.mark.parametrize("chosen", [ALL, CHOSEN], ids=["all", "one pool"])
def test_panels_count_what_is_ours_and_once(tmp_path, chosen):
    require(PrometheusServer)
    known = {**Window(0, 3600, 60).builtins(), **chosen}
    cases = CASES if chosen is ALL else [case for case in CASES if case[3] is not ONE_BOX and case[1] != "Dead letters"]

    tests = [_test(name, filled(query(title, ref), known), given, said) for name, title, ref, given, said in cases]
    done = evaluated(tmp_path, tests)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_of_a_whole_release_stays_when_a_pool_is_chosen(tmp_path):
    require(PrometheusServer)
    expr = filled(query("Dead letters", "A"), CHOSEN)

    done = evaluated(tmp_path, [_test("", expr, at("storehand_dead_letters", EXPORTER, held(2, 10)), {"{}": 2})])

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_answer_is_found_out(tmp_path):
    require(PrometheusServer)

    done = evaluated(tmp_path, [_test("", "vector(1)", {}, {"{}": 2})])

    assert done.returncode != 0
