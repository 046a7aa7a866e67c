"""The recordings of a track: which links mean the same one, and which one comes first."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fpservice.domain.recording import Recording


@dataclass(frozen=True, slots=True)
class LinkedRecording:
    """A recording of a track, and how many submissions say so.

    ``recording`` is None where nothing but the id is known.
    """

    id: str
    sources: int
    recording: Recording | None = None


def linked_recordings(
    sources: Iterable[tuple[uuid.UUID, int]],
    known: Mapping[uuid.UUID, Recording],
    duration: int | None = None,
) -> list[LinkedRecording]:
    """Return the recordings of a track, the most likely first.

    Links of MBIDs that were merged into one are one link. The order is by falling number of
    sources, then by closeness of the length to ``duration`` (seconds, as asked), then by id.

    Args:
        sources: MBIDs and the number of submissions behind each.
        known: what is known, by MBID as linked.
    """
    merged: dict[str, LinkedRecording] = {}
    for mbid, count in sources:
        recording = known.get(mbid)
        name = recording.id if recording else str(mbid)
        before = merged[name].sources if name in merged else 0
        merged[name] = LinkedRecording(name, before + count, recording)
    return sorted(
        merged.values(), key=lambda link: (-link.sources, _distance(link, duration), link.id)
    )


def _distance(link: LinkedRecording, duration: int | None) -> float:
    if duration is None:
        return 0.0
    if link.recording is None or link.recording.duration is None:
        return math.inf
    return abs(link.recording.duration - duration)
