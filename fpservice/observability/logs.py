"""Logs: one line an event, as text or JSON, with the id of the request."""

from __future__ import annotations

import itertools
import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from fpservice.config import Config

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request or submission under way in this thread, in every line that it logs."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
# Line breaks would make lines of their own, that an outsider could fill; other control characters
# steer terminals.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CONTROLS}
_MOST_UNDERSCORES = 6


class TextFormatter(logging.Formatter):
    """``time level [request id] module: message key=value …``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        head = f"{_time(record)} {record.levelname} [{request_id.get() or '-'}] {record.name}:"
        fields = (f"{name}={value}" for name, value in _extra(record).items())
        return _one_line(" ".join([head, record.getMessage(), *fields, *_exception(record)]))


class JsonFormatter(logging.Formatter):
    """An object with time, level, module, message, and request_id and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        event = _extra(record) | {
            "time": _time(record),
            "level": record.levelname,
            "module": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request_id.get() is not None:
            event["request_id"] = request_id.get()
        if exception := _exception(record):
            event["exception"] = exception[0]
        return json.dumps(event, default=str)


class _Output(logging.StreamHandler[TextIO]):
    """Our own output, which a second configuration replaces; it leaves those of others."""


def configure_logging(config: Config, stream: TextIO | None = None) -> None:
    """Send all logs of the process to the stream, standard error if None, in the asked form."""
    options = config.logging
    output = _Output(stream or sys.stderr)
    output.setFormatter(JsonFormatter() if options.format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [output, *(h for h in root.handlers if not isinstance(h, _Output))]
    root.setLevel(options.level)
    # What alembic says of each look at a schema is of interest to no one else.
    logging.getLogger("alembic").setLevel("WARNING")
    for module, level in options.levels.items():
        for name in _spellings(module):
            logging.getLogger(name).setLevel(level)
    _adopt_gunicorn()
    logging.captureWarnings(True)


def _adopt_gunicorn() -> None:
    """Let gunicorn's lines, which it would write in a form of its own, come here."""
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _spellings(module: str) -> list[str]:
    """Return the modules that a name may mean: a variable has underscores for dots, too."""
    parts = module.split("_")
    if "." in module or not 1 < len(parts) <= _MOST_UNDERSCORES + 1:
        return [module]
    separators = itertools.product("._", repeat=len(parts) - 1)
    return [
        "".join(itertools.chain.from_iterable(zip(parts, [*chosen, ""], strict=True)))
        for chosen in separators
    ]


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _exception(record: logging.LogRecord) -> list[str]:
    if record.exc_info and record.exc_info[0] is not None:
        return [logging.Formatter().formatException(record.exc_info)]
    return [record.exc_text] if record.exc_text else []


def _one_line(text: str) -> str:
    # Lone surrogates, which file names have, cannot be written in UTF-8.
    return text.encode("utf-8", "backslashreplace").decode().translate(_ESCAPES)
