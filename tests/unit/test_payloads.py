"""Inputs too large for a row: they lie beside the store, come back whole, and go with their job."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.errors import (
    IdempotencyConflict,
    PayloadLost,
    PayloadTooLarge,
    RateLimited,
    SettingsError,
    StorehandError,
    Unavailable,
)
from storehand.job import Job
from storehand.payloads import Payloads
from storehand.settings import read_settings

Open = Callable[..., Client]
LARGE = {"text": "水" * 1000}


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def open_client(tmp_path: Path, share: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_(**settings: Any) -> Client:
            given = {"payload_max_bytes": 1024, "payload_url": share.as_uri(), "synchronous": "NORMAL", **settings}
            return stack.enter_context(Client(data_dir=tmp_path / "data", **given))

        yield open_


@pytest.fixture
def client(open_client: Open) -> Client:
    return open_client()


def files(share: Path) -> list[Path]:
    return [path for path in share.rglob("*") if path.is_file()]


def large(client: Client, **options: Any) -> Job:
    return client.submit_raw("tagline", LARGE, **options).job


def test_a_large_input_lies_beside_the_store_and_comes_back_whole(client: Client, share: Path) -> None:
    job = large(client, tenant="shop")

    assert job.input == {}
    assert job.payload_ref is not None
    assert [path.relative_to(share).as_posix() for path in files(share)] == [job.payload_ref]
    assert job.payload_ref.startswith("shop/")
    assert client.payloads.whole(job).input == LARGE


def test_a_small_input_stays_in_its_row(client: Client, share: Path) -> None:
    job = client.submit_raw("tagline", {"text": "small"}).job

    assert (job.input, job.payload_ref) == ({"text": "small"}, None)
    assert client.payloads.whole(job) is job
    assert files(share) == []


def test_nobody_but_owner_and_group_may_read_it(client: Client, share: Path) -> None:
    large(client)

    assert all(stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO == 0 for path in share.rglob("*"))


def test_the_same_key_gives_the_same_job_and_leaves_one_file(client: Client, share: Path) -> None:
    first = large(client, idempotency_key="k")

    assert large(client, idempotency_key="k").id == first.id
    assert len(files(share)) == 1
    with pytest.raises(IdempotencyConflict):
        client.submit_raw("tagline", {"text": "火" * 1000}, idempotency_key="k")
    assert len(files(share)) == 1


def test_a_key_means_the_same_input_wherever_it_lies(open_client: Open) -> None:
    first = large(open_client(), idempotency_key="k")

    assert large(open_client(payload_max_bytes=100_000), idempotency_key="k").id == first.id


def test_two_jobs_with_the_same_input_do_not_share_a_file(client: Client, share: Path) -> None:
    gone, stays = large(client), large(client)

    client.payloads.delete([gone.payload_ref])

    assert client.payloads.whole(stays).input == LARGE


def test_a_refused_job_leaves_no_file(open_client: Open, share: Path) -> None:
    client = open_client(tenant_limits={"*": {"jobs_per_s": 0.01, "burst": 1}})
    large(client)

    with pytest.raises(RateLimited):
        large(client)

    assert len(files(share)) == 1


def test_without_a_place_the_error_names_the_setting(open_client: Open) -> None:
    with pytest.raises(PayloadTooLarge, match="payload_url"):
        large(open_client(payload_url=None))


def test_what_is_too_large_for_the_place_is_refused(open_client: Open, share: Path) -> None:
    with pytest.raises(PayloadTooLarge, match="payload_ref_max_bytes is 2048"):
        large(open_client(payload_ref_max_bytes=2048))

    assert files(share) == []


def test_while_the_place_is_away_nothing_is_accepted_and_no_folder_made(client: Client, share: Path) -> None:
    share.rmdir()

    with pytest.raises(Unavailable, match="payload_url"):
        large(client)

    assert client.jobs() == []
    assert not share.exists()


def test_a_write_that_fails_leaves_nothing_behind(client: Client, share: Path) -> None:
    (share / "default").write_text("a file where the tenant's folder should be")

    with pytest.raises(Unavailable, match="written"):
        large(client)

    assert [path.name for path in files(share)] == ["default"]
    assert client.jobs() == []


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.unlink(), PayloadLost),
        (lambda path: path.write_text('{"text": "another"}'), PayloadLost),
        (lambda path: path.write_bytes(b"\xff\xfe"), PayloadLost),
        (lambda path: path.parent.rename(path.parent.with_name("moved")), PayloadLost),
        (lambda path: path.parent.parent.rename(path.parent.parent.with_name("unmounted")), Unavailable),
    ],
)
def test_an_input_that_is_gone_or_damaged_is_told_from_a_place_that_is_away(
    client: Client, share: Path, spoil: Callable[[Path], object], error: type[StorehandError]
) -> None:
    job = large(client)
    spoil(share / str(job.payload_ref))

    with pytest.raises(error):
        client.payloads.whole(job)


@pytest.mark.parametrize("ref", ["../../etc/passwd", "/etc/passwd", "a/b", f"a/../{'0' * 64}-x.json", "a/x.json"])
def test_a_row_can_name_nothing_outside_the_place(client: Client, ref: str) -> None:
    job = replace(large(client), payload_ref=ref)

    with pytest.raises(PayloadLost, match="does not name"):
        client.payloads.whole(job)
    client.payloads.delete([ref])


@pytest.mark.parametrize("tenant", ["..", "a/b", ".", "店", "a b%2F"])
def test_any_tenant_gets_a_folder_of_its_own_beneath_the_place(client: Client, share: Path, tenant: str) -> None:
    job = large(client, tenant=tenant)

    assert client.payloads.whole(job).input == LARGE
    assert [path.parent.parent for path in files(share)] == [share]


def test_a_worker_without_the_setting_leaves_the_job_to_others(client: Client) -> None:
    with pytest.raises(Unavailable, match="payload_url"):
        Payloads(None).whole(large(client))


@pytest.mark.parametrize(
    "url", ["memory://x", "/shared/payloads", "file://host/payloads", "file://payloads", "payloads"]
)
def test_a_url_that_can_hold_nothing_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="payload_url"):
        read_settings(payload_url=url)


def test_other_storage_is_written_and_read_through_fsspec(open_client: Open, share: Path) -> None:
    client = open_client(payload_url=f"local://{share}")  # fsspec's own file system stands for a bucket
    (share / "default").mkdir()

    job = large(client)

    assert client.payloads.whole(job).input == LARGE
    client.payloads.delete([job.payload_ref, job.payload_ref])
    assert files(share) == []
    with pytest.raises(PayloadLost):
        client.payloads.whole(job)


def test_a_kind_of_storage_that_is_not_installed_says_what_to_install(open_client: Open) -> None:
    with pytest.raises(SettingsError, match="nosuch") as caught:
        large(open_client(payload_url="nosuch://bucket/prefix"))

    assert "storehand[payloads]" in caught.value.details["advice"]


def test_a_large_input_in_a_chunk_is_moved_out_alone(open_client: Open, share: Path) -> None:
    from storehand.contracts import SentimentInput

    reviews = [SentimentInput(reviews=[{"id": "1", "reviewBody": text}]) for text in ("好", "好" * 1000)]  # type: ignore[list-item]  # pydantic reads plain data
    handles = open_client().submit_many(reviews)

    assert [handle.job.payload_ref is None for handle in handles] == [True, False]
    assert len(files(share)) == 1
