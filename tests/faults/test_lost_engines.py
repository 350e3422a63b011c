"""A device that breaks or hangs for good takes its worker with it, never a job."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storehand import Client
from storehand.job import Job, Status
from storehand.settings import ModelBinding
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.waiting import until


def fake(*, stuck_after_s: float = 60.0, **options: Any) -> str:
    """The setting `models`: two slots, so that most jobs wait while two are being computed."""
    binding = ModelBinding(
        engine="fake", model="fake", slots=2, stuck_after_s=stuck_after_s,
        options={"step_s": 0.01, "words": 10, **options},
    )  # fmt: skip
    return json.dumps({"text": binding.model_dump(exclude_unset=True)})


def ask(text: str, *, work_s: float = 0.0) -> ProbeInput:
    return ProbeInput(mode="ask", text=text, work_s=work_s)


def rows(client: Client, handles: list[Any]) -> list[Job]:
    return list(client.store.get([handle.id for handle in handles]).values())


def test_a_broken_device_ends_its_worker_and_the_next_one_answers_everybody(shop: Shop, client: Client) -> None:
    with shop.worker(models=fake(break_on="break", step_s=0.05)) as worker:
        handles = [client.submit(ask("break it" if number == 3 else f"bag {number}")) for number in range(13)]
        assert worker.wait() == 1
    left = rows(client, handles)

    with shop.worker(name="w2", models=fake()):
        assert [handle.outcome(timeout=20).code for handle in handles] == ["ok"] * 13

    assert "fake is dead: AcceleratorError: CUDA error" in worker.log_text()
    assert sum(row.status is Status.RUNNING for row in left) <= 2  # what the device had: these are suspects
    assert sum(row.status is Status.QUEUED for row in left) >= 3
    assert all(row.attempts == 1 for row in rows(client, handles) if not row.crashes)
    assert sum(row.crashes for row in rows(client, handles)) <= 2


@pytest.mark.long
def test_a_job_that_breaks_every_device_is_found_and_ends_as_poison(shop: Shop, client: Client) -> None:
    shop.overrides["max_crashes"] = 1
    breaker = client.submit(ask("break it", work_s=0.5))
    innocents = [client.submit(ask(f"bag {number}", work_s=0.5)) for number in range(6)]

    deaths = 0
    while breaker.status is not Status.FAILED:
        with shop.worker(name=f"w{deaths}", models=fake(break_on="break")) as worker:
            until(lambda: worker.exit_code() is not None or breaker.status is Status.FAILED, timeout_s=30)
            deaths += worker.exit_code() is not None
            if breaker.status is Status.FAILED:
                ends = [handle.outcome(timeout=20).code for handle in innocents]

    assert breaker.outcome(timeout=1).code == "poison"
    assert ends == ["ok"] * 6
    assert deaths == 2


@pytest.mark.long
def test_a_step_that_does_not_end_makes_the_worker_leave_and_the_next_one_answers(shop: Shop, client: Client) -> None:
    with shop.worker(models=fake(stick_on="stick", stuck_after_s=0.5)) as worker:
        assert client.submit(ask("first")).outcome(timeout=20).code == "ok"
        handles = [client.submit(ask(text)) for text in ("stick here", "bag", "jacket", "shoe")]
        assert worker.wait() == 1

    with shop.worker(name="w2", models=fake()):
        assert [handle.outcome(timeout=20).code for handle in handles] == ["ok"] * 4

    assert "fake is dead: stuck: no step has ended" in worker.log_text()
