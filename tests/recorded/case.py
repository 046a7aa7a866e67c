"""Recorded requests with their answers."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """A recorded answer.

    ``body`` is JSON; where the answer was of another kind, ``text`` holds it as it came. The answer
    must have ``headers``, begin with ``start`` and hold each of ``parts``.
    """

    status: int
    content_type: str
    body: Any = None
    text: str | None = None
    headers: Pairs = ()
    start: str = ""
    parts: tuple[str, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Expected:
        """Return what a line of the file holds under ``expect``."""
        return cls(
            status=record["status"],
            content_type=record["content_type"],
            body=record.get("body"),
            text=record.get("text"),
            headers=tuple((record.get("headers") or {}).items()),
            start=record.get("body_starts") or "",
            parts=tuple(record.get("contains") or ()),
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One request, exactly as it was sent, with its answer.

    ``raw_query`` and ``raw_body`` are sent as they stand, in place of ``query`` and ``form``.
    ``encoding`` is how a form is written: urlencoded, multipart or gzip; raw has no form.
    """

    name: str
    group: str
    method: str
    path: str
    expected: Expected
    query: Pairs = ()
    raw_query: str | None = None
    form: Pairs | None = None
    encoding: str = "urlencoded"
    raw_body: bytes | None = None
    headers: Pairs = ()
    deviation: str | None = None

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Case:
        """Return the case that a line of the file describes."""
        raw_body = record.get("raw_base64")
        return cls(
            name=record["name"],
            group=record["group"],
            method=record["method"],
            path=record["path"],
            expected=Expected.from_record(record["expect"]),
            query=_pairs(record["query"]),
            raw_query=record.get("raw_query"),
            form=_form(record),
            encoding=record["encoding"],
            raw_body=None if raw_body is None else base64.b64decode(raw_body),
            headers=tuple(record["headers"].items()),
            deviation=record.get("deviation"),
        )


@cache
def load_cases() -> tuple[Case, ...]:
    """Return all cases in the order in which they were recorded."""
    return tuple(map(Case.from_record, read_records("cases.jsonl.gz")))


def read_records(name: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of this package."""
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _form(record: dict[str, Any]) -> Pairs | None:
    if record["form"] is None:
        return None
    # Bodies of a megabyte are recorded by their size alone.
    padding = tuple((name, "x" * size) for name, size in record.get("form_pad") or ())
    return _pairs(record["form"]) + padding


def _pairs(record: list[list[str]]) -> Pairs:
    return tuple((name, value) for name, value in record)
