"""Release groups, releases, mediums and their tracks as answers show them.

Unknown values are left out. With ``compress`` an object leaves out what the object around it
shows: the parents are given as they are shown, before anything is left out of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from fpservice.domain.recording import (
    Appearance,
    ArtistCredit,
    Medium,
    MediumTrack,
    Release,
    ReleaseEvent,
    ReleaseGroup,
)
from fpservice.domain.recording_words import AnswerShape, Level

Shown = dict[str, Any]


def group_objects(
    appearances: Iterable[Appearance], shape: AnswerShape, recording: Shown
) -> list[Shown]:
    """Return the release groups, that of the oldest release first, each with its releases."""
    members: dict[str, list[Appearance]] = defaultdict(list)
    for appearance in sorted(appearances, key=_order):
        members[appearance.release.group.id].append(appearance)
    return [_group(some[0].release.group, some, shape, recording) for some in members.values()]


def release_objects(
    appearances: Iterable[Appearance], shape: AnswerShape, recording: Shown
) -> list[Shown]:
    """Return the releases, the oldest first."""
    return [
        _release(some, shape, recording, recording.get("title"))
        for some in _by_release(sorted(appearances, key=_order))
    ]


def artist_objects(artists: ArtistCredit) -> list[Shown]:
    """Return the artists of a credit in its order."""
    return [
        {"id": one.id, "name": one.name, "joinphrase": one.joinphrase}
        if one.joinphrase
        else {"id": one.id, "name": one.name}
        for one in artists
    ]


def _order(appearance: Appearance) -> tuple[tuple[int, int, int, str], str]:
    return appearance.release.order


def _group(
    group: ReleaseGroup, appearances: Sequence[Appearance], shape: AnswerShape, recording: Shown
) -> Shown:
    shown: Shown = {"id": group.id}
    if shape.groups is Level.EVERYTHING:
        shown["title"] = group.title
        shown["artists"] = artist_objects(group.artists)
        if group.type:
            shown["type"] = group.type
        if group.secondary_types:
            shown["secondarytypes"] = list(group.secondary_types)
    if shape.releases is not Level.NOTHING:
        shown["releases"] = [
            _release(some, shape, shown, recording.get("title"))
            for some in _by_release(appearances)
        ]
    if shape.compress:
        _drop_equal(shown, recording, "artists")
    return shown


def _by_release(appearances: Iterable[Appearance]) -> Iterable[list[Appearance]]:
    """Bring together what several recordings have on one release."""
    members: dict[str, list[Appearance]] = defaultdict(list)
    for appearance in appearances:
        members[appearance.release.id].append(appearance)
    return members.values()


def _release(
    appearances: Sequence[Appearance], shape: AnswerShape, parent: Shown, title: str | None
) -> Shown:
    """Show a release inside ``parent``; ``title`` is what the recording shows for its own."""
    release = appearances[0].release
    shown: Shown = {"id": release.id}
    if shape.releases is Level.EVERYTHING:
        _describe(release, shown)
    if shape.tracks:
        tracks = [track for appearance in appearances for track in appearance.tracks]
        shown["mediums"] = _mediums(tracks, shape, shown, title)
    if shape.compress:
        names = ("title", "artists") if shape.groups is not Level.NOTHING else ("artists",)
        _drop_equal(shown, parent, *names)
    return shown


def _describe(release: Release, shown: Shown) -> None:
    shown["title"] = release.title
    shown["artists"] = artist_objects(release.artists)
    shown["medium_count"] = release.medium_count
    shown["track_count"] = release.track_count
    if release.events:
        events = [_event(event) for event in release.events]
        shown.update(events[0])
        shown["releaseevents"] = events


def _event(event: ReleaseEvent) -> Shown:
    shown: Shown = {"country": event.country} if event.country else {}
    parts = {"year": event.year, "month": event.month, "day": event.day}
    date = {name: value for name, value in parts.items() if value is not None}
    return {**shown, "date": date} if date else shown


def _mediums(
    tracks: Iterable[MediumTrack], shape: AnswerShape, release: Shown, title: str | None
) -> list[Shown]:
    mediums: dict[int, Shown] = {}
    for track in sorted(tracks, key=lambda track: track.order):
        medium = mediums.setdefault(track.medium.position, _medium(track.medium))
        medium["tracks"].append(_track(track, shape, release, title))
    return list(mediums.values())


def _medium(medium: Medium) -> Shown:
    shown: Shown = {"position": medium.position, "track_count": medium.track_count, "tracks": []}
    if medium.format:
        shown["format"] = medium.format
    if medium.title:
        shown["title"] = medium.title
    return shown


def _track(track: MediumTrack, shape: AnswerShape, release: Shown, title: str | None) -> Shown:
    artists = artist_objects(track.artists)
    shown = {"id": track.id, "position": track.position, "title": track.title, "artists": artists}
    if shape.compress:
        _drop_equal(shown, {"title": title}, "title")
        _drop_equal(shown, release, "artists")
    return shown


def _drop_equal(child: Shown, parent: Shown, *names: str) -> None:
    for name in names:
        if name in child and name in parent and child[name] == parent[name]:
            del child[name]
