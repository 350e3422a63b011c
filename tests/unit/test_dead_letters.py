"""Dead letters come back: poison jobs as new ones, messages that can be read now, what the embedded queue gave up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from storehand import Client
from storehand.broker.database import Database
from storehand.broker.dead import dead_messages
from storehand.broker.depth import queue_depths
from storehand.broker.transport import queue_file
from storehand.cli.app import build_app
from storehand.dead_letters import Dead, DeadLetters
from storehand.errors import JobNotFound, Poison
from storehand.job import Job, Outcome, Priority, Status
from tests.unit import workers_hand


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "share").mkdir()
    with Client(
        data_dir=tmp_path,
        synchronous="NORMAL",
        payload_max_bytes=1024,
        payload_url=(tmp_path / "share").as_uri(),
    ) as client:
        yield client


@pytest.fixture
def letters(client: Client) -> DeadLetters:
    return DeadLetters(client)


def poison(client: Client, size: int = 10, **options: Any) -> Job:
    handle = client.submit_raw("tagline", {"text": "x" * size}, **options)
    workers_hand.answer(client.store, handle.id, Outcome.of_error(Poison("its worker died 4 times under this job")))
    return handle.job


def message(client: Client, kwargs: object, *, task: str = "storehand.tagline", reason: str = "unread") -> None:
    client.store.bury(queue="storehand", reason=reason, body=json.dumps([[], kwargs, {}]), task=task)


def only(letters: DeadLetters) -> Dead:
    [letter] = letters.find()
    return letter


class TestRetry:
    def test_a_poison_job_comes_back_as_a_new_one_like_it(self, client: Client, letters: DeadLetters) -> None:
        old = poison(client, tenant="shop", priority="interactive", subject="li", idempotency_key="k")

        [new_id] = letters.retry(only(letters))

        new = client.job(new_id).job
        assert (new.input, new.task, new.tenant) == (old.input, old.task, "shop")
        assert (new.priority, new.subject, new.parent) == (Priority.INTERACTIVE, "li", old.id)
        assert (new.status, new.crashes, new.idempotency_key) == (Status.QUEUED, 0, None)
        assert new.published_at is not None
        assert letters.find() == []
        assert client.store.history(old.id)[-1].data == {"job_id": new_id}
        assert client.job(old.id).status is Status.FAILED

    def test_one_with_a_large_input_gets_a_copy_of_its_own(self, client: Client, letters: DeadLetters) -> None:
        old = poison(client, size=5000)

        [new_id] = letters.retry(only(letters))

        new = client.job(new_id).job
        assert new.payload_ref not in (None, old.payload_ref)
        assert client.payloads.whole(new).input == {"text": "x" * 5000}

    def test_a_retry_that_was_cut_short_makes_no_second_job(self, client: Client, letters: DeadLetters) -> None:
        poison(client)
        letter = only(letters)

        assert letters.retry(letter) == letters.retry(letter)
        assert len(client.jobs()) == 2

    def test_a_message_of_a_task_that_has_its_plugin_now_is_read_again(
        self, client: Client, letters: DeadLetters
    ) -> None:
        message(client, {"inputs": [{"a": 1}, {"a": 2}], "options": {"tenant": "t", "priority": "bulk"}})

        ids = letters.retry(only(letters))

        jobs = [client.job(each).job for each in ids]
        assert [(job.input, job.tenant, job.priority) for job in jobs] == [
            ({"a": 1}, "t", Priority.BULK),
            ({"a": 2}, "t", Priority.BULK),
        ]
        assert letters.find() == []

    def test_a_message_that_rang_for_jobs_rings_again_for_those_that_wait(
        self, client: Client, letters: DeadLetters
    ) -> None:
        waits, ended = client.submit_raw("tagline", {}).id, client.submit_raw("tagline", {}).id
        client.job(ended).cancel()
        message(client, {"jobs": [waits, ended, "nobody"]})

        assert letters.retry(only(letters)) == [waits]

    @pytest.mark.parametrize(
        ("kwargs", "task", "why"),
        [
            ({"nonsense": 1}, "storehand.tagline", "exactly one of input"),
            ({"input": {}}, "shop.other", "is not called storehand"),
            ({"input": {"reviews": "none"}}, "storehand.sentiment", "does not fit sentiment"),
            ({"jobs": ["gone"]}, "storehand.tagline", "are running, have ended, or are gone"),
            ("no mapping", "storehand.tagline", "no Celery message"),
        ],
    )
    def test_what_still_can_not_be_read_stays_with_the_reason(
        self, client: Client, letters: DeadLetters, kwargs: object, task: str, why: str
    ) -> None:
        message(client, kwargs, task=task)

        told = _cli(client, "retry", "1")

        assert told.exit_code == 1
        assert told.stdout.startswith("1: stays: ")
        assert why in told.stdout
        assert len(letters.find()) == 1
        assert client.jobs() == []

    def test_a_body_that_is_no_json_stays(self, client: Client, letters: DeadLetters) -> None:
        client.store.bury(queue="q", reason="r", body='{"jobs', task="storehand.tagline")
        client.store.bury(queue="q", reason="r", body="x", job_id="gone")

        told = _cli(client, "retry", "--all", "--yes")

        assert told.exit_code == 1
        assert "no readable Celery message" in told.stdout
        assert "nobody knows what it asked for" in told.stdout
        assert len(letters.find()) == 2

    def test_an_erased_job_does_not_come_back(self, client: Client, letters: DeadLetters) -> None:
        old = poison(client)
        letter = only(letters)
        client.erase([old.id])
        client.store.bury(queue=letter.queue, reason=letter.reason, body="{}", job_id=old.id)

        assert "deleted on request" in _cli(client, "retry", "--all", "--yes").stdout


class TestChoosing:
    def test_filters_choose_by_parts_of_reason_and_queue(self, client: Client, letters: DeadLetters) -> None:
        for queue, reason in (("shop.text", "No JSON"), ("shop.text", "unsigned"), ("shop.encoder", "no json")):
            client.store.bury(queue=queue, reason=reason, body="x")

        assert [each.id for each in letters.find(reason="no json")] == ["3", "1"]
        assert [each.id for each in letters.find(reason="no json", queue="text")] == ["1"]
        assert [each.id for each in letters.find(limit=1)] == ["3"]
        assert letters.count() == 3

    def test_those_that_are_not_there_are_named(self, letters: DeadLetters) -> None:
        with pytest.raises(JobNotFound, match="no dead letter 7, q2, x"):
            letters.get(["7", "q2", "x"])

    def test_what_is_chosen_is_dropped_and_the_rest_stays(self, client: Client, letters: DeadLetters) -> None:
        for reason in ("a", "b", "c"):
            client.store.bury(queue="q", reason=reason, body="x")

        assert _cli(client, "drop", "2", "--yes").exit_code == 0
        asked = _cli(client, "drop", "--all", "--reason", "a", stdin="n\n")

        assert asked.exit_code == 1
        assert "1 dead letter(s). Delete them?" in asked.stderr
        assert [each.reason for each in letters.find()] == ["c", "a"]
        assert json.loads(_cli(client, "drop", "--all", "-y", "--json").stdout) == {"dropped": 2}

    @pytest.mark.parametrize("args", [("drop",), ("drop", "1", "--all"), ("retry",), ("retry", "1", "--reason", "x")])
    def test_ids_or_all_are_needed(self, client: Client, args: tuple[str, ...]) -> None:
        client.store.bury(queue="q", reason="r", body="x")

        assert _cli(client, *args).exit_code == 2
        assert client.store.stats().dead_letters == 1


class TestEmbeddedQueue:
    @pytest.fixture
    def queue(self, client: Client) -> Path:
        """With one dead message."""
        client.submit_raw("tagline", {})
        path = Path(queue_file(client.settings.broker_url.get_secret_value()))
        database = Database(path)
        with database.transaction(wait_s=5) as db:
            db.execute(
                "INSERT INTO dead(queue, deliveries, at, reason, envelope, body)"
                " SELECT queue, 9, 1700000000.0, 'delivered too often', envelope, body FROM message"
            )
            db.execute("DELETE FROM message")
        database.close()
        return path

    def test_its_dead_messages_are_listed_beside_the_stores_and_shown(
        self, client: Client, letters: DeadLetters, queue: Path
    ) -> None:
        client.store.bury(queue="q", reason="r", body="x")

        assert [(each.id, each.reason) for each in letters.find()] == [("1", "r"), ("q1", "delivered too often")]
        assert letters.count() == 2
        assert "jobs" in _cli(client, "show", "q1").stdout

    def test_one_goes_back_to_its_queue(self, client: Client, queue: Path) -> None:
        told = _cli(client, "retry", "q1")

        assert (told.exit_code, told.stdout) == (0, "q1: back in its queue\n")
        assert dead_messages(queue) == []
        assert sum(ready for ready, _ in queue_depths(queue).values()) == 1

    def test_one_is_dropped(self, client: Client, letters: DeadLetters, queue: Path) -> None:
        assert letters.drop(letters.find()) == 1
        assert dead_messages(queue) == []


def _cli(client: Client, *args: str, stdin: str | None = None) -> Any:
    folder = str(client.settings.data_dir)
    environment = {
        "STOREHAND_PAYLOAD_MAX_BYTES": "1024",
        "STOREHAND_PAYLOAD_URL": (client.settings.data_dir / "share").as_uri(),
    }
    return CliRunner(env=environment).invoke(build_app(), ["dead", *args, "--data-dir", folder], input=stdin)
