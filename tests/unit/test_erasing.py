"""Erasure on request: by the client, for asyncio, and on the command line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from storehand import Client
from storehand.aclient import AsyncClient
from storehand.cli.app import build_app
from storehand.erasing import Erasure
from storehand.errors import Erased, InvalidInput, Unavailable
from storehand.job import Outcome, Status
from tests.unit import workers_hand
from tests.waiting import until

OK = Outcome.succeeded({"text": "Dear Ms Li"})


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, share: Path) -> dict[str, Any]:
    url = share.as_uri()
    return {"data_dir": tmp_path, "synchronous": "NORMAL", "payload_url": url, "payload_max_bytes": 1024}


@pytest.fixture
def client(settings: dict[str, Any]) -> Iterator[Client]:
    with Client(**settings) as client:
        yield client


def submitted(client: Client, subject: str | None = "li", size: int = 10, **options: Any) -> str:
    return client.submit_raw("tagline", {"letter": "x" * size}, subject=subject, **options).id


def test_all_jobs_about_a_person_are_erased_whatever_their_state(client: Client, share: Path) -> None:
    queued, answered, large, other = (
        submitted(client),
        submitted(client),
        submitted(client, size=5000),
        submitted(client, "wang"),
    )
    workers_hand.answer(client.store, answered, OK)

    report = client.erase(subject="li")

    assert set(report.erased) == {queued, answered, large}
    assert (report.running, report.unknown, report.is_complete) == ((), (), True)
    assert [client.job(each).job.input for each in report.erased] == [{}] * 3
    assert client.job(other).job.input != {}
    assert client.jobs(subject="li") == []
    assert [path for path in share.rglob("*") if path.is_file()] == []


def test_the_result_of_an_erased_job_says_so(client: Client) -> None:
    job_id = submitted(client)
    workers_hand.answer(client.store, job_id, OK)
    client.erase([job_id])

    with pytest.raises(Erased, match="deleted on request"):
        client.job(job_id).result(timeout=0)


def test_a_running_job_is_stopped_and_erased_as_soon_as_it_has_ended(client: Client) -> None:
    job = workers_hand.start(client.store, submitted(client))
    reports: list[Erasure] = []
    thread = threading.Thread(target=lambda: reports.append(client.erase(subject="li", timeout=10)))
    thread.start()
    until(lambda: client.job(job.id).job.cancel_requested_at)

    workers_hand.end(client.store, job, OK)
    thread.join(10)

    assert reports == [Erasure((job.id,))]
    assert client.job(job.id).job.input == {}


def test_one_that_will_not_stop_is_named_and_erased_by_the_next_call(client: Client) -> None:
    job = workers_hand.start(client.store, submitted(client))
    queued = submitted(client)

    report = client.erase(subject="li", timeout=0.05)

    assert report == Erasure((queued,), running=(job.id,))
    assert not report.is_complete
    workers_hand.end(client.store, job, OK)
    assert client.erase(subject="li") == Erasure((job.id,))


def test_ids_without_a_job_and_jobs_of_other_tenants_are_unknown(client: Client) -> None:
    mine, other = submitted(client), submitted(client, tenant="other")

    report = client.erase([mine, other, "nobody"], tenant="default")

    assert report == Erasure((mine,), unknown=(other, "nobody"))
    assert client.job(other).job.input != {}


def test_a_subject_is_looked_for_among_its_tenant_only_where_one_is_named(client: Client) -> None:
    mine, other = submitted(client), submitted(client, tenant="other")

    assert client.erase(subject="li", tenant="default") == Erasure((mine,))
    assert client.erase(subject="li") == Erasure((other,))


@pytest.mark.parametrize("asked", [{}, {"tenant": "default"}, {"job_ids": ["x"], "subject": "li"}])
def test_neither_all_nor_both_can_be_asked_for(client: Client, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="one of them"):
        client.erase(**asked)


def test_more_jobs_than_a_page_are_erased(client: Client) -> None:
    ids = {submitted(client) for _ in range(3)} | {
        handle.id
        for handle in client.submit_many(
            [_chat() for _ in range(600)], subjects=["li"] * 600, idempotency_keys=map(str, range(600))
        )
    }

    assert set(client.erase(subject="li").erased) == ids


def _chat() -> Any:
    from storehand.contracts import DescriptionInput

    return DescriptionInput(product="Kettle")  # type: ignore[arg-type]  # one line is enough


def test_while_a_stored_input_can_not_be_deleted_its_row_still_knows_it(client: Client, share: Path) -> None:
    job_id = submitted(client, size=5000)
    share.rename(share.with_name("away"))

    with pytest.raises(Unavailable):
        client.erase(subject="li")

    assert client.job(job_id).job.payload_ref is not None
    share.with_name("away").rename(share)
    assert client.erase(subject="li") == Erasure((job_id,))
    assert [path for path in share.rglob("*") if path.is_file()] == []


def test_asyncio_erases_too(settings: dict[str, Any], client: Client) -> None:
    async def story() -> Erasure:
        async with AsyncClient(**settings) as opened:
            handle = await opened.submit_raw("tagline", {}, subject="li")
            assert [job.id for job in await opened.jobs(subject="li")] == [handle.id]
            return await opened.erase(subject="li", timeout=5)

    report = asyncio.run(story())

    assert client.job(report.erased[0]).status is Status.CANCELLED


class TestCommandLine:
    @pytest.fixture
    def cli(self, tmp_path: Path, client: Client) -> Any:
        def run(*args: str, stdin: str | None = None) -> Any:
            return CliRunner().invoke(build_app(), ["erase", *args, "--data-dir", str(tmp_path)], input=stdin)

        return run

    def test_it_asks_and_does_nothing_without_a_yes(self, cli: Any, client: Client) -> None:
        job_id = submitted(client)

        refused = cli("--subject", "li", stdin="n\n")

        assert refused.exit_code == 1
        assert "1 job(s): 1 queued. Erase them?" in refused.stderr
        assert client.job(job_id).status is Status.QUEUED
        agreed = cli("--subject", "li", stdin="y\n")
        assert agreed.exit_code == 0
        assert agreed.stdout.endswith(f"{job_id}\n")
        assert client.job(job_id).status is Status.CANCELLED

    def test_a_dry_run_names_them_and_touches_nothing(self, cli: Any, client: Client) -> None:
        job_id = submitted(client)

        told = cli("--subject", "li", "--dry-run")

        assert told.stdout == f"{job_id}  tagline  queued\n"
        assert json.loads(cli(job_id, "x", "--dry-run", "--json").stdout) == {"would_erase": [job_id], "unknown": ["x"]}
        assert client.job(job_id).status is Status.QUEUED

    def test_what_still_runs_is_named_and_the_command_fails(self, cli: Any, client: Client) -> None:
        job = workers_hand.start(client.store, submitted(client))

        told = cli(job.id, "--yes", "--timeout", "0.05s")

        assert told.exit_code == 3
        assert f"still running, asked to stop: {job.id}" in told.stderr

    def test_nothing_to_erase_is_no_failure_and_no_question(self, cli: Any) -> None:
        told = cli("--subject", "nobody")

        assert (told.exit_code, told.stdout) == (0, "")
        assert "nothing to erase" in told.stderr

    @pytest.mark.parametrize("args", [(), ("x", "--subject", "y")])
    def test_ids_or_a_subject_are_needed(self, cli: Any, args: tuple[str, ...]) -> None:
        assert cli(*args).exit_code == 2
