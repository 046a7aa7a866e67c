"""What is sent: lines of a path, a tab and a form; and whether the answers to them are right."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.installation import APPLICATION_KEY, USER_KEY, recording_mbid, track_gid
from benchmarks.native_load import FORM
from benchmarks.synthetic import Query
from fpservice.domain.fingerprint import encode

LOOKUP: Final = "/v2/lookup"
SUBMIT: Final = "/v2/submit"
_TIMEOUT: Final = 10
_UNKNOWN: Final = uuid.UUID("5b3d6a0e-6b0e-4f0c-9b7c-3f1a5d5c0003")


@dataclass(slots=True)
class Found:
    """How many known recordings were asked for, and were the best result; the same of unknown ones,
    and how many of them got any result.
    """

    known: int = 0
    right: int = 0
    unknown: int = 0
    false: int = 0


def lookup(queries: Sequence[Query], meta: str) -> str:
    """Return a line: a plain lookup of one query, a batch of several."""
    fields = {"client": APPLICATION_KEY, **({"meta": meta} if meta else {})}
    if len(queries) > 1:
        fields["batch"] = "1"
    return _line(LOOKUP, fields, queries)


def submission(queries: Sequence[Query], number: int) -> str:
    """Return a line that submits each query with an MBID: that of its track, or a new one.

    ``number`` makes the new ones differ.
    """
    fields = {"client": APPLICATION_KEY, "user": USER_KEY}
    for place, query in enumerate(queries):
        suffix = _suffix(place, queries)
        known = query.fingerprint_id
        new = uuid.uuid5(_UNKNOWN, f"{number}.{place}")
        fields[f"mbid{suffix}"] = str(new if known is None else recording_mbid(known))
        fields[f"bitrate{suffix}"] = "192"
        fields[f"fileformat{suffix}"] = "MP3"
    return _line(SUBMIT, fields, queries)


def write(path: Path, lines: Iterable[str]) -> Path:
    """Write lines for the load generator and return the path."""
    path.write_text("\n".join(lines), encoding="ascii")
    return path


def send(port: int, lines: Iterable[str]) -> None:
    """Send lines one after another; each must succeed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    for line in lines:
        path, _, form = line.partition("\t")
        connection.request("POST", path, form, FORM)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}: {content[:500]!r}")
    connection.close()


def found(port: int, queries: Sequence[Query]) -> Found:
    """Look each query up once and see what comes back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    count = Found()
    for query in queries:
        path, _, form = lookup([query], "").partition("\t")
        connection.request("POST", path, form, FORM)
        _count(count, query, json.loads(connection.getresponse().read())["results"])
    connection.close()
    return count


def _line(path: str, fields: dict[str, str], queries: Sequence[Query]) -> str:
    for place, query in enumerate(queries):
        suffix = _suffix(place, queries)
        fields[f"duration{suffix}"] = str(query.duration)
        fields[f"fingerprint{suffix}"] = encode(query.hashes)
    return f"{path}\t{urlencode(fields)}"


def _suffix(place: int, queries: Sequence[Query]) -> str:
    return f".{place}" if len(queries) > 1 else ""


def _count(count: Found, query: Query, results: list[dict[str, Any]]) -> None:
    if query.fingerprint_id is None:
        count.unknown += 1
        count.false += bool(results)
        return
    count.known += 1
    count.right += bool(results) and results[0]["id"] == str(track_gid(query.fingerprint_id))
