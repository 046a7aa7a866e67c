"""Bodies of the fpindex HTTP interface: objects in JSON, or in MessagePack with one-letter keys.

In Python a body is a dict with the full names of its fields. In MessagePack a key is the first
letter of the name, except inside ``stats`` and ``metadata``, whose keys stand as they are; readers
take full names there too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgpack

Body = Mapping[str, object]
MAX_U32: Final = 2**32 - 1
MAX_U64: Final = 2**64 - 1
_VERBATIM: Final = frozenset({"stats", "metadata"})


class WireError(Exception):
    """A body, or a part of it, is not what the interface says it is."""


class InvalidIdError(WireError):
    """The number 0 stands where a fingerprint id should."""


class Form(Enum):
    """How a body is written; the value is its media type."""

    JSON = "application/json"
    MSGPACK = "application/vnd.msgpack"


def encode(form: Form, body: Body) -> bytes:
    """Return the bytes of a body."""
    if form is Form.JSON:
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    packed: bytes = msgpack.packb(_shortened(body))
    return packed


def decode(form: Form, data: bytes, *names: str, strict: bool = True) -> dict[str, object]:
    """Return these fields of a body, those that are null left out.

    The work and the memory that this takes are bounded by the length of ``data``. Other fields are
    refused if ``strict``, as servers do: a misspelt limit must not count as none.

    Raises:
        WireError: not such a body.
    """
    return fields(form, _parsed(form, data), *names, strict=strict)


def fields(form: Form, value: object, *names: str, strict: bool = True) -> dict[str, object]:
    """Return fields of an object inside a body, as :func:`decode` does."""
    if not isinstance(value, dict):
        raise WireError("not an object")
    known = {name: name for name in names}
    if form is Form.MSGPACK:
        known |= {name[0]: name for name in names}
    found = {}
    for key, content in value.items():
        if key not in known:
            if strict:
                raise WireError("unknown field")
        elif content is not None:
            found[known[key]] = content
    return found


def number(value: object, low: int = 0, high: int = MAX_U32) -> int:
    """Return a whole number.

    Raises:
        WireError: something else, or a number that is not within the bounds.
    """
    if type(value) is not int or not low <= value <= high:
        raise WireError(f"not a whole number from {low} to {high}")
    return value


def flag(value: object) -> bool:
    """Return a truth value.

    Raises:
        WireError: something else.
    """
    if not isinstance(value, bool):
        raise WireError("not true or false")
    return value


def items(value: object, most: int) -> list[object]:
    """Return an array.

    Raises:
        WireError: something else, or an array that is longer than ``most``.
    """
    if not isinstance(value, list) or len(value) > most:
        raise WireError(f"not an array of at most {most}")
    return value


def _shortened(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            key[0]: content if key in _VERBATIM else _shortened(content)
            for key, content in value.items()
        }
    # Arrays hold objects or numbers alone; those of numbers are long.
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [_shortened(one) for one in value]
    return value


def _parsed(form: Form, data: bytes) -> object:
    try:
        if form is Form.JSON:
            return json.loads(data)
        return msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise WireError(f"no {form.value}") from error
