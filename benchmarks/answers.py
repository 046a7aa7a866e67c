"""Forms of lookups, and whether what the service answers is right."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.installation import APPLICATION_KEY, track_gid
from benchmarks.load import FORM
from benchmarks.synthetic import Query
from fpservice.domain.fingerprint import encode

_TIMEOUT: Final = 10


@dataclass(slots=True)
class Found:
    """How many known recordings were asked for, and were the best result; the same of unknown ones,
    and how many of them got any result.
    """

    known: int = 0
    right: int = 0
    unknown: int = 0
    false: int = 0


def form(queries: Sequence[Query], meta: str) -> str:
    """Return the body of a request: of a plain one for one query, of a batch for several."""
    fields = {"client": APPLICATION_KEY, **({"meta": meta} if meta else {})}
    if len(queries) > 1:
        fields["batch"] = "1"
    for number, query in enumerate(queries):
        suffix = f".{number}" if len(queries) > 1 else ""
        fields[f"duration{suffix}"] = str(query.duration)
        fields[f"fingerprint{suffix}"] = encode(query.hashes)
    return urlencode(fields)


def found(port: int, queries: Sequence[Query]) -> Found:
    """Send each query once and look at what comes back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    count = Found()
    for query in queries:
        connection.request("POST", "/v2/lookup", form([query], ""), FORM)
        _count(count, query, json.loads(connection.getresponse().read())["results"])
    connection.close()
    return count


def _count(count: Found, query: Query, results: list[dict[str, Any]]) -> None:
    if query.fingerprint_id is None:
        count.unknown += 1
        count.false += bool(results)
        return
    count.known += 1
    count.right += bool(results) and results[0]["id"] == str(track_gid(query.fingerprint_id))
