"""One line per job end: what happened, which job, what happens next; never what is in a job."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from storehand.errors import Cancelled, InvalidInput, Overloaded, PluginError
from storehand.job import Outcome
from storehand_worker.job_log import JobLog
from storehand_worker.log import set_up_logging
from storehand_worker.log_lines import AboutJob
from tests.unit.rows import a_job

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


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


@pytest.fixture
def objects():
    """What it logs as JSON, a line each."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up_logging("INFO", log_format="json", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
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


def test_a_job_that_belongs_to_a_trace_names_it(lines):
    done(Outcome.succeeded({}), trace=TRACEPARENT)

    assert f"(echo, standard, attempt 1, trace {TRACE}) succeeded" in lines()[0]


def test_as_json_a_line_is_one_object_with_time_level_and_the_job_it_is_about(objects):
    done(Outcome.of_error(PluginError()), trace=TRACEPARENT)

    [line] = objects()
    at = datetime.fromisoformat(line.pop("ts"))
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(seconds=60)
    assert line.pop("message").startswith("job job-1 (echo, standard, attempt 1")
    assert line == {
        "level": "WARNING", "logger": "storehand_worker.jobs", "thread": "MainThread", "job": "job-1", "task": "echo",
        "priority": "standard", "tenant": "default", "attempt": 1, "trace_id": TRACE, "span_id": "00f067aa0ba902b7",
    }  # fmt: skip


def test_whatever_a_job_s_thread_logs_is_about_that_job(objects):
    log = logging.getLogger("some.library")
    with AboutJob(a_job(id="job-7")):
        log.info("fetching")
    log.info("fetched")

    inside, after = objects()
    assert (inside["job"], inside["logger"]) == ("job-7", "some.library")
    assert "job" not in after
    assert "trace_id" not in inside


@pytest.mark.parametrize("trace", ["", "00-zz", "not a trace", TRACEPARENT.upper()])
def test_what_is_no_trace_is_left_out(objects, trace):
    with AboutJob(a_job(trace=trace)):
        logging.getLogger("x").info("hello")

    assert "trace_id" not in objects()[0]


def test_an_error_is_a_field_and_its_words_are_withheld_where_they_may_quote(objects):
    given = "".join(["a sec", "ret of the shop"])  # a traceback shows the line of the source
    try:
        int(given)
    except ValueError:
        logging.getLogger("x").exception("it broke")

    [line] = objects()
    assert (line["error"], line["message"]) == ("ValueError", "it broke")
    assert "withheld" in line["traceback"]
    assert "secret" not in line["traceback"]


def test_what_ends_nowhere_and_a_line_that_can_t_be_made_are_lines_of_json_and_quote_nothing():
    code = """
import logging, threading
from storehand_worker.log import leave_nothing_unsaid, set_up_logging
set_up_logging("INFO", log_format="json")
leave_nothing_unsaid()
words = "".join(["a sec", "ret of the shop"])
logging.getLogger("x").info("%d jobs", words)
class Dying:
    def __del__(self): int(words)
Dying()
thread = threading.Thread(target=int, args=(words,), name="t1")
thread.start()
thread.join()
int(words)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert said == [
        "a log line of <string>:7 can't be made (TypeError)",
        "an error of our own was met where nobody could catch it",
        "the thread t1 ends by an error of our own",
        "the process ends by an error of our own",
    ]
    assert "secret" not in done.stderr


def test_a_line_stays_one_line_and_valid_whatever_is_in_it(objects):
    words = "two\nlines, 中文, \U0001f600 and half a pair \udc80"
    [ours] = [each for each in logging.getLogger().handlers if type(each).__module__.startswith("storehand")]
    # past pytest's own handler: xdist can't send half a surrogate pair
    ours.handle(logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "msg": "%s", "args": (words,)}))

    [line] = objects()
    assert line["message"] == "two\nlines, 中文, \U0001f600 and half a pair \udc80"
