"""What counts as found and what as the same: the thresholds of lookups and of the import.

Which terms are asked for, how many candidates are compared and how alike they must be are values
here, so that another search policy needs no other code around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from fpservice.domain.fingerprint import Hashes
from fpservice.domain.similarity import Comparison

# A fingerprint may join a track only if it is at least this like every fingerprint of the track ...
MIN_TRACK_SCORE: Final = 0.4
# ... and none of them differs from it by more seconds than this.
MAX_TRACK_DURATION_DIFFERENCE: Final = 7


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """How a search goes from terms to matches.

    ``hits`` fingerprints are asked of the index, each with at least ``min_hit_percent`` percent of
    the best one's terms; of those of the right duration, ``candidates`` are compared; those with a
    score over ``min_score`` are matches. A match that would not belong to the same track, with less
    than ``min_percent_of_better`` percent of the hits of one that scores higher, is left out: it is
    the same music, but another version.

    Of a short query and a long candidate, hashes that come again late in the candidate can outvote
    the beginning that both share. With ``retry_beginning``, where nothing matched, longer
    candidates are compared once more by their beginning alone.
    """

    candidates: int = 20
    hits: int = 100
    min_hit_percent: int = 0
    min_score: float = 0.4
    min_percent_of_better: int = 0
    retry_beginning: bool = False
    max_offset: int = 80


# Over this score a submission belongs to the track of what it matches ...
MIN_IMPORT_SCORE: Final = 0.75
# ... and over this one the two fingerprints are one.
SAME_FINGERPRINT: Final = 0.9


class Match(NamedTuple):
    """A stored fingerprint that sounds like the query; ``duration`` in seconds."""

    fingerprint_id: int
    duration: int
    score: float


def drop_far_behind(
    ranked: Iterable[Match], hits: Mapping[int, int], min_percent: int
) -> list[Match]:
    """Return the matches whose hits are not far behind those of a match that scores higher.

    What scores high enough to belong to the same track is never left out.

    ``ranked`` by falling score; ``hits`` by fingerprint id.
    """
    kept, most = [], 0
    for match in ranked:
        own = hits.get(match.fingerprint_id, 0)
        if match.score > MIN_IMPORT_SCORE or own * 100 >= min_percent * most:
            kept.append(match)
            most = max(most, own)
    return kept


def rank(matches: Iterable[Match]) -> list[Match]:
    """Return the matches by falling score, of equals the older fingerprint first."""
    return sorted(matches, key=lambda match: (-match.score, match.fingerprint_id))


def may_join(
    hashes: Hashes, duration: int, members: Iterable[tuple[int, Hashes]], max_offset: int = 80
) -> bool:
    """Whether a fingerprint may join a track with these (duration, hashes) members."""
    durations, candidates = [], []
    for member_duration, member_hashes in members:
        durations.append(member_duration)
        candidates.append(member_hashes)
    if any(abs(duration - other) > MAX_TRACK_DURATION_DIFFERENCE for other in durations):
        return False
    scores = Comparison(hashes, max_offset).scores(candidates)
    return all(score >= MIN_TRACK_SCORE for score in scores)
