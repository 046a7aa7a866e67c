"""What the words of ``meta`` ask of MusicBrainz, level by level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fpservice.domain.metadata import MetaWords
from fpservice.domain.recording import RecordingParts


class Level(Enum):
    """How much is shown of recordings, release groups or releases."""

    NOTHING = 0
    ID = 1
    EVERYTHING = 2


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """Which objects an answer has, and what they show."""

    root: str | None
    recordings: Level
    groups: Level
    releases: Level
    tracks: bool
    isrcs: bool
    sources: bool
    compress: bool

    @property
    def parts(self) -> RecordingParts:
        """What has to be known for it."""
        if self.root == "m2":
            return RecordingParts(artists=True, releases=True, tracks=True)
        levels = (self.recordings, self.groups, self.releases)
        return RecordingParts(
            artists=Level.EVERYTHING in levels or self.tracks,
            isrcs=self.isrcs,
            releases=(self.groups, self.releases) != (Level.NOTHING, Level.NOTHING),
            tracks=self.tracks,
        )


def answer_shape(words: MetaWords) -> AnswerShape:
    """Return the shape; a word that ends in ``ids`` beats the one that asks for everything."""
    recordings = Level.NOTHING
    if words.root == "recordings":
        recordings = Level.ID if "recordingids" in words else Level.EVERYTHING
    releases = _level(words, "releases", "releaseids")
    return AnswerShape(
        root=words.root,
        recordings=recordings,
        groups=_level(words, "releasegroups", "releasegroupids"),
        releases=releases,
        tracks="tracks" in words and releases is not Level.NOTHING,
        isrcs="isrcs" in words and recordings is Level.EVERYTHING,
        sources="sources" in words,
        compress="compress" in words,
    )


def _level(words: MetaWords, everything: str, id_alone: str) -> Level:
    if id_alone in words:
        return Level.ID
    return Level.EVERYTHING if everything in words else Level.NOTHING
