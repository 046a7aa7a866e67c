"""What a server answers, read with care: any field but the ids may be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fpservice.client.errors import ServerRefusedError


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a track; ``id`` (MBID) is None where only submitted text is known."""

    id: str | None
    title: str | None
    artist: str | None


@dataclass(frozen=True, slots=True)
class LookupResult:
    """A track found; ``score`` from 0 to 1, ``answer`` is all that the server told of it."""

    track_id: str
    score: float
    recordings: list[Recording]
    answer: dict[str, Any] = field(repr=False)

    @property
    def best(self) -> Recording:
        """The first recording with a title, else the first one, else one without anything."""
        titled = (one for one in self.recordings if one.title)
        return next(titled, self.recordings[0] if self.recordings else Recording(None, None, None))


@dataclass(frozen=True, slots=True)
class SubmissionState:
    """A submission; ``state`` is pending, imported, rejected, failed or unknown."""

    id: int | None
    state: str
    track_id: str | None
    reason: str | None


def lookup_results(answer: dict[str, Any]) -> list[LookupResult]:
    """Return the results of a lookup, the best score first.

    Raises:
        ServerRefusedError: the answer does not have the form of AcoustID's.
    """
    try:
        results = [
            LookupResult(
                str(one["id"]),
                float(one["score"]),
                [_recording(recording) for recording in one.get("recordings") or ()],
                one,
            )
            for one in answer["results"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerRefusedError("the server's answer holds no results that make sense") from error
    return sorted(results, key=lambda one: -one.score)


def submission_states(answer: dict[str, Any]) -> list[SubmissionState]:
    """Return the submissions of an answer to a submission or to a question for its status.

    Raises:
        ServerRefusedError: the answer does not have the form of AcoustID's.
    """
    try:
        return [
            SubmissionState(
                None if one.get("id") is None else int(one["id"]),
                str(one["status"]),
                (one.get("result") or {}).get("id"),
                one.get("reason"),
            )
            for one in answer["submissions"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerRefusedError("the server's answer holds no submissions") from error


def _recording(recording: dict[str, Any]) -> Recording:
    artist = _names(recording.get("artists") or [])
    return Recording(recording.get("id"), recording.get("title"), artist or None)


def _names(artists: list[Any]) -> str:
    # Artists of submitted text may be plain words.
    credits = [{"name": one} if isinstance(one, str) else one for one in artists]
    # Behind the last name nothing is to be joined.
    joins = [*(str(one.get("joinphrase") or ", ") for one in credits[:-1]), ""]
    pairs = zip(credits, joins, strict=False)
    return "".join(f"{one.get('name', '')}{join}" for one, join in pairs)
