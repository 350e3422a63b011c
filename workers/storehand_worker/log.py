"""Log lines for the operator at night: what happened, which job, what happens next; never what is in a job."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from typing import Literal, TextIO

from storehand_worker.log_lines import JsonLines, TextLines

log = logging.getLogger("storehand_worker.jobs")


def set_up_logging(
    level: str = "INFO", *, log_format: Literal["text", "json"] = "text", stream: TextIO | None = None
) -> None:
    """Lines on stderr for the whole process, once; called again it only changes level, form and stream. `level` and
    `log_format` are the settings."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _OurHandler)]:
        root.removeHandler(handler)
    handler = _OurHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    root.addHandler(handler)
    root.setLevel(level)


def leave_nothing_unsaid() -> None:
    """From now on Python's warnings, and errors that end a thread or the process, are log lines too: printed as Python
    does it they would be no JSON, and might quote a job."""
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: _tell_end(error, "the process")
    threading.excepthook = lambda args: _tell_end(
        args.exc_value, f"the thread {args.thread.name if args.thread else '?'}"
    )
    sys.unraisablehook = lambda args: logging.getLogger("storehand_worker").error(
        "an error of our own was met where nobody could catch it", exc_info=args.exc_value
    )


def _tell_end(error: BaseException | None, who: str) -> None:
    if not isinstance(error, SystemExit | KeyboardInterrupt):
        logging.getLogger("storehand_worker").critical("%s ends by an error of our own", who, exc_info=error)


class _OurHandler(logging.StreamHandler[TextIO]):
    """Ours, told apart from handlers that a test or an embedding program has put there."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """A line that can't be made is replaced by where it comes from: Python would print its arguments, which may
        quote a job."""
        where, kind = f"{record.filename}:{record.lineno}", type(sys.exc_info()[1]).__name__
        instead = logging.makeLogRecord(
            {"name": record.name, "levelname": "ERROR", "msg": f"a log line of {where} can't be made ({kind})"}
        )
        with suppress(OSError, ValueError):  # the stream itself is broken or closed
            self.stream.write(self.format(instead) + self.terminator)
            self.flush()
