"""Tables of the database ``fingerprint``: music, and what is known of it.

Links have no foreign keys: public dumps bring rows before what they point to.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)

from fpservice.db.types import Id, Moment, created_column

metadata = MetaData()

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("id", Id, primary_key=True),
    # Little-endian uint32.
    Column("hashes", LargeBinary, nullable=False),
    Column("length", Integer, nullable=False),  # seconds
    Column("bitrate", Integer),
    Column("format_id", Id),
    created_column(),
    sqlite_autoincrement=True,
)

track = Table(
    "track",
    metadata,
    Column("id", Id, primary_key=True),
    Column("gid", Uuid, nullable=False, unique=True),
    # The track into which this one was merged.
    Column("new_id", Id, index=True),
    created_column(),
    Column("updated", Moment),
    sqlite_autoincrement=True,
)

track_fingerprint = Table(
    "track_fingerprint",
    metadata,
    Column("track_id", Id, primary_key=True),
    Column("fingerprint_id", Id, primary_key=True),
    Column("submission_count", Integer, nullable=False),
    created_column(),
    Column("updated", Moment),
    Index("track_fingerprint_fingerprint_id_idx", "fingerprint_id"),
)


def _link(name: str, column: Column[object], *extra: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("track_id", Id, nullable=False),
        column,
        Column("submission_count", Integer, nullable=False),
        *extra,
        created_column(),
        Column("updated", Moment),
        UniqueConstraint("track_id", column.name, name=f"{name}_uniq"),
        Index(f"{name}_{column.name}_idx", column.name),
        sqlite_autoincrement=True,
    )


track_mbid = _link(
    "track_mbid",
    Column("mbid", Uuid, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=false()),
)
# Who changed a link to a recording, and why; ``disabled`` is how it was from then on.
track_mbid_change = Table(
    "track_mbid_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("track_mbid_id", Id, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    created_column(),
    sqlite_autoincrement=True,
)
track_puid = _link("track_puid", Column("puid", Uuid, nullable=False))
track_meta = _link("track_meta", Column("meta_id", Id, nullable=False))
track_foreignid = _link("track_foreignid", Column("foreignid", String, nullable=False))

meta = Table(
    "meta",
    metadata,
    Column("id", Id, primary_key=True),
    Column("track", Text),
    Column("artist", Text),
    Column("album", Text),
    Column("album_artist", Text),
    Column("track_no", Integer),
    Column("disc_no", Integer),
    Column("year", SmallInteger().with_variant(Integer, "sqlite")),
    # Equal text is one row: found again by a hash of all of it. Not unique, as dumps repeat text.
    Column("digest", BigInteger, index=True),
    created_column(),
    sqlite_autoincrement=True,
)

# One row for each submission that took effect: a second delivery finds it and changes nothing.
imported_submission = Table(
    "imported_submission",
    metadata,
    Column("submission_id", Id, primary_key=True, autoincrement=False),
    Column("fingerprint_id", Id, nullable=False),
    Column("track_id", Id, nullable=False),
    created_column(),
)

# What the index has still to be told; written in the transaction that made the change.
index_change = Table(
    "index_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("fingerprint_id", Id, nullable=False, index=True),
    Column("deleted", Boolean, nullable=False),
    created_column(),
    sqlite_autoincrement=True,
)
