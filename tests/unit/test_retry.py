"""When a failed job comes again."""

from __future__ import annotations

import random
from typing import Any

import pytest

from storehand.errors import (
    Cancelled,
    EngineError,
    InvalidInput,
    ModelNotAvailable,
    Overloaded,
    PluginError,
    StorehandError,
    UnknownTask,
)  # fmt: skip
from storehand.job import ErrorInfo
from storehand.retry import RetryPolicy
from storehand.settings import Retries, Settings
from storehand_worker.retry import Decision, decide, policy_of
from tests.unit.job_runs import WordTask, echo


def decided(
    error: StorehandError, *, attempts: int = 1, deadline: float | None = None, now: float = 1000.0, **policy: Any
) -> Decision:
    rules = RetryPolicy(**{"max_attempts": 5, **policy})
    return decide(
        ErrorInfo.of(error), attempts=attempts, policy=rules, deadline=deadline, now=now, rng=random.Random(1)
    )


def pause_s(error: StorehandError, **circumstances: Any) -> float:
    decision = decided(error, **circumstances)
    assert decision.pause_s is not None
    assert decision.why == "again"
    return decision.pause_s


def test_a_pause_doubles_with_each_attempt_and_has_an_end() -> None:
    calm = {"jitter": 0.0, "max_attempts": 100}

    assert [pause_s(EngineError(), attempts=number, **calm) for number in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert pause_s(EngineError(), attempts=99, **calm) == 60.0


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(7)
    pauses = [
        decide(
            ErrorInfo.of(EngineError()), attempts=1, policy=RetryPolicy(max_attempts=2), deadline=None, now=0, rng=rng
        )
        for _ in range(50)
    ]

    seconds = [each.pause_s or 0.0 for each in pauses]
    assert 0.25 <= min(seconds) < 0.35
    assert 0.65 < max(seconds) <= 0.75


@pytest.mark.parametrize("error", [InvalidInput(), UnknownTask(), Cancelled(), PluginError(), ModelNotAvailable()])
def test_what_another_attempt_would_not_mend_is_final(error: StorehandError) -> None:
    assert decided(error) == Decision(None, "final")


def test_a_policy_may_name_more_codes_but_never_bad_input() -> None:
    codes = ("plugin", "invalid_input", "unknown_task", "cancelled", "expired", "time_limit")

    assert decided(PluginError(), codes=codes).why == "again"
    assert decided(InvalidInput(), codes=codes).why == "final"
    assert decided(UnknownTask(), codes=codes).why == "final"
    assert decided(Cancelled(), codes=codes).why == "final"


def test_after_the_last_attempt_the_job_ends() -> None:
    assert decided(EngineError(), attempts=4, max_attempts=5).why == "again"
    assert decided(EngineError(), attempts=5, max_attempts=5) == Decision(None, "attempts")


def test_nobody_comes_back_before_the_time_that_a_remote_engine_asked_for() -> None:
    error = Overloaded(details={"retry_after_s": 30})

    assert 30 <= pause_s(error) <= 33


@pytest.mark.parametrize("said", ["soon", None, True, -5, [1]])
def test_a_retry_after_that_means_nothing_is_passed_over(said: object) -> None:
    assert pause_s(Overloaded(details={"retry_after_s": said})) < 1


def test_a_remote_engine_that_asks_for_a_day_has_refused() -> None:
    assert decided(Overloaded(details={"retry_after_s": 86_400})) == Decision(None, "retry_after")


def test_no_pause_ends_after_the_deadline() -> None:
    error = Overloaded(details={"retry_after_s": 30})

    assert decided(error, now=1000, deadline=1030) == Decision(None, "deadline")
    assert decided(error, now=1000, deadline=1034).why == "again"


def test_the_settings_stand_over_the_task_and_what_they_leave_out_stays() -> None:
    class Patient(WordTask):
        retry = RetryPolicy(max_attempts=9, backoff_s=2.0)

    task = Patient(echo)
    plain = Settings(max_attempts=4)
    strict = Settings(retries={"word": Retries(max_attempts=2)})

    assert policy_of(task, "word", plain) == RetryPolicy(max_attempts=9, backoff_s=2.0)
    assert policy_of(task, "word", strict) == RetryPolicy(max_attempts=2, backoff_s=2.0)
    assert policy_of(WordTask(echo), "word", plain).max_attempts == 4


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"backoff_s": -1.0}, {"jitter": 1.5}])
def test_a_policy_that_can_not_be_kept_is_refused_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**wrong)
