"""Artist credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import String, cast, select

from fpservice.db.musicbrainz.tables import artist, artist_credit_name
from fpservice.db.quick import QuickConnection, QuickStatement
from fpservice.domain.recording import ArtistCredit, CreditedArtist

_CREDITS = QuickStatement(
    lambda among: (
        select(
            artist_credit_name.c.artist_credit,
            cast(artist.c.gid, String),
            artist_credit_name.c.name,
            artist_credit_name.c.join_phrase,
        )
        .join(artist, artist.c.id == artist_credit_name.c.artist)
        .where(among(artist_credit_name.c.artist_credit))
        .order_by(artist_credit_name.c.artist_credit, artist_credit_name.c.position)
    )
)


def artist_credits(connection: QuickConnection, ids: Collection[int]) -> dict[int, ArtistCredit]:
    """Return the credits with these ids, in one statement."""
    if not ids:
        return {}
    found: dict[int, list[CreditedArtist]] = defaultdict(list)
    for credit, gid, name, join_phrase in connection.rows(_CREDITS, list(ids)):
        found[credit].append(CreditedArtist(gid, name, join_phrase))
    return {credit: tuple(some) for credit, some in found.items()}
