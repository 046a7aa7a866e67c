"""Artist credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, String, cast, select

from fpservice.db.musicbrainz.tables import artist, artist_credit_name
from fpservice.domain.recording import ArtistCredit, CreditedArtist


def artist_credits(connection: Connection, ids: Collection[int]) -> dict[int, ArtistCredit]:
    """Return the credits with these ids, in one statement."""
    if not ids:
        return {}
    name = artist_credit_name
    rows = connection.execute(
        select(
            name.c.artist_credit,
            cast(artist.c.gid, String).label("gid"),
            name.c.name,
            name.c.join_phrase,
        )
        .join(artist, artist.c.id == name.c.artist)
        .where(name.c.artist_credit.in_(ids))
        .order_by(name.c.artist_credit, name.c.position)
    )
    found: dict[int, list[CreditedArtist]] = defaultdict(list)
    for row in rows:
        found[row.artist_credit].append(CreditedArtist(row.gid, row.name, row.join_phrase))
    return {credit: tuple(some) for credit, some in found.items()}
