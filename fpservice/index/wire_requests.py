"""Requests of the fpindex HTTP interface, as their sender writes and their receiver reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from fpservice.domain.fingerprint import Hashes
from fpservice.index.record import MAX_WORDS, TermsOnly
from fpservice.index.wire import (
    MAX_U64,
    Body,
    Form,
    InvalidIdError,
    WireError,
    decode,
    fields,
    flag,
    items,
    number,
)
from fpservice.interfaces import IndexDelete

WireChange = TermsOnly | IndexDelete
MAX_CHANGES: Final = 100_000
MAX_LIMIT: Final = 10_000
_MAX_PERCENT: Final = 100
_MAX_METADATA: Final = 100
_MAX_METADATA_TEXT: Final = 1_000


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search for ``uint32[m]``; ``timeout`` in ms, ``score_pct`` in percent of the best."""

    query: Hashes
    limit: int = 40
    timeout: int = 500
    min_score: int | None = None
    score_pct: int = 10

    @property
    def least_score(self) -> int:
        """How many terms a result has at least: a twentieth of the query, if it does not say."""
        return -(-len(self.query) // 20) if self.min_score is None else self.min_score

    def body(self) -> Body:
        """Return the body."""
        return {
            "query": self.query.tolist(),
            "limit": self.limit,
            "timeout": self.timeout,
            "min_score": self.least_score,
            "score_pct": self.score_pct,
        }

    @classmethod
    def read(cls, form: Form, data: bytes) -> Self:
        """Return what a body asks for; the limit is at least 1, the percentage at most 100.

        Raises:
            WireError: no such body.
        """
        body = decode(form, data, "query", "limit", "timeout", "min_score", "score_pct")
        given = {name: number(value) for name, value in body.items() if name != "query"}
        return cls(
            _hashes(body.get("query")),
            min(max(given.get("limit", 40), 1), MAX_LIMIT),
            given.get("timeout", 500),
            given.get("min_score"),
            min(given.get("score_pct", 10), _MAX_PERCENT),
        )


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Changes to make in order; ``expected_version`` is what the index must have before them."""

    changes: Sequence[WireChange]
    metadata: Mapping[str, str] | None = None
    expected_version: int | None = None

    def body(self) -> Body:
        """Return the body."""
        body: dict[str, object] = {"changes": [_change_body(one) for one in self.changes]}
        if self.metadata is not None:
            body["metadata"] = dict(self.metadata)
        if self.expected_version is not None:
            body["expected_version"] = self.expected_version
        return body

    @classmethod
    def read(cls, form: Form, data: bytes) -> Self:
        """Return what a body asks for.

        Raises:
            InvalidIdError: a fingerprint to insert has the id 0.
            WireError: no such body.
        """
        body = decode(form, data, "changes", "metadata", "expected_version")
        expected = body.get("expected_version")
        metadata = body.get("metadata")
        return cls(
            [_change(form, one) for one in items(body.get("changes"), MAX_CHANGES)],
            None if metadata is None else read_metadata(metadata),
            None if expected is None else number(expected, high=MAX_U64),
        )


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """An index to create; ``generation`` is the number it is to have."""

    expect_does_not_exist: bool = False
    generation: int | None = None

    @classmethod
    def read(cls, form: Form, data: bytes) -> Self:
        """Return what a body asks for; raises WireError if it is none."""
        body = decode(form, data, "expect_does_not_exist", "generation")
        generation = body.get("generation")
        return cls(
            flag(body.get("expect_does_not_exist", False)),
            None if generation is None else number(generation, 1, MAX_U64),
        )


def read_expect_exists(form: Form, data: bytes) -> bool:
    """Return whether an index that is to be deleted has to be there; raises WireError."""
    return flag(decode(form, data, "expect_exists").get("expect_exists", False))


def read_hashes(form: Form, data: bytes) -> Hashes:
    """Return the ``uint32[n]`` of a single fingerprint; raises WireError."""
    return _hashes(decode(form, data, "hashes").get("hashes"))


def read_metadata(value: object) -> dict[str, str]:
    """Return texts by name, not too many and not too long; raises WireError."""
    if not isinstance(value, dict) or len(value) > _MAX_METADATA:
        raise WireError("no metadata")
    for name, text in value.items():
        if not (isinstance(name, str) and isinstance(text, str)):
            raise WireError("metadata are texts")
        if len(name) + len(text) > _MAX_METADATA_TEXT:
            raise WireError("metadata too long")
    return value


def _change_body(change: WireChange) -> Body:
    if isinstance(change, IndexDelete):
        return {"delete": {"id": change.fingerprint_id}}
    return {"insert": {"id": change.fingerprint_id, "hashes": change.terms.tolist()}}


def _change(form: Form, value: object) -> WireChange:
    body = fields(form, value, "insert", "delete")
    if len(body) != 1:
        raise WireError("a change is either an insert or a delete")
    if "delete" in body:
        return IndexDelete(_id(fields(form, body["delete"], "id")))
    insert = fields(form, body["insert"], "id", "hashes")
    return TermsOnly(_id(insert), _hashes(insert.get("hashes")))


def _id(body: Body) -> int:
    found = number(body.get("id"))
    if not found:
        raise InvalidIdError("0 is no fingerprint id")
    return found


def _hashes(value: object) -> Hashes:
    found = items(value, MAX_WORDS)
    if not all(type(one) is int for one in found):
        raise WireError("hashes are whole numbers")
    try:
        return np.array(found, dtype=np.uint32)
    except OverflowError as error:
        raise WireError("hashes are unsigned and of 32 bits") from error
