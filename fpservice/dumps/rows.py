"""What a line of each stream must hold, and the row of the database that it becomes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import MAX_HASHES, from_signed, to_bytes
from fpservice.domain.submission import MAX_DURATION, SubmittedText, parse_uuid

Row = dict[str, Any]

# The index knows no larger ones.
_MAX_ID: Final = 2**32 - 1
_MAX_INTEGER: Final = 2**31 - 1
_MAX_SMALL_INTEGER: Final = 2**15 - 1


class BadLineError(Exception):
    """A line cannot be stored; the message says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A key of a line: how its value is read, and the column it goes to."""

    name: str
    read: Callable[[Any], Any]
    required: bool = True
    column: str = ""
    missing: Any = None


def parse_line(stream: str, line: bytes, *, doubled_backslashes: bool = False) -> Row:
    """Return the row, by column, that a line of the stream stands for.

    Every column of the stream is there, None where the line has no such key; ``created`` alone is
    left out then, as it cannot be NULL. ``hashes`` are bytes, times are UTC, ids of links are
    dropped: their pair is their key.

    Raises:
        BadLineError: not JSON, not an object, a required key missing, or a value out of range.
    """
    values = _load(line.replace(b"\\\\", b"\\") if doubled_backslashes else line)
    row = {field.column or field.name: _value(field, values) for field in _FIELDS[stream]}
    if row["created"] is None:
        del row["created"]
    if stream == "meta":
        row["digest"] = SubmittedText(**{name: row[name] for name in _TEXT}).digest()
    return row


def _load(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadLineError("not a JSON object")
    return values


def _value(field: _Field, values: dict[str, Any]) -> Any:
    value = values.get(field.name)
    if value is None:
        if field.required:
            raise BadLineError(f"{field.name} is missing")
        return field.missing
    try:
        return field.read(value)
    except BadLineError as error:
        raise BadLineError(f"{field.name} {error}") from error


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        # A bool is an int to Python, not to JSON.
        if type(value) is not int:
            raise BadLineError("is no integer")
        if not low <= value <= high:
            raise BadLineError(f"is not between {low} and {high}")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadLineError("is neither true nor false")
    return value


def _uuid(value: Any) -> uuid.UUID:
    found = parse_uuid(value) if isinstance(value, str) else None
    if found is None:
        raise BadLineError("is no UUID")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadLineError("is no text")
    # PostgreSQL stores no NUL, and nothing encodes half of a surrogate pair.
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise BadLineError("holds a character that cannot be stored")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadLineError("is no date and time") from error


def _hashes(value: Any) -> bytes:
    if not isinstance(value, list) or set(map(type, value)) - {int}:
        raise BadLineError("is no list of integers")
    if not 0 < len(value) <= MAX_HASHES:
        raise BadLineError(f"has {len(value)} hashes, not 1 to {MAX_HASHES}")
    try:
        return to_bytes(from_signed(value))
    except InvalidFingerprintError as error:
        raise BadLineError("holds more than 32 bits in a hash") from error


_ID: Final = _integer(1, _MAX_ID)
_NUMBER: Final = _integer(-_MAX_INTEGER - 1, _MAX_INTEGER)
_TEXT: Final = ("track", "artist", "album", "album_artist", "track_no", "disc_no", "year")
_CREATED: Final = _Field("created", _moment, required=False)
_TIMES: Final = (_CREATED, _Field("updated", _moment, required=False))


def _link(other: _Field, *more: _Field) -> tuple[_Field, ...]:
    count = _Field("submission_count", _integer(0, _MAX_INTEGER))
    return (_Field("track_id", _ID), other, count, *more, *_TIMES)


_FIELDS: Final[dict[str, tuple[_Field, ...]]] = {
    "track": (
        _Field("id", _ID),
        _Field("gid", _uuid),
        _Field("new_id", _ID, required=False),
        *_TIMES,
    ),
    "meta": (
        _Field("id", _ID),
        *(_Field(name, _text, required=False) for name in _TEXT[:4]),
        *(_Field(name, _NUMBER, required=False) for name in ("track_no", "disc_no")),
        _Field("year", _integer(-_MAX_SMALL_INTEGER - 1, _MAX_SMALL_INTEGER), required=False),
        _CREATED,
    ),
    "fingerprint": (
        _Field("id", _ID),
        _Field("fingerprint", _hashes, column="hashes"),
        _Field("length", _integer(1, MAX_DURATION)),
        _CREATED,
    ),
    "track_fingerprint": _link(_Field("fingerprint_id", _ID)),
    "track_mbid": _link(
        _Field("mbid", _uuid), _Field("disabled", _flag, required=False, missing=False)
    ),
    "track_puid": _link(_Field("puid", _uuid)),
    "track_meta": _link(_Field("meta_id", _ID)),
}
