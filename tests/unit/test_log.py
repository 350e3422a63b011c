"""One line per job end: what happened, which job, what happens next; never what is in a job."""

from __future__ import annotations

import io
import logging

import pytest

from storehand.errors import Cancelled, InvalidInput, Overloaded, PluginError
from storehand.job import Outcome
from storehand_worker.log import JobLog, set_up_logging
from tests.unit.rows import a_job


@pytest.fixture
def lines():
    """What the process logs, as set up for a worker."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up_logging("INFO", stream=stream)
    yield lambda: stream.getvalue().splitlines()
    root.handlers[:] = before
    root.setLevel(level)


def done(outcome: Outcome, **changes) -> None:
    JobLog(clock=lambda: 1003.5).on_job_done(a_job(**changes), outcome)


def test_a_job_end_is_one_line_with_who_how_long_and_what_next(lines):
    done(Outcome.succeeded({"text": "an answer"}))

    [line] = lines()
    assert line.endswith("job job-1 (echo, standard, attempt 1) succeeded after 1.50 s; its answer is stored")
    assert " INFO " in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Overloaded("the lane of text is full"), "failed with overloaded: the lane of text is full after 1.50 s"),
        (InvalidInput("not a price: 'a secret of the shop'"), "failed with invalid_input after"),
        (PluginError("KeyError: 'a secret of the shop'"), "failed with plugin after"),
        (Cancelled(), "cancelled after 1.50 s; its caller gets `cancelled`"),
    ],
)
def test_an_error_is_named_but_never_quotes_the_shop(lines, error, said):
    done(Outcome.of_error(error))

    [line] = lines()
    assert said in line
    assert "secret" not in line


def test_failures_are_warnings(lines):
    done(Outcome.of_error(PluginError()))
    done(Outcome.of_error(Cancelled()))

    assert [" WARNING " in line for line in lines()] == [True, False]


def test_setting_up_twice_does_not_double_the_lines(lines):
    stream = io.StringIO()
    set_up_logging("WARNING", stream=stream)

    done(Outcome.succeeded({}))
    done(Outcome.of_error(PluginError()))

    assert lines() == []
    assert len(stream.getvalue().splitlines()) == 1
