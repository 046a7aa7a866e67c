"""Where the submissions of one batch belong: decided in memory, then written at once."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from sqlalchemy import Connection

from fpservice.db.fingerprint.fingerprints import (
    NewFingerprint,
    add_fingerprints,
    fingerprints_of_track,
)
from fpservice.db.fingerprint.imported import ImportedSubmission, add_imported
from fpservice.db.fingerprint.index_changes import queue_changes
from fpservice.db.fingerprint.tracks import (
    Track,
    add_tracks,
    count_fingerprints,
    tracks_of_fingerprints,
)
from fpservice.db.ingest.submissions import StoredSubmission
from fpservice.db.quick import QuickConnection
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.matching import (
    MAX_TRACK_DURATION_DIFFERENCE,
    SAME_FINGERPRINT,
    Match,
    may_join,
    rank,
)
from fpservice.domain.submission import Submission
from fpservice.interfaces import StoredFingerprint
from fpservice.services.linking import link
from fpservice.services.search import FingerprintSearch
from fpservice.services.unindexed import ByDuration, Unindexed

# Rows of this batch have numbers over all of the database's until they are written. Of matches
# that are as good, the older one counts.
_FIRST_PROVISIONAL = 2**62
_COMPARED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """A submission and where it belongs; ids may be provisional."""

    submission: StoredSubmission
    fingerprint_id: int
    track: Track


class ImportBatch:
    """Places submissions one after the other, as if each were imported alone."""

    def __init__(self, connection: Connection, search: FingerprintSearch) -> None:
        """Read and write through ``connection``, a transaction that holds the import lock."""
        self._connection = connection
        self._search = search
        self._unindexed = Unindexed(connection)
        self._own = ByDuration()
        self._provisional = count(_FIRST_PROVISIONAL)
        self._placed: list[Placed] = []
        self._new_tracks: list[Track] = []
        self._new_fingerprints: dict[int, NewFingerprint] = {}
        self._tracks: dict[int, Track] = {}
        self._members: dict[int, list[tuple[int, Hashes]]] = {}

    def place(
        self, submissions: Iterable[tuple[StoredSubmission, int | None]], seconds: float
    ) -> None:
        """Place submissions, each with the id of its audio format, while there is time.

        Raises:
            SearchUnavailableError: the index does not answer.
        """
        deadline = time.monotonic() + seconds
        sought: list[tuple[StoredSubmission, int | None, list[Match]]] = []
        for submission, format_id in submissions:
            sought.append((submission, format_id, self._stored_matches(submission.content)))
            if time.monotonic() > deadline:
                break
        stored = {match.fingerprint_id for _, _, matches in sought for match in matches}
        quick = QuickConnection.within(self._connection)
        self._tracks = tracks_of_fingerprints(quick, sorted(stored))
        for submission, format_id, matches in sought:
            self._place(submission, format_id, matches)

    def write(self) -> list[Placed]:
        """Store what was placed, and return it with the ids that the database gave."""
        track_ids = self._write_tracks()
        fingerprint_ids = self._write_fingerprints()
        placed = [
            Placed(
                one.submission,
                fingerprint_ids.get(one.fingerprint_id, one.fingerprint_id),
                Track(track_ids.get(one.track.id, one.track.id), one.track.gid),
            )
            for one in self._placed
        ]
        pairs = Counter((one.track.id, one.fingerprint_id) for one in placed)
        count_fingerprints(self._connection, pairs)
        link(self._connection, [(one.track.id, one.submission.content) for one in placed])
        add_imported(
            self._connection,
            [
                ImportedSubmission(one.submission.id, one.fingerprint_id, one.track.id)
                for one in placed
            ],
        )
        return placed

    def _write_tracks(self) -> dict[int, int]:
        ids = add_tracks(self._connection, [track.gid for track in self._new_tracks])
        return {track.id: id for track, id in zip(self._new_tracks, ids, strict=True)}

    def _write_fingerprints(self) -> dict[int, int]:
        ids = add_fingerprints(self._connection, list(self._new_fingerprints.values()))
        queue_changes(self._connection, ids)
        return dict(zip(self._new_fingerprints, ids, strict=True))

    def _place(
        self, submission: StoredSubmission, format_id: int | None, stored: list[Match]
    ) -> None:
        content = submission.content
        own = self._own.get(content.duration, MAX_TRACK_DURATION_DIFFERENCE)
        matches = rank([*stored, *self._compared(content, own)])
        track, match = self._choose_track(content, matches)
        if match and match.score > SAME_FINGERPRINT:
            fingerprint_id = match.fingerprint_id
        else:
            fingerprint_id = self._add_fingerprint(content, track, format_id)
        self._placed.append(Placed(submission, fingerprint_id, track))

    def _add_fingerprint(self, content: Submission, track: Track, format_id: int | None) -> int:
        id = next(self._provisional)
        self._new_fingerprints[id] = NewFingerprint(
            content.hashes, content.duration, content.bitrate, format_id
        )
        self._own.add(StoredFingerprint(id, content.duration, content.hashes))
        self._tracks[id] = track
        self._members[track.id].append((content.duration, content.hashes))
        return id

    def _stored_matches(self, content: Submission) -> list[Match]:
        """Return matches in the index and among what the index does not know yet."""
        near = MAX_TRACK_DURATION_DIFFERENCE
        fresh = self._unindexed.near(content.duration, near)
        # After the queue was read: what another worker tells the index meanwhile is found here.
        indexed = self._search.find(content.hashes, content.duration, near)
        known = {match.fingerprint_id for match in indexed}
        more = self._compared(content, fresh)
        return rank([*indexed, *(match for match in more if match.fingerprint_id not in known)])

    def _compared(self, content: Submission, some: list[StoredFingerprint]) -> list[Match]:
        return [
            match
            for start in range(0, len(some), _COMPARED_AT_ONCE)
            for match in self._search.compare(
                content.hashes, some[start : start + _COMPARED_AT_ONCE]
            )
        ]

    def _choose_track(
        self, content: Submission, matches: list[Match]
    ) -> tuple[Track, Match | None]:
        """Return the track of the best match that it may join, else a new track."""
        refused = set()
        for match in matches:
            track = self._tracks.get(match.fingerprint_id)
            if track is None or track.id in refused:
                continue
            # A fingerprint that is there already is counted where it is, whatever was merged there.
            is_known = match.score > SAME_FINGERPRINT
            if is_known or may_join(content.hashes, content.duration, self._members_of(track)):
                return track, match
            refused.add(track.id)
        return self._add_track(), None

    def _members_of(self, track: Track) -> list[tuple[int, Hashes]]:
        members = self._members.get(track.id)
        if members is None:
            stored = fingerprints_of_track(self._connection, track.id)
            members = [(member.duration, member.hashes) for member in stored]
            self._members[track.id] = members
        return members

    def _add_track(self) -> Track:
        track = Track(next(self._provisional), uuid.uuid4())
        self._new_tracks.append(track)
        self._members[track.id] = []
        return track
