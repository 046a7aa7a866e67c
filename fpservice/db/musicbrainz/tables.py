"""The tables of MusicBrainz that lookups read, with the columns that they read of them.

All MusicBrainz schemas of the last years have these in common; a test compares them with those of
``mbdata``, which defines all tables there are, and takes a second and 40 MB of each process for it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Integer, String, TableClause, Uuid, column, table

SCHEMA: Final = "musicbrainz"


def _table(name: str, numbers: str = "", texts: str = "", uuids: str = "") -> TableClause:
    kinds = ((numbers, Integer), (texts, String), (uuids, Uuid))
    columns = [column(one, kind) for names, kind in kinds for one in names.split()]
    return table(name, *columns, schema=SCHEMA)


artist: Final = _table("artist", "id", uuids="gid")
artist_credit_name: Final = _table(
    "artist_credit_name", "artist_credit position artist", "name join_phrase"
)
iso_3166_1: Final = _table("iso_3166_1", "area", "code")
isrc: Final = _table("isrc", "recording", "isrc")
medium: Final = _table("medium", "id release position format track_count", "name")
medium_format: Final = _table("medium_format", "id", "name")
recording: Final = _table("recording", "id artist_credit length", "name", "gid")
recording_gid_redirect: Final = _table("recording_gid_redirect", "new_id", uuids="gid")
release: Final = _table("release", "id artist_credit release_group", "name", "gid")
release_country: Final = _table("release_country", "release country date_year date_month date_day")
release_group: Final = _table("release_group", "id artist_credit type", "name", "gid")
release_group_primary_type: Final = _table("release_group_primary_type", "id", "name")
release_group_secondary_type: Final = _table("release_group_secondary_type", "id", "name")
release_group_secondary_type_join: Final = _table(
    "release_group_secondary_type_join", "release_group secondary_type"
)
track: Final = _table("track", "recording medium position artist_credit length", "name", "gid")
TABLES: Final = (
    *(artist, artist_credit_name, iso_3166_1, isrc, medium, medium_format),
    *(recording, recording_gid_redirect, release, release_country, release_group),
    *(release_group_primary_type, release_group_secondary_type),
    *(release_group_secondary_type_join, track),
)
