"""Logs: one line an event, levels, and ids of requests."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fpservice.config import Config
from fpservice.config_options import LoggingOptions
from fpservice.observability.logs import configure_logging, request_id


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and logger.name.startswith("house"):
            logger.setLevel(logging.NOTSET)


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    # What pytest itself would keep of half a character no process can tell another one.
    logging.getLogger().handlers.clear()
    configure_logging(Config(Path("data"), logging=LoggingOptions(**options)), stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(text: str) -> None:
    try:
        raise KeyError(text)
    except KeyError:
        logging.getLogger("house").exception("it failed")


def test_text() -> None:
    stream = configured()
    token = request_id.set("abc")
    logging.getLogger("house.door").warning("open %d", 3, extra={"ms": 12})
    request_id.reset(token)
    logging.getLogger("house.door").info("shut")
    first, second = stream.getvalue().splitlines()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
    assert re.fullmatch(time + r" WARNING \[abc\] house\.door: open 3 ms=12", first)
    assert re.fullmatch(time + r" INFO \[-\] house\.door: shut", second)


def test_json() -> None:
    stream = configured(format="json")
    token = request_id.set("abc")
    logging.getLogger("house").warning("open", extra={"ms": 12, "path": Path("x"), "level": "no"})
    request_id.reset(token)
    logging.getLogger("house").info("shut")
    first, second = events(stream)
    assert first.pop("time").endswith("+00:00")
    assert first.pop("process") > 0
    assert first == {
        "level": "WARNING",
        "message": "open",
        "module": "house",
        "ms": 12,
        "path": "x",
        "request_id": "abc",
    }
    assert "request_id" not in second


@pytest.mark.parametrize("form", ["text", "json"])
# Named in ASCII: processes that run tests side by side cannot tell of half a character.
@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\udc80b"], ids=ascii
)
def test_an_event_is_one_line_whatever_is_in_it(form: str, text: str) -> None:
    stream = configured(format=form)
    logging.getLogger("house").info(text, extra={"more": text})
    fail(text)
    written = stream.getvalue()
    assert len(written.splitlines()) == written.count("\n") == 2
    assert written.replace("\n", "").isprintable()
    assert "Traceback" in written
    assert written.encode("utf-8")


def test_json_exception_can_be_read_as_lines() -> None:
    stream = configured(format="json")
    fail("key")
    (event,) = events(stream)
    assert event["exception"].splitlines()[-1] == "KeyError: 'key'"


def test_levels_by_module() -> None:
    levels = {"house.attic": "DEBUG", "house.cellar": "ERROR"}
    stream = configured(level="WARNING", format="json", levels=levels)
    for module in ("house", "house.attic", "house.attic.box", "house.cellar"):
        for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
            logging.getLogger(module).log(level, "event")
    written = [(event["module"], event["level"]) for event in events(stream)]
    assert written == [
        ("house", "WARNING"),
        ("house", "ERROR"),
        ("house.attic", "DEBUG"),
        ("house.attic", "WARNING"),
        ("house.attic", "ERROR"),
        ("house.attic.box", "DEBUG"),
        ("house.attic.box", "WARNING"),
        ("house.attic.box", "ERROR"),
        ("house.cellar", "ERROR"),
    ]


def test_levels_named_as_variables_name_them() -> None:
    stream = configured(level="ERROR", levels={"house_api_api_keys": "DEBUG"})
    logging.getLogger("house.api.api_keys").debug("seen")
    logging.getLogger("house.api").debug("unseen")
    assert stream.getvalue().count("\n") == 1
    assert "house.api.api_keys: seen" in stream.getvalue()


def test_configured_twice_logs_once() -> None:
    before = configured()
    stream = configured()
    logging.getLogger("house").info("event")
    assert before.getvalue() == ""
    assert stream.getvalue().count("\n") == 1


def test_warnings_and_gunicorn_come_along() -> None:
    gunicorn = logging.getLogger("gunicorn.error")
    gunicorn.addHandler(logging.StreamHandler(io.StringIO()))
    gunicorn.propagate = False
    stream = configured(format="json")
    gunicorn.warning("worker")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", stacklevel=1)
        logging.captureWarnings(False)
    assert [event["module"] for event in events(stream)] == ["gunicorn.error", "py.warnings"]
