"""The log: one JSON line a request, ordinary lines for the rest; no visitor's text in either unless that is wanted."""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from qwen_ui.server.metering import Record
from qwen_ui.settings import Settings

REQUESTS = "qwen_ui.requests"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OPENING = ("qwen_ui.server.host", "qwen_ui.models")
"""Loggers that speak before any visitor has: what their errors say can be told in full."""


def set_up(settings: Settings, stream: TextIO | None = None) -> None:
    """Logs to the stream (stderr) from now on, in the whole process; what libraries say, from warnings on."""
    lines = logging.StreamHandler(stream)
    lines.setFormatter(logging.Formatter(FORMAT) if settings.log_text else Discreet(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("qwen_ui").setLevel(settings.log_level.upper())
    requests = logging.getLogger(REQUESTS)
    requests.propagate = False
    requests.handlers = [logging.StreamHandler(stream)]


class RequestLog:
    """Writes a line a request."""

    def __init__(self, log_text: bool) -> None:
        self._log_text = log_text
        self._log = logging.getLogger(REQUESTS)

    def observe(self, record: Record) -> None:
        """Writes the request's line, at level info."""
        self._log.info("%s", json.dumps(self._line(record), ensure_ascii=False))

    def _line(self, record: Record) -> dict[str, Any]:
        first = record.seconds_to_first_token
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "task": record.task,
            "via": record.via,
            "outcome": record.outcome,
            "prompt_tokens": record.prompt_tokens,
            "cached_tokens": record.cached_tokens,
            "new_tokens": record.new_tokens,
            "seconds": round(record.seconds, 3),
            "seconds_to_first_token": None if first is None else round(first, 3),
            "streams": record.streams,
        }
        if record.key:
            line["key"] = record.key
        if record.error:
            line["error"] = record.error
        if record.text and self._log_text:
            line["text"] = record.text
        return line


class Discreet(logging.Formatter):
    """Tells where an error came from, but not its message, which may quote what a visitor wrote."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, and its traceback without messages."""
        if record.exc_info is None or record.exc_info[1] is None or record.name.startswith(OPENING):
            return super().format(record)
        plain = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None})
        return super().format(plain) + "\n" + "".join(_without_messages(record.exc_info[1]))


def _without_messages(error: BaseException) -> Iterator[str]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _without_messages(earlier)
        yield "\nwhich led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__} (its message is told with --log-text)"
