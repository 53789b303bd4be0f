"""The log's lines, and that no visitor's text gets into them unless it is wanted."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from qwen_ui.server.logs import FEW, LONGEST, ORIGINS, REQUESTS, WINDOW, RequestLog, SummedUp, set_up
from qwen_ui.server.metering import Record
from qwen_ui.settings import Settings

SECRET = "My dog's name is Rex"
RECORD = Record(
    task="chat",
    via="api",
    outcome="ok",
    prompt_tokens=20,
    cached_tokens=16,
    new_tokens=7,
    seconds=1.23456,
    seconds_to_first_token=0.25,
    text=SECRET,
)


@contextmanager
def logging_restored() -> Iterator[None]:
    root, requests, package = (logging.getLogger(name) for name in (None, REQUESTS, "qwen_ui"))
    kept = list(root.handlers), root.level, list(requests.handlers), requests.propagate, package.level
    root.handlers = []  # set_up closes those it replaces
    try:
        yield
    finally:
        root.handlers, root.level, requests.handlers, requests.propagate, package.level = kept


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with logging_restored():
        yield io.StringIO()


def test_a_request_is_one_json_line(stream: io.StringIO):
    set_up(Settings(), stream)
    RequestLog(log_text=False).observe(RECORD)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "task": "chat",
        "via": "api",
        "outcome": "ok",
        "prompt_tokens": 20,
        "cached_tokens": 16,
        "new_tokens": 7,
        "seconds": 1.235,
        "seconds_to_first_token": 0.25,
        "streams": 1,
    }


def test_a_refused_request_names_its_error(stream: io.StringIO):
    set_up(Settings(), stream)
    refused = replace(RECORD, outcome="refused", seconds_to_first_token=None, error="Busy", text="")
    RequestLog(log_text=True).observe(refused)
    line = json.loads(stream.getvalue())
    assert (line["outcome"], line["error"], line["seconds_to_first_token"]) == ("refused", "Busy", None)
    assert "text" not in line


@pytest.mark.parametrize("wanted", [True, False])
def test_the_text_is_logged_only_when_wanted(stream: io.StringIO, wanted: bool):
    set_up(Settings(log_text=wanted), stream)
    RequestLog(wanted).observe(RECORD)
    assert (SECRET in stream.getvalue()) is wanted


@pytest.mark.parametrize("wanted", [True, False])
def test_an_errors_message_may_quote_the_text_and_is_treated_like_it(stream: io.StringIO, wanted: bool):
    set_up(Settings(log_text=wanted), stream)
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"not a number: {SECRET}") from error
    except ValueError:
        logging.getLogger("qwen_ui.page.events").exception("A request failed")
    text = stream.getvalue()
    assert (SECRET in text) is wanted
    assert "A request failed" in text
    assert "KeyError" in text
    assert "ValueError" in text
    assert "test_logs.py" in text


def test_why_a_model_could_not_be_opened_is_told_in_full(stream: io.StringIO):
    set_up(Settings(), stream)
    try:
        raise OSError("no space left on the disk")
    except OSError:
        logging.getLogger("qwen_ui.server.host").exception("The model could not be opened")
    assert "no space left on the disk" in stream.getvalue()


def test_the_level_silences_requests_too(stream: io.StringIO):
    set_up(Settings(log_level="warning"), stream)
    RequestLog(log_text=False).observe(RECORD)
    assert not stream.getvalue()


def test_libraries_are_heard_from_warnings_on(stream: io.StringIO):
    set_up(Settings(log_level="debug"), stream)
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("trouble")
    logging.getLogger("qwen_ui.models").debug("detail")
    assert "chatter" not in stream.getvalue()
    assert "trouble" in stream.getvalue()
    assert "detail" in stream.getvalue()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_that_repeat_are_summed_up():
    stream, clock = io.StringIO(), Clock()
    handler, log = SummedUp(stream, clock), logging.Logger("some.library")
    log.addHandler(handler)
    for number in range(1000):
        log.warning("Invalid request %d", number)
    log.warning("Something else")
    assert stream.getvalue().count("Invalid request") == FEW
    assert "Something else" in stream.getvalue()
    clock.now = WINDOW
    log.warning("Something else")
    assert f"{1000 - FEW} more lines like one of test_logs.py" in stream.getvalue()
    for number in range(1000):
        log.warning("Invalid request %d", number)
    assert stream.getvalue().count("Invalid request") == 2 * FEW


def test_errors_are_told_apart_by_what_they_are():
    stream = io.StringIO()
    log = logging.Logger("some.library")
    log.addHandler(SummedUp(stream, Clock()))
    for text in ["x", "1.5", None] * 100:
        try:
            int(text)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            log.exception("An event failed")
    assert stream.getvalue().count("An event failed") == 2 * FEW


def test_the_number_of_origins_and_the_length_of_a_line_are_bounded():
    stream = io.StringIO()
    handler = SummedUp(stream, Clock())
    for line in range(10 * ORIGINS):
        handler.emit(logging.makeLogRecord({"msg": "noise", "pathname": "x", "lineno": line}))
    assert stream.getvalue().count("noise") == ORIGINS + FEW
    stream.truncate(0)
    handler.emit(logging.makeLogRecord({"msg": "x" * 10**7, "levelno": logging.ERROR}))
    assert len(stream.getvalue()) < LONGEST + 100


@pytest.mark.parametrize("wanted", [True, False])
def test_a_warning_tells_its_place_and_its_text_only_when_wanted(stream: io.StringIO, wanted: bool):
    with warnings.catch_warnings():
        set_up(Settings(log_text=wanted), stream)
        warnings.simplefilter("always")
        warnings.warn(f"not among the choices: {SECRET}", stacklevel=1)
    assert "UserWarning in" in stream.getvalue()
    assert "test_logs.py:" in stream.getvalue()
    assert (SECRET in stream.getvalue()) is wanted
