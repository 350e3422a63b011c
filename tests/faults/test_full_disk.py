"""A disk that is full: submits are refused, nothing is half-written, and work goes on once there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storehand import Client
from storehand.errors import Unavailable
from storehand.job import Status
from storehand.settings import Settings
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.rigs import small_disk
from tests.rigs.small_disk import fill


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if reason := small_disk.why_not():
        pytest.skip(reason)
    with small_disk.small_disk(tmp_path / "disk", size_mib=16) as folder:
        yield folder


def test_a_full_disk_refuses_submits_and_keeps_what_stands(disk: Path) -> None:
    with Client(Settings(data_dir=disk, synchronous="NORMAL")) as client:
        first = client.submit(ProbeInput(text="first"))
        ballast = fill(disk)
        promised, error = submit_until_refused(client)

        assert error.details["job_ids"]
        assert client.store.get(error.details["job_ids"]) == {}
        ballast.unlink()
        later = client.submit(ProbeInput(text="later"))
        assert {job.id for job in client.jobs(limit=500)} == {first.id, later.id, *promised}


def submit_until_refused(client: Client) -> tuple[list[str], Unavailable]:
    """The log of SQLite may have some room left."""
    promised = []
    for number in range(400):
        try:
            promised.append(client.submit(ProbeInput(text="x" * 20_000 + str(number))).id)
        except Unavailable as error:
            return promised, error
    raise AssertionError("the disk never was full")


def test_a_worker_on_a_full_disk_answers_when_there_is_room_again(disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    shop = Shop(folder, data_dir=str(disk))
    with Client(shop.settings) as client, shop.worker():
        running = [client.submit(ProbeInput(work_s=1.0)) for _ in range(8)]
        ballast = fill(disk)
        submit_until_refused(client)
        ballast.unlink()

        assert [handle.outcome(timeout=30).code for handle in running] == ["ok"] * 8
        assert client.store.stats().by_status.get(Status.FAILED, 0) == 0
