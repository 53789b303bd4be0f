"""The log: one JSON line a request, ordinary lines for the rest; no visitor's text in either unless that is wanted."""

import json
import logging
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from qwen_ui.server.metering import Record
from qwen_ui.settings import Settings

REQUESTS = "qwen_ui.requests"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OPENING = ("qwen_ui.server.host", "qwen_ui.models")
"""Loggers that speak before any visitor has: what their errors say can be told in full."""
WARNINGS = "py.warnings"
FEW, WINDOW = 5, 600.0
"""How many lines of one origin are written in so many seconds; of the rest only the number."""
ORIGINS = 500
"""So many are told apart in that time."""
LONGEST = 20_000
"""Characters of a line, with the traceback under it."""


def set_up(settings: Settings, stream: TextIO | None = None) -> None:
    """Logs to the stream (stderr) from now on, in the whole process; what libraries say, from warnings on."""
    lines = SummedUp(stream)
    lines.setFormatter(logging.Formatter(FORMAT) if settings.log_text else Discreet(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("qwen_ui").setLevel(settings.log_level.upper())
    requests = logging.getLogger(REQUESTS)
    requests.propagate = False
    requests.handlers = [logging.StreamHandler(stream)]
    warnings.simplefilter("always", UserWarning, append=True)  # else Python keeps each text, to say it once
    warnings.showwarning = _showing(settings.log_text)


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
        if record.model:
            line["model"] = record.model
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


@dataclass(slots=True)
class _Seen:
    """What came of one origin since then."""

    since: float
    example: logging.LogRecord
    number: int = 0


class SummedUp(logging.StreamHandler[TextIO]):
    """Writes the first lines of each origin, and of those that repeat how many there were: nobody can fill a disk."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._seen: dict[Any, _Seen] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, if it is one of the first. The log's own lock is held meanwhile."""
        now = self._clock()
        for origin, seen in tuple(self._seen.items()):
            if seen.since + WINDOW <= now:
                del self._seen[origin]
                self._sum_up(seen)
        origin = _origin(record)
        if origin not in self._seen and len(self._seen) >= ORIGINS:
            origin = None
        seen = self._seen.setdefault(origin, _Seen(now, record))
        seen.number += 1
        if seen.number <= FEW:
            super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, cut where it is too long."""
        text = super().format(record)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"

    def _sum_up(self, seen: _Seen) -> None:
        if seen.number > FEW:
            more = {"msg": "%d more lines like one of %s:%d were left out", "exc_info": None, "exc_text": None}
            left_out = {"args": (seen.number - FEW, seen.example.filename, seen.example.lineno)}
            super().emit(logging.makeLogRecord(seen.example.__dict__ | more | left_out))


def _origin(record: logging.LogRecord) -> tuple[Any, ...]:
    """Where in the code a line comes from, and the error that it tells of."""
    place: tuple[Any, ...] = (record.pathname, record.lineno, record.levelno)
    if record.exc_info is None or record.exc_info[1] is None:
        return place
    last = traceback.extract_tb(record.exc_info[2], limit=-1)
    return (*place, type(record.exc_info[1]), *((each.filename, each.lineno) for each in last))


def _showing(log_text: bool) -> Callable[..., None]:
    """What is done with Python's warnings. Libraries quote in them what they were given: only their place is told."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        log = logging.getLogger(WARNINGS)
        said = f": {message}" if log_text else ""
        told = (category.__name__, filename, lineno, said)
        log.handle(log.makeRecord(WARNINGS, logging.WARNING, filename, lineno, "%s in %s:%d%s", told, None))

    return show
