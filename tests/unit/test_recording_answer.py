"""What a result shows of its track's recordings, word by word."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from fpservice.domain.metadata import parse_meta
from fpservice.domain.recording import (
    Appearance,
    CreditedArtist,
    Medium,
    MediumTrack,
    Recording,
    RecordingParts,
    Release,
    ReleaseEvent,
    ReleaseGroup,
)
from fpservice.domain.recording_answer import describe_track
from fpservice.domain.recording_links import LinkedRecording, linked_recordings
from fpservice.domain.recording_words import answer_shape

ADA = (CreditedArtist("ada", "Ada", ""),)
DUO = (CreditedArtist("ada", "Ada", " & "), CreditedArtist("bob", "Bob", ""))
ADA_SHOWN = [{"id": "ada", "name": "Ada"}]
DUO_SHOWN = [{"id": "ada", "name": "Ada", "joinphrase": " & "}, {"id": "bob", "name": "Bob"}]
ALBUM = ReleaseGroup("album", "Album", ADA, "Album", ("Compilation", "Live"))
SAMPLER = ReleaseGroup("sampler", "Sampler", DUO)
CD = Medium(1, 12, "CD")
FIRST = Release("first", "Album", ADA, ALBUM, 1, 12, (ReleaseEvent("GB", 1999, 5, 17),))
AGAIN = Release(
    "again", "Album (again)", DUO, ALBUM, 2, 30, (ReleaseEvent("US", 2004, None, None),)
)
OTHER = Release("other", "Sampler", DUO, SAMPLER, 1, 20)
ON_FIRST = MediumTrack("t1", "Song", ADA, 3, 201.5, CD)
ON_AGAIN = MediumTrack("t2", "Song (remaster)", ADA, 4, None, Medium(2, 18, None, "Bonus"))
ON_OTHER = MediumTrack("t3", "Song", DUO, 9, 200.0, Medium(1, 20))
APPEARANCES = (
    Appearance(OTHER, (ON_OTHER,)),
    Appearance(AGAIN, (ON_AGAIN,)),
    Appearance(FIRST, (ON_FIRST,)),
)
SONG = Recording("song", "Song", ADA, 201.0, ("GBAAA0400017",), APPEARANCES)
BARE = Recording("bare", "Bare", DUO, None)


def shown(words: str, *recordings: Recording) -> dict[str, Any]:
    links = [LinkedRecording(one.id, 7, one) for one in recordings or (SONG,)]
    return describe_track(links, answer_shape(parse_meta(words)))


def first_recording(words: str) -> dict[str, Any]:
    recording: dict[str, Any] = shown(words)["recordings"][0]
    return recording


def ids(objects: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in objects]


def test_a_recording_has_title_artists_and_length_in_seconds() -> None:
    assert shown("recordings") == {
        "recordings": [{"id": "song", "title": "Song", "artists": ADA_SHOWN, "duration": 201.0}]
    }


def test_what_is_unknown_is_left_out() -> None:
    wanted = {"id": "bare", "title": "Bare", "artists": DUO_SHOWN}
    assert shown("recordings isrcs releases tracks", BARE) == {"recordings": [wanted]}


def test_nothing_known_leaves_the_id_and_the_sources() -> None:
    links = [LinkedRecording("x", 3)]
    for words in ("recordings", "recordingids", "isrcs", "m2"):
        shape = answer_shape(parse_meta(f"{words} sources releases tracks"))
        assert describe_track(links, shape) == {"recordings": [{"id": "x", "sources": 3}]}
    assert describe_track(links, answer_shape(parse_meta("releasegroups"))) == {"releasegroups": []}
    assert describe_track(links, answer_shape(parse_meta("releaseids"))) == {"releases": []}


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("recordingids", {"id"}),
        ("recordings recordingids isrcs", {"id"}),
        ("recordingids sources", {"id", "sources"}),
        ("isrcs", {"id", "title", "artists", "duration", "isrcs"}),
        ("recordings tracks", {"id", "title", "artists", "duration"}),
        (
            "recordings releasegroups tracks",
            {"id", "title", "artists", "duration", "releasegroups"},
        ),
        ("recordingids releases releaseids", {"id", "releases"}),
    ],
)
def test_words_that_end_in_ids_leave_the_id_of_their_level(words: str, keys: set[str]) -> None:
    assert first_recording(words).keys() == keys


def test_ids_of_groups_and_releases() -> None:
    groups = first_recording("recordings releasegroupids releaseids")["releasegroups"]
    assert groups == [
        {"id": "album", "releases": [{"id": "first"}, {"id": "again"}]},
        {"id": "sampler", "releases": [{"id": "other"}]},
    ]


def test_a_release_has_counts_events_and_the_first_of_them_flat() -> None:
    [release, *_] = first_recording("recordings releases")["releases"]
    event = {"country": "GB", "date": {"year": 1999, "month": 5, "day": 17}}
    assert release == {
        "id": "first",
        "title": "Album",
        "artists": ADA_SHOWN,
        "medium_count": 1,
        "track_count": 12,
        "releaseevents": [event],
        **event,
    }


def test_an_event_may_lack_country_or_date() -> None:
    events = (ReleaseEvent(None, 2001, None, None), ReleaseEvent("JP", None, None, None))
    appearance = Appearance(replace(FIRST, events=events))
    [release] = shown("releases", replace(SONG, appearances=(appearance,)))["releases"]
    assert release["releaseevents"] == [{"date": {"year": 2001}}, {"country": "JP"}]
    assert release["date"] == {"year": 2001}
    assert "country" not in release


def test_groups_have_types_if_they_have_any() -> None:
    album, sampler = first_recording("recordings releasegroups")["releasegroups"]
    assert album["type"] == "Album"
    assert album["secondarytypes"] == ["Compilation", "Live"]
    assert sampler == {"id": "sampler", "title": "Sampler", "artists": DUO_SHOWN}


@pytest.mark.parametrize("words", ["releases tracks", "releaseids tracks"])
def test_tracks_come_in_mediums(words: str) -> None:
    releases = shown(words)["releases"]
    assert [release["mediums"] for release in releases] == [
        [{"position": 1, "track_count": 12, "format": "CD", "tracks": [track("t1", 3)]}],
        [
            {
                "position": 2,
                "track_count": 18,
                "title": "Bonus",
                "tracks": [track("t2", 4, "Song (remaster)")],
            }
        ],
        [{"position": 1, "track_count": 20, "tracks": [track("t3", 9, artists=DUO_SHOWN)]}],
    ]


def track(
    gid: str, position: int, title: str = "Song", artists: list[dict[str, str]] = ADA_SHOWN
) -> dict[str, Any]:
    return {"id": gid, "position": position, "title": title, "artists": artists}


def test_the_oldest_release_comes_first_and_undated_ones_last() -> None:
    assert ids(shown("releases")["releases"]) == ["first", "again", "other"]
    assert ids(shown("releasegroups")["releasegroups"]) == ["album", "sampler"]


def test_recordings_on_one_release_share_it_where_it_is_the_root() -> None:
    second = MediumTrack("t0", "Other", DUO, 1, 100.0, CD)
    other = replace(BARE, appearances=(Appearance(FIRST, (second,)),))
    [release, *_] = shown("releases tracks", SONG, other)["releases"]
    [medium] = release["mediums"]
    assert [(one["id"], one["position"]) for one in medium["tracks"]] == [("t0", 1), ("t1", 3)]


def test_compress_of_groups_against_the_recording() -> None:
    album, sampler = first_recording("recordings releasegroups compress")["releasegroups"]
    assert "artists" not in album
    assert album["title"] == "Album"
    assert sampler["artists"] == DUO_SHOWN


def test_compress_takes_artists_from_every_group_that_repeats_them() -> None:
    single = ReleaseGroup("single", "Song", ADA)
    appearances = (*APPEARANCES, Appearance(replace(FIRST, id="s", group=single)))
    recording = replace(SONG, appearances=appearances)
    [only] = shown("recordings releasegroups compress", recording)["recordings"]
    kept = {group["id"] for group in only["releasegroups"] if "artists" in group}
    assert kept == {"sampler"}


def test_compress_of_releases_against_the_group() -> None:
    album, sampler = shown("releasegroups releases compress")["releasegroups"]
    first, again = album["releases"]
    assert first.keys().isdisjoint({"title", "artists"})
    assert (again["title"], again["artists"]) == ("Album (again)", DUO_SHOWN)
    assert sampler["releases"][0].keys().isdisjoint({"title", "artists"})
    assert album["artists"] == ADA_SHOWN


def test_compress_of_releases_without_groups_against_the_recording() -> None:
    first, again, _ = first_recording("recordings releases compress")["releases"]
    assert "artists" not in first
    assert first["title"] == "Album"
    assert again["artists"] == DUO_SHOWN


def test_a_release_with_the_title_of_the_recording_keeps_it() -> None:
    appearance = Appearance(replace(FIRST, title="Song"))
    recording = replace(SONG, appearances=(appearance,))
    [only] = shown("recordings releases compress", recording)["recordings"]
    assert only["releases"][0]["title"] == "Song"


def test_compress_of_tracks_against_release_and_recording() -> None:
    words = "recordings releasegroups releases tracks compress"
    album, sampler = first_recording(words)["releasegroups"]
    tracks = [one["mediums"][0]["tracks"][0] for one in album["releases"] + sampler["releases"]]
    assert tracks == [
        {"id": "t1", "position": 3},
        # The release is by others than the track, though the recording is not.
        {"id": "t2", "position": 4, "title": "Song (remaster)", "artists": ADA_SHOWN},
        {"id": "t3", "position": 9},
    ]


def test_compress_keeps_what_no_parent_shows() -> None:
    [release, *_] = first_recording("recordingids releaseids tracks compress")["releases"]
    assert release["mediums"][0]["tracks"] == [track("t1", 3)]
    [release, *_] = shown("releases tracks compress")["releases"]
    assert release["mediums"][0]["tracks"] == [{"id": "t1", "position": 3, "title": "Song"}]


def test_m2_turns_the_objects_round() -> None:
    assert shown("m2 recordings", replace(SONG, appearances=APPEARANCES[1:2])) == {
        "recordings": [
            {
                "id": "song",
                "duration": 201.0,
                "tracks": [
                    {
                        "title": "Song (remaster)",
                        "artists": ADA_SHOWN,
                        "position": 4,
                        "medium": {
                            "position": 2,
                            "track_count": 18,
                            "release": {"id": "again", "title": "Album (again)"},
                        },
                    }
                ],
            }
        ]
    }
    assert first_recording("2")["tracks"][0]["duration"] == 201.5


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("recordingids sources", RecordingParts()),
        ("recordings", RecordingParts(artists=True)),
        ("isrcs", RecordingParts(artists=True, isrcs=True)),
        ("recordingids releaseids", RecordingParts(releases=True)),
        ("releasegroupids tracks", RecordingParts(releases=True)),
        ("releaseids tracks", RecordingParts(artists=True, releases=True, tracks=True)),
        ("m2", RecordingParts(artists=True, releases=True, tracks=True)),
    ],
)
def test_no_more_is_read_than_shown(words: str, parts: RecordingParts) -> None:
    assert answer_shape(parse_meta(words)).parts == parts


def mbid(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def known(number: int, duration: float | None) -> Recording:
    return replace(BARE, id=str(mbid(number)), duration=duration)


def test_most_sources_go_first_then_the_nearest_length_then_the_id() -> None:
    recordings = {mbid(n): known(n, seconds) for n, seconds in ((1, 300.0), (3, 199.0), (4, 205.0))}
    sources = [(mbid(n), 5 if n < 6 else 9) for n in (6, 5, 2, 1, 4, 3)]
    order = [link.id for link in linked_recordings(sources, recordings, 200)]
    assert order == [str(mbid(n)) for n in (6, 3, 4, 1, 2, 5)]


def test_without_a_duration_the_id_decides() -> None:
    recordings = {mbid(1): known(1, 300.0)}
    order = [link.id for link in linked_recordings([(mbid(2), 1), (mbid(1), 1)], recordings)]
    assert order == [str(mbid(1)), str(mbid(2))]


def test_links_of_merged_recordings_are_one() -> None:
    kept = known(9, 100.0)
    sources = [(mbid(1), 3), (mbid(2), 4), (mbid(9), 5)]
    [link, other] = linked_recordings(sources, {mbid(1): kept, mbid(9): kept}, None)
    assert (link.id, link.sources, link.recording) == (str(mbid(9)), 8, kept)
    assert (other.id, other.sources, other.recording) == (str(mbid(2)), 4, None)
