"""From tallies to figures: whose jobs they are, how fast they come, how many workers that takes."""

from __future__ import annotations

import pytest

from storehand.job import Priority
from storehand.pools import Pool
from storehand.scaling import Demand, required_workers
from storehand.settings import Settings
from storehand.store.state import Tally, Upkeep
from storehand_worker.exporter.figures import LEADERLESS_S, Accounts, Figures
from storehand_worker.exporter.plan import NO_POOL, Labels, plan_of
from storehand_worker.exporter.readings import StoreReading
from storehand_worker.exporter.windows import Counts, Windows

CHAT = Labels("fast", "storehand.text.interactive", "chat", "interactive")


def settings(tmp_path, **pools: Pool) -> Settings:
    return Settings(data_dir=tmp_path, pools=pools)


class Shop:
    """A store that says what a test wants, read on a clock of its own."""

    def __init__(self, settings: Settings) -> None:
        self.now = 0.0
        self.accounts = Accounts(plan_of(settings), clock=lambda: self.now)
        self.leader: str | None = "w1"

    def read(self, *tallies: Tally, after_s: float = 5.0) -> Figures:
        self.now += after_s
        return self.accounts.figures(StoreReading(1000.0 + self.now, tallies, Upkeep(self.leader, 0, 0)))


def chat(**counts: float) -> Tally:
    return Tally("chat", Priority.INTERACTIVE, **counts)  # type: ignore[arg-type]  # the tests name real fields


def test_without_pools_one_pool_owns_everything(tmp_path):
    plan = plan_of(settings(tmp_path))

    assert list(plan.pools) == ["default"]
    assert {labels.pool for labels in plan.labels.values()} == {"default"}


def test_of_two_pools_that_serve_a_family_the_first_owns_it_and_the_log_says_so(tmp_path, caplog):
    plan = plan_of(settings(tmp_path, fast=Pool(families=("text",)), all=Pool(families=("text", "encoder", "default"))))

    assert plan.owners == {"text": "fast", "encoder": "all", "default": "all"}
    assert "pools fast and all both serve text" in caplog.text


def test_jobs_of_a_family_that_no_pool_serves_are_seen_as_unserved(tmp_path, caplog):
    shop = Shop(settings(tmp_path, fast=Pool(families=("text", "default"))))
    found = shop.read(Tally("sentiment", Priority.BULK, waiting=3, scheduled=2), chat(waiting=1))

    assert found.unserved == 5
    assert found.jobs[Labels(NO_POOL, "storehand.encoder.bulk", "sentiment", "bulk")].waiting == 3
    assert "no pool serves encoder" in caplog.text


def test_tasks_that_no_route_names_are_summed_as_other(tmp_path):
    shop = Shop(settings(tmp_path))
    found = shop.read(Tally("a", Priority.BULK, waiting=1), Tally("b", Priority.BULK, waiting=2))

    assert found.jobs[Labels("default", "storehand.default.bulk", "other", "bulk")].waiting == 3


def test_every_known_task_and_priority_has_its_figures_from_the_start(tmp_path):
    plan = plan_of(settings(tmp_path))
    found = Shop(settings(tmp_path)).read()

    assert set(found.jobs) == set(plan.labels.values())
    assert len(found.jobs) == (len(Settings(data_dir=tmp_path).routes) + 1) * len(Priority)


def test_the_oldest_job_waits_since_it_was_due(tmp_path):
    shop = Shop(settings(tmp_path, fast=Pool(families=("text",))))

    assert shop.read(chat(waiting=1, oldest_due_at=990.0)).jobs[CHAT].oldest_s == 15.0


def test_workers_are_asked_for_by_the_rule(tmp_path):
    pool = Pool(families=("text",), slots=8, max_workers=50)
    shop = Shop(settings(tmp_path, fast=pool))
    shop.read(chat(submitted=0), after_s=0)
    found = shop.read(chat(submitted=240, finished=100, busy_s=300.0, waiting=40), after_s=120)
    demand = Demand(Priority.INTERACTIVE, arrivals_per_s=2.0, waiting=40, service_s=3.0)

    assert found.needs["fast"].required == pytest.approx(required_workers(pool, [demand]))
    assert found.needs["fast"].work_waiting_s == pytest.approx(40 * 3.0 / 8)
    assert found.needs["fast"].desired == -(-found.needs["fast"].required // 1)


def test_claimed_jobs_wait_again_once_nobody_has_led_for_a_minute(tmp_path):
    shop = Shop(settings(tmp_path, fast=Pool(families=("text",))))
    led = shop.read(chat(running=4)).jobs[CHAT]
    shop.leader = None
    gap = shop.read(chat(running=4), after_s=LEADERLESS_S - 1).jobs[CHAT]
    gone = shop.read(chat(running=4), after_s=2)

    assert (led.waiting, gap.waiting, gone.jobs[CHAT].waiting, gone.jobs[CHAT].running) == (0, 0, 4, 0)
    assert (gap.oldest_s, gone.jobs[CHAT].oldest_s) == (0.0, LEADERLESS_S + 1)  # what no alert would see otherwise
    assert gone.needs["fast"].required > 0


class TestWindows:
    def test_arrivals_are_those_of_the_last_two_minutes(self):
        windows = Windows[str]()
        for at in range(0, 605, 5):
            windows.look(at, {"a": Counts(submitted=at if at <= 300 else 300 + 3 * (at - 300))})

        assert windows.arrivals_per_s("a") == pytest.approx(3.0)

    def test_one_look_is_no_rate(self):
        windows = Windows[str]()
        windows.look(0, {"a": Counts(submitted=500)})

        assert windows.arrivals_per_s("a") == 0.0

    def test_what_a_job_takes_is_the_larger_of_two_means(self):
        rising, falling = Windows[str](), Windows[str]()
        for at in range(0, 1805, 5):
            early, late = min(at, 1500), max(0, at - 1500)
            rising.look(at, {"a": Counts(finished=at, busy_s=early * 1.0 + late * 4.0)})
            falling.look(at, {"a": Counts(finished=at, busy_s=early * 4.0 + late * 1.0)})

        assert rising.service_s("a", 9.0) == pytest.approx(4.0)
        assert falling.service_s("a", 9.0) == pytest.approx(3.5)

    def test_it_is_the_hint_before_any_job_and_after_a_week_without_one(self):
        windows = Windows[str]()
        windows.look(0, {"a": Counts()})
        assert windows.service_s("a", 9.0) == 9.0
        windows.look(5, {"a": Counts(finished=1, busy_s=2.0)})
        windows.look(86400, {"a": Counts(finished=1, busy_s=2.0)})
        assert windows.service_s("a", 9.0) == 2.0
        windows.look(8 * 86400, {"a": Counts(finished=1, busy_s=2.0)})

        assert windows.service_s("a", 9.0) == 9.0

    def test_a_counter_that_fell_begins_anew(self):
        windows = Windows[str]()
        windows.look(0, {"a": Counts(submitted=1000)})
        windows.look(10, {"a": Counts(submitted=5)})
        assert windows.arrivals_per_s("a") == 0.0
        windows.look(20, {"a": Counts(submitted=15)})

        assert windows.arrivals_per_s("a") == pytest.approx(1.0)
