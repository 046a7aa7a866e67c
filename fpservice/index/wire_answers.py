"""Answers of the fpindex HTTP interface, as servers write and clients read them.

Readers pass over fields that they do not know: servers may come to say more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from fpservice.index.wire import MAX_U64, Body, Form, WireError, decode, fields, items, number
from fpservice.index.wire_requests import read_metadata
from fpservice.interfaces import Hit

INDEX_NOT_FOUND: Final = "IndexNotFound"
_STATS: Final = ("min_doc_id", "max_doc_id", "num_segments", "num_docs")


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What an index says of itself. ``version`` grows with each update.

    ``min_id`` and ``max_id`` bound the ids it has, 0 if it has none; servers may count fingerprints
    that were replaced or deleted in all of these numbers.
    """

    version: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    min_id: int = 0
    max_id: int = 0
    segments: int = 0
    fingerprints: int = 0

    def body(self) -> Body:
        """Return the body."""
        stats = (self.min_id, self.max_id, self.segments, self.fingerprints)
        return {
            "version": self.version,
            "metadata": dict(self.metadata),
            "stats": dict(zip(_STATS, stats, strict=True)),
        }

    @classmethod
    def read(cls, form: Form, data: bytes) -> Self:
        """Return what a body says; raises WireError."""
        body = decode(form, data, "version", "metadata", "stats", strict=False)
        stats = body.get("stats")
        if not isinstance(stats, dict):
            raise WireError("no stats")
        numbers = [number(stats.get(name), high=MAX_U64) for name in _STATS]
        version = number(body.get("version"), high=MAX_U64)
        return cls(version, read_metadata(body.get("metadata")), *numbers)


def results_body(hits: Sequence[Hit]) -> Body:
    """Return the body of the answer to a search."""
    return {"results": [{"id": one.fingerprint_id, "score": one.hits} for one in hits]}


def read_results(form: Form, data: bytes, limit: int) -> list[Hit]:
    """Return at most ``limit`` hits; raises WireError."""
    results = items(decode(form, data, "results", strict=False).get("results"), limit)
    return [_hit(fields(form, one, "id", "score", strict=False)) for one in results]


def read_version(form: Form, data: bytes) -> int:
    """Return the version that an update led to; raises WireError."""
    return number(decode(form, data, "version", strict=False).get("version"), high=MAX_U64)


def read_generation(form: Form, data: bytes) -> int:
    """Return the generation that the status names; raises WireError."""
    body = decode(form, data, "generation", strict=False)
    return number(body.get("generation"), high=MAX_U64)


def read_error(form: Form, data: bytes) -> str:
    """Return the name of an error, "" if the body has none."""
    try:
        name = decode(form, data, "error", strict=False).get("error")
    except WireError:
        return ""
    return name if isinstance(name, str) else ""


def _hit(body: Body) -> Hit:
    return Hit(number(body.get("id"), low=1), number(body.get("score"), low=1))
