"""Lookups: which tracks a fingerprint sounds like, and what is known of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fpservice.db.fingerprint.found_tracks import TracksWithLinks, tracks_with_links
from fpservice.db.fingerprint.tracks import Track, tracks_by_gid, tracks_of_fingerprints
from fpservice.db.quick import QuickConnection
from fpservice.db.transaction import Database
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.matching import Match
from fpservice.domain.metadata import MetaWords
from fpservice.interfaces import Metrics
from fpservice.services.metadata import FoundTrack, Links, MetadataService
from fpservice.services.search import FingerprintSearch

# Seconds that names may take when the search has used up its time: clients give up after 5 s.
_MARGIN: Final = 0.7


@dataclass(frozen=True, slots=True)
class FingerprintQuery:
    """What sounds like this; ``hashes`` uint32[n], ``duration`` in seconds."""

    hashes: Hashes = field(repr=False)
    duration: int
    max_difference: int


@dataclass(frozen=True, slots=True)
class TrackQuery:
    """What is known of this track."""

    gid: uuid.UUID


LookupQuery = FingerprintQuery | TrackQuery


@dataclass(frozen=True, slots=True)
class LookupResult:
    """A track that was found; ``shown`` are the fields that its metadata adds to the answer."""

    gid: uuid.UUID
    score: float
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    track: Track
    score: float
    duration: int | None = None

    @property
    def described(self) -> FoundTrack:
        return FoundTrack(self.track.id, self.duration)


class LookupService:
    """Answers lookups, many at once with the same number of database queries."""

    def __init__(
        self,
        search: FingerprintSearch,
        fingerprint: Database,
        metadata: MetadataService,
        metrics: Metrics,
        time_limit: float = 4.0,
        max_results: int = 10,
    ) -> None:
        """Give up after ``time_limit`` seconds; show ``max_results`` tracks a query."""
        self._search = search
        self._fingerprint = fingerprint
        self._metadata = metadata
        self._metrics = metrics
        self._time_limit = time_limit
        self._max_results = max_results

    def lookup(self, queries: Sequence[LookupQuery], words: MetaWords) -> list[list[LookupResult]]:
        """Return the results of each query: by falling score, one a track, at most ten.

        Raises:
            SearchUnavailableError: some search was not finished; no answer would be true.
        """
        deadline = time.monotonic() + self._time_limit
        self._metrics.count("lookup.searches", len(queries))
        matches = [
            self._search.find(query.hashes, query.duration, query.max_difference, deadline)
            if isinstance(query, FingerprintQuery)
            else []
            for query in queries
        ]
        found, links = self._tracks(queries, matches, with_links=words.root is not None)
        described = {one.described for results in found for one in results}
        with self._metrics.timed("lookup.metadata"):
            time_left = deadline + _MARGIN - time.monotonic()
            shown = self._metadata.describe(described, words, time_left, links)
        self._count(found)
        return [
            [
                LookupResult(one.track.gid, one.score, shown.get(one.described, {}))
                for one in results
            ]
            for results in found
        ]

    def _tracks(
        self,
        queries: Sequence[LookupQuery],
        matches: Sequence[list[Match]],
        *,
        with_links: bool,
    ) -> tuple[list[list[_Found]], Links]:
        fingerprint_ids = [match.fingerprint_id for some in matches for match in some]
        gids = [query.gid for query in queries if isinstance(query, TrackQuery)]
        if not fingerprint_ids and not gids:
            return [[] for _ in queries], {}
        with self._metrics.timed("lookup.tracks"):
            of_fingerprints, by_gid = self._find_tracks(fingerprint_ids, gids, with_links)
        found = [
            _one_track(by_gid.get(query.gid))
            if isinstance(query, TrackQuery)
            else _best_of_each_track(some, of_fingerprints.tracks, query.duration)
            for query, some in zip(queries, matches, strict=True)
        ]
        return [some[: self._max_results] for some in found], of_fingerprints.links

    def _find_tracks(
        self, fingerprint_ids: list[int], gids: list[uuid.UUID], with_links: bool
    ) -> tuple[TracksWithLinks, dict[uuid.UUID, Track]]:
        read = tracks_with_links if with_links else _tracks_alone
        found = TracksWithLinks({}, {})
        by_gid: dict[uuid.UUID, Track] = {}
        if fingerprint_ids:
            found = self._fingerprint.quickly(lambda connection: read(connection, fingerprint_ids))
        if gids:
            with self._fingerprint.reading_replica() as connection:
                by_gid = tracks_by_gid(connection, gids)
        known = found.tracks.keys() | by_gid.keys()
        if self._fingerprint.has_replica and not known.issuperset([*fingerprint_ids, *gids]):
            # The index may be ahead of the replica.
            with self._fingerprint.reading() as connection:
                found = read(QuickConnection.within(connection), fingerprint_ids)
                by_gid = tracks_by_gid(connection, gids)
        return found, by_gid

    def _count(self, found: list[list[_Found]]) -> None:
        hits = sum(1 for results in found if results)
        self._metrics.count("lookup.hits", hits)
        self._metrics.count("lookup.misses", len(found) - hits)


def _tracks_alone(connection: QuickConnection, fingerprint_ids: Sequence[int]) -> TracksWithLinks:
    return TracksWithLinks(tracks_of_fingerprints(connection, fingerprint_ids), {})


def _one_track(track: Track | None) -> list[_Found]:
    return [_Found(track, 1.0)] if track else []


def _best_of_each_track(
    matches: list[Match], tracks: Mapping[int, Track], duration: int
) -> list[_Found]:
    best: dict[int, _Found] = {}
    for match in matches:
        track = tracks.get(match.fingerprint_id)
        if track and track.id not in best:
            best[track.id] = _Found(track, match.score, duration)
    return list(best.values())
