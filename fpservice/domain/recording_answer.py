"""What a result shows of its track's recordings: the four roots of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fpservice.domain.recording import Appearance, MediumTrack, Recording
from fpservice.domain.recording_links import LinkedRecording
from fpservice.domain.recording_releases import artist_objects, group_objects, release_objects
from fpservice.domain.recording_words import AnswerShape, Level

Shown = dict[str, Any]


def describe_track(links: Sequence[LinkedRecording], shape: AnswerShape) -> Shown:
    """Return the fields that the recordings of a track add to its result.

    A recording of which nothing is known appears with its id (and sources); where the answer is
    built around release groups or releases it adds nothing.
    """
    if shape.root == "m2":
        return {"recordings": [_m2_recording(link, shape) for link in links]}
    if shape.root == "recordings":
        return {"recordings": [_recording(link, shape) for link in links]}
    appearances = [one for link in links if link.recording for one in link.recording.appearances]
    if shape.root == "releasegroups":
        return {"releasegroups": group_objects(appearances, shape, {})}
    if shape.root == "releases":
        return {"releases": release_objects(appearances, shape, {})}
    return {}


def _bare(link: LinkedRecording, shape: AnswerShape) -> Shown:
    return {"id": link.id, "sources": link.sources} if shape.sources else {"id": link.id}


def _recording(link: LinkedRecording, shape: AnswerShape) -> Shown:
    shown = _bare(link, shape)
    recording = link.recording
    if recording is None:
        return shown
    if shape.recordings is Level.EVERYTHING:
        _describe(recording, shape, shown)
    if not recording.appearances:
        return shown
    if shape.groups is not Level.NOTHING:
        shown["releasegroups"] = group_objects(recording.appearances, shape, shown)
    elif shape.releases is not Level.NOTHING:
        shown["releases"] = release_objects(recording.appearances, shape, shown)
    return shown


def _describe(recording: Recording, shape: AnswerShape, shown: Shown) -> None:
    shown["title"] = recording.title
    shown["artists"] = artist_objects(recording.artists)
    if recording.duration is not None:
        shown["duration"] = recording.duration
    if shape.isrcs and recording.isrcs:
        shown["isrcs"] = list(recording.isrcs)


def _m2_recording(link: LinkedRecording, shape: AnswerShape) -> Shown:
    shown = _bare(link, shape)
    recording = link.recording
    if recording is None:
        return shown
    if recording.duration is not None:
        shown["duration"] = recording.duration
    appearances = sorted(recording.appearances, key=lambda one: one.release.order)
    tracks = [
        _m2_track(track, one)
        for one in appearances
        for track in sorted(one.tracks, key=lambda track: track.order)
    ]
    if tracks:
        shown["tracks"] = tracks
    return shown


def _m2_track(track: MediumTrack, appearance: Appearance) -> Shown:
    medium: Shown = {
        "position": track.medium.position,
        "track_count": track.medium.track_count,
        "release": {"id": appearance.release.id, "title": appearance.release.title},
    }
    if track.medium.format:
        medium["format"] = track.medium.format
    shown: Shown = {
        "title": track.title,
        "artists": artist_objects(track.artists),
        "position": track.position,
        "medium": medium,
    }
    if track.duration is not None:
        shown["duration"] = track.duration
    return shown
