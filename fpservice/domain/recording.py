"""Recordings, and the releases they are on, as MusicBrainz knows them.

Every ``id`` is the MBID as answers show it: a UUID in lower case. Durations are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CreditedArtist:
    """An artist under the name of the credit; ``joinphrase`` leads to the next one."""

    id: str
    name: str
    joinphrase: str


ArtistCredit = tuple[CreditedArtist, ...]


@dataclass(frozen=True, slots=True)
class ReleaseGroup:
    """What one album is in all its editions."""

    id: str
    title: str
    artists: ArtistCredit
    type: str | None = None
    secondary_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """Where and when a release came out; ``country`` is the code of ISO 3166-1."""

    country: str | None
    year: int | None
    month: int | None
    day: int | None

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Sorts by date; what is unknown comes behind what is known."""
        return self.year or 9999, self.month or 99, self.day or 99, self.country or "~"


@dataclass(frozen=True, slots=True)
class Release:
    """An edition; the counts are of the whole release, the events in the order of their dates."""

    id: str
    title: str
    artists: ArtistCredit
    group: ReleaseGroup
    medium_count: int
    track_count: int
    events: tuple[ReleaseEvent, ...] = ()

    @property
    def order(self) -> tuple[tuple[int, int, int, str], str]:
        """Sorts by the date of the first event, then by id."""
        first = self.events[0] if self.events else ReleaseEvent(None, None, None, None)
        return first.order, self.id


@dataclass(frozen=True, slots=True)
class Medium:
    """A disc of a release; ``track_count`` is that of the whole disc."""

    position: int
    track_count: int
    format: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class MediumTrack:
    """A recording's place on a medium, and what it is called there."""

    id: str
    title: str
    artists: ArtistCredit
    position: int
    duration: float | None
    medium: Medium

    @property
    def order(self) -> tuple[int, int]:
        """Sorts by medium, then by position on it."""
        return self.medium.position, self.position


@dataclass(frozen=True, slots=True)
class Appearance:
    """A release that a recording is on; without ``tracks`` if nobody asked for them."""

    release: Release
    tracks: tuple[MediumTrack, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording; its ``id`` is the present one if it was asked for by that of a merged one."""

    id: str
    title: str
    artists: ArtistCredit
    duration: float | None
    isrcs: tuple[str, ...] = ()
    appearances: tuple[Appearance, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordingParts:
    """What of recordings is needed; the rest may be left empty.

    ``artists`` are those of everything shown; ``tracks`` need ``releases``.
    """

    artists: bool = False
    isrcs: bool = False
    releases: bool = False
    tracks: bool = False
