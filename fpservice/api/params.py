"""Parameters of a request, from the query string and the body alike, and how they are read."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask import Request

from fpservice.api import errors, forms
from fpservice.domain.submission import parse_uuid

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_SECONDS: Final = re.compile(r"([+-]?[0-9]{1,40})(?:\.[0-9]*)?")
_SUFFIX: Final = re.compile(r"[0-9]{1,18}")


class Params:
    """The parameters of one request; of a repeated one the first counts, unless all are asked."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        """Read from these; no list is empty."""
        self._values = values

    def text(self, name: str) -> str | None:
        """Return the first value, or None."""
        values = self._values.get(name)
        return values[0] if values else None

    def texts(self, name: str) -> list[str]:
        """Return all values."""
        return list(self._values.get(name, ()))

    def required(self, name: str) -> str:
        """Return the first value.

        Raises:
            ApiError: absent or empty.
        """
        value = self.text(name)
        if not value:
            raise errors.missing_parameter(name)
        return value

    def integer(self, name: str) -> int | None:
        """Return the first value as a whole number; what is not one counts as absent."""
        return parse_integer(self.text(name) or "")

    def seconds(self, name: str) -> int | None:
        """Return the first value, a number that may have decimals, cut to whole seconds."""
        match = _SECONDS.fullmatch((self.text(name) or "").strip())
        return int(match[1]) if match else None

    def flag(self, name: str) -> bool:
        """Return whether the value is a whole number other than 0."""
        return bool(self.integer(name))

    def suffixes(self, *names: str) -> list[str]:
        """Return the suffixes under which any of the names occurs, as ``""`` or ``".7"``.

        The one without a number comes first, then the numbers in their order.
        """
        found: dict[str, int] = {}
        for key in self._values:
            name, dot, number = key.partition(".")
            if name not in names:
                continue
            if not dot:
                found[""] = -1
            elif _SUFFIX.fullmatch(number):
                found[f".{number}"] = int(number)
        return sorted(found, key=lambda suffix: (found[suffix], suffix))


def parse_integer(text: str) -> int | None:
    """Return a whole number in ASCII digits, blanks around it allowed; None if it is none."""
    stripped = text.strip()
    return int(stripped) if _INTEGER.fullmatch(stripped) else None


def required_uuid(name: str, text: str) -> uuid.UUID:
    """Return the UUID.

    Raises:
        ApiError: it is none.
    """
    value = parse_uuid(text)
    if value is None:
        raise errors.invalid_uuid(name)
    return value


def read_params(request: Request, body: bytes) -> Params:
    """Return the parameters of the query string, the form or a JSON object.

    Raises:
        ApiError: the body says that it is JSON and is not, or is no object of plain values.
        werkzeug.exceptions.RequestEntityTooLarge: the body is no text, or has too many parts.
    """
    values: dict[str, list[str]] = {}
    if request.query_string:
        _add(values, request.args.to_dict(flat=False))
    if body:
        _add(values, _from_body(request, body))
    return Params(values)


def _from_body(request: Request, body: bytes) -> dict[str, list[str]]:
    kind = forms.kind(request)
    if kind == "application/json":
        return _from_json(_read_json(body))
    return forms.fields(request, kind, body) if request.method == "POST" else {}


def _add(values: dict[str, list[str]], more: Mapping[str, list[str]]) -> None:
    for name, some in more.items():
        # A list of JSON may have nothing in it.
        if some:
            values.setdefault(name, []).extend(some)


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.malformed_request("the body is not JSON") from error


def _from_json(body: Any) -> dict[str, list[str]]:
    """Flatten a JSON object.

    A list of plain values is a repeated parameter; of a list of objects, the fields of the first
    get the suffix ``.0``, those of the second ``.1``, and so on.
    """
    if not isinstance(body, dict):
        raise errors.malformed_request("the JSON body is not an object")
    values: dict[str, list[str]] = {}
    for name, value in body.items():
        items = value if isinstance(value, list) else [value]
        if items and all(isinstance(item, dict) for item in items):
            for number, item in enumerate(items):
                values |= {f"{key}.{number}": _plain_list(key, item[key]) for key in item}
        else:
            values[name] = _plain_list(name, value)
    return values


def _plain_list(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict | list) for item in items):
        raise errors.malformed_request(f'parameter "{name[:50]}" is neither a value nor a list')
    return [_plain(item) for item in items if item is not None]


def _plain(value: Any) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    # Half of a pair of surrogates is no character; nothing could store or write it.
    return text.encode("utf-8", "replace").decode()
