"""The description task through a real worker whose text model stands behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from storehand import Client
from storehand.contracts import DescriptionInput
from storehand.errors import Cancelled
from tests.openai_server import MODEL, Fault, OpenAIServer
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

KEY = "sk-pipeline-secret-7"
KETTLE = "Kettle, 1.7 L, stainless steel"


def write(prompt: str, seed: int) -> str:
    if "电热水壶" in prompt:
        return "标题：电热水壶 1.7升\n描述：这款电热水壶容量1.7升，采用不锈钢材质。日常烧水用它正合适。"
    return (
        "Title: Kettle, 1.7 L\n"
        "Description: This kettle holds 1.7 L and is made of stainless steel. It stands ready in your kitchen."
    )


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(reply=write, key=KEY, step_s=0.002) as opened:
        yield opened


@pytest.fixture(scope="module")
def worker(shop: Shop, server: OpenAIServer) -> Iterator[WorkerProcess]:
    options = {"base_url": server.url, "api_key_env": "SHOP_MODEL_KEY", "backoff_s": 0.05}
    models = {"text": {"engine": "openai", "model": MODEL, "slots": 4, "max_tokens": 4096, "options": options}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_MODEL_KEY", KEY)
        running = shop.worker(plugins='["description"]', models=json.dumps(models), log_level="DEBUG")
        with running:
            yield running


def test_texts_are_the_endpoint_s_in_both_languages_and_stream(client: Client, worker: WorkerProcess) -> None:
    english = client.submit(DescriptionInput(product=KETTLE))
    chinese = client.submit(DescriptionInput(product="电热水壶，1.7升，不锈钢"))
    streamed = "".join(english.text_stream(timeout=20))

    for job, word in ((english, "1.7 L"), (chinese, "不锈钢")):
        output = job.result(timeout=20)
        assert output.best.written_by == "model"
        assert word in output.best.description
        assert output.provenance.model == MODEL
        assert output.usage.completion_tokens > 0
    assert "kettle" in streamed.lower()


def test_a_failing_endpoint_is_asked_again_and_the_job_is_answered(
    client: Client, worker: WorkerProcess, server: OpenAIServer
) -> None:
    server.fail(Fault(status=503), Fault("cut"), Fault(status=429, headers={"Retry-After": "0.1"}))

    assert client.submit(DescriptionInput(product=KETTLE, seed=3)).result(timeout=20).best.written_by == "model"


def test_a_cancelled_job_lets_go_of_the_endpoint(client: Client, worker: WorkerProcess, server: OpenAIServer) -> None:
    server.forget()
    server.fail(Fault("hang"))
    job = client.submit(DescriptionInput(product=KETTLE, seed=4))
    until(lambda: server.running == 1)

    job.cancel()

    with pytest.raises(Cancelled):
        job.result(timeout=10)
    until(lambda: server.left == 1 and server.running == 0)


def test_the_key_is_in_no_log(client: Client, worker: WorkerProcess, server: OpenAIServer) -> None:
    server.key = "changed"
    try:
        client.submit(DescriptionInput(product=KETTLE, seed=5)).outcome(timeout=20)
    finally:
        server.key = KEY

    assert "SHOP_MODEL_KEY" in worker.log_text()
    assert KEY not in worker.log_text()
