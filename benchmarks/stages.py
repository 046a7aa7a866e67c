"""What each stage of a lookup takes in processor time, measured apart, in this process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from wsgiref.util import setup_testing_defaults

import numpy as np
from flask import Flask

from benchmarks import floor
from benchmarks.installation import track_gid
from benchmarks.synthetic import Query
from fpservice.api.formats import write_json
from fpservice.app import create_app
from fpservice.bootstrap import Parts, build_search, build_services
from fpservice.db.fingerprint.tracks import tracks_of_fingerprints
from fpservice.domain.fingerprint import decode, encode
from fpservice.domain.index_query import query_terms
from fpservice.domain.matching import Match
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import Hit, StoredFingerprint

PERCENTILES: Final = (50, 95, 99)
MAX_DIFFERENCE: Final = 7
_HITS: Final = 100
_CANDIDATES: Final = 20
Times = dict[str, dict[str, float]]


class Stages:
    """Runs the stages of lookups, each over all queries, so that one does not warm the next."""

    def __init__(self, parts: Parts, queries: Sequence[Query], bodies: Sequence[str]) -> None:
        """``bodies`` are the forms of the queries."""
        self._parts = parts
        self._queries = queries
        self._bodies = bodies
        self._times: dict[str, list[float]] = {}

    def measure(self) -> Times:
        """Return the percentiles of each stage in microseconds of processor time, by name."""
        parts, queries = self._parts, self._queries
        index, search = parts.index, build_search(parts)
        assert isinstance(index, EmbeddedIndex)
        index.warm()
        self._each("decode", decode, [encode(query.hashes) for query in queries])
        terms = self._each("terms", query_terms, [query.hashes for query in queries])
        hits = self._each("index", lambda one: index.search(one, limit=_HITS), terms)
        found = self._each("fetch", lambda one: index.fetch(_ids(one)), hits)
        near = [_near(query, some) for query, some in zip(queries, found, strict=True)]
        pairs = list(zip(queries, near, strict=True))
        matches = self._each("compare", lambda one: search.compare(one[0].hashes, one[1]), pairs)
        self._each("tracks", self._tracks, matches)
        self._each("serialise", write_json, [_answer(some) for some in matches])
        self._each("search, all of it", lambda one: _find(search, one), queries)
        self._views()
        return {name: _percentiles(times) for name, times in self._times.items()}

    def _tracks(self, matches: Sequence[Match]) -> object:
        if not matches:
            return None
        with self._parts.databases.fingerprint.reading() as connection:
            return tracks_of_fingerprints(connection, [one.fingerprint_id for one in matches])

    def _views(self) -> None:
        """The web application without a server around it, and the empty one."""
        app, empty = create_app(build_services(self._parts)), floor.build()
        self._each("whole request", lambda body: _call(app, body), self._bodies)
        self._each("floor: empty request", lambda body: _call(empty, body), self._bodies)

    def _each(self, name: str, stage: Callable[[Any], Any], inputs: Sequence[Any]) -> list[Any]:
        for one in inputs[:20]:
            stage(one)
        times, answers = [], []
        for one in inputs:
            start = time.thread_time()
            answers.append(stage(one))
            times.append(time.thread_time() - start)
        self._times[name] = times
        return answers


def _ids(hits: Sequence[Hit]) -> list[int]:
    return [hit.fingerprint_id for hit in hits]


def _near(query: Query, found: Sequence[StoredFingerprint]) -> list[StoredFingerprint]:
    near = [one for one in found if abs(one.duration - query.duration) <= MAX_DIFFERENCE]
    return near[:_CANDIDATES]


def _find(search: Any, query: Query) -> object:
    return search.find(query.hashes, query.duration, MAX_DIFFERENCE)


def _answer(matches: Sequence[Match]) -> dict[str, Any]:
    results = [{"id": str(track_gid(one.fingerprint_id)), "score": one.score} for one in matches]
    return {"results": results, "status": "ok"}


def _call(app: Flask, body: str) -> bytes:
    data = body.encode("ascii")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v2/lookup",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": io.BytesIO(data),
    }
    setup_testing_defaults(environ)
    return b"".join(app(environ, lambda *_: lambda _: None))


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    values = np.percentile(np.array(times) * 1e6, PERCENTILES)
    return {f"p{p}": float(value) for p, value in zip(PERCENTILES, values, strict=True)}
