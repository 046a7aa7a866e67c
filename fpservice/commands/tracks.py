"""``fpservice tracks``: the tracks that fingerprints make up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from fpservice.bootstrap_tracks import build_track_details, build_track_merging
from fpservice.commands import named
from fpservice.commands.parts import opened_parts
from fpservice.db.fingerprint.links import TextLink
from fpservice.db.fingerprint.track_rows import TrackName
from fpservice.services.track_details import TrackDetails

_KINDS: Final = {
    "track_fingerprint": "fingerprints",
    "track_mbid": "recordings",
    "track_puid": "PUIDs",
    "track_foreignid": "foreign ids",
    "track_meta": "texts",
}
_TEXT: Final = ("track", "artist", "album", "album_artist", "track_no", "disc_no", "year")


@click.group()
def tracks() -> None:
    """Look at tracks, and merge those that are the same music."""


@tracks.command()
@click.argument("source", metavar="FROM", type=named.track)
@click.argument("target", metavar="INTO", type=named.track)
@named.by_option
def merge(source: TrackName, target: TrackName, by: str) -> None:
    """Merge a track into another one; each is named by its gid or id.

    All that the first is linked to is linked to the second from then on, and counts are summed.
    Whoever asks for the first gets the second. It cannot be undone.
    """
    with opened_parts() as parts:
        merger = build_track_merging(parts).merge(source, target, by)
    click.echo(f"track {merger.source} was merged into {merger.target}: {_moved(merger.moved)}")
    for mbid in merger.kept_disabled:
        click.echo(
            f"the link to recording {mbid} stays disabled, as that of one of the two tracks was;"
            f" if it is right: fpservice links enable {merger.target} {mbid} --note …"
        )


@tracks.command()
@click.argument("track", type=named.track)
def show(track: TrackName) -> None:
    """Show all that is stored of one track, named by its gid or id, as JSON."""
    with opened_parts() as parts:
        details = build_track_details(parts).show(track)
    click.echo(json.dumps(_shown(details), indent=2, ensure_ascii=False))


def _moved(counts: Mapping[str, int]) -> str:
    moved = [f"{kind}: {counts[table]}" for table, kind in _KINDS.items()]
    return "moved " + ", ".join(moved)


def _shown(details: TrackDetails) -> dict[str, Any]:
    track = details.track
    return {
        "id": track.id,
        "gid": str(track.gid),
        "created": track.created.isoformat(),
        "merged_into": str(details.merged_into) if details.merged_into else None,
        "merged_from": [str(gid) for gid in details.merged_from],
        "fingerprints": [
            {"id": one.id, "duration": one.duration, "submissions": one.submission_count}
            for one in details.fingerprints
        ],
        "recordings": [
            {"id": str(one.mbid), "submissions": one.submission_count, "disabled": one.disabled}
            for one in details.recordings
        ],
        "puids": {str(puid): count for puid, count in details.puids.items()},
        "foreignids": dict(details.foreignids),
        "texts": [_text(one) for one in details.texts],
    }


def _text(text: TextLink) -> dict[str, Any]:
    given = {name: getattr(text, name) for name in _TEXT}
    return {
        **{name: value for name, value in given.items() if value is not None},
        "submissions": text.sources,
    }
