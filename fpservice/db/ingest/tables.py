"""Tables of the database ``ingest``: what was submitted, and what became of it."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from fpservice.db.types import Id, Moment, created_column

metadata = MetaData()

submission = Table(
    "submission",
    metadata,
    Column("id", Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("account_id", Id, nullable=False),
    Column("application_id", Id, nullable=False),
    Column("application_version", String, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("length", Integer, nullable=False),  # seconds
    Column("bitrate", Integer),
    Column("format", String),
    Column("mbid", Uuid),
    Column("puid", Uuid),
    Column("foreignid", String),
    Column("track", Text),
    Column("artist", Text),
    Column("album", Text),
    Column("album_artist", Text),
    Column("track_no", Integer),
    Column("disc_no", Integer),
    Column("year", Integer),
    created_column(),
    Column("handled", Moment),
    Index("submission_state_idx", "state", "id"),
    Index("submission_account_id_idx", "account_id"),
    sqlite_autoincrement=True,
)

# The outbox: what is still to be imported. Gone only when the outcome is recorded.
pending_submission = Table(
    "pending_submission",
    metadata,
    Column("submission_id", Id, ForeignKey("submission.id"), primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Not to be tried before; NULL: at once.
    Column("not_before", Moment),
    Column("last_error", Text),
    created_column(),
    # Tries that have begun and not come to an end: they go on, or their process was killed.
    Column("begun", Integer, nullable=False, server_default="0"),
    Index("pending_submission_not_before_idx", "not_before"),
)

submission_result = Table(
    "submission_result",
    metadata,
    Column("submission_id", Id, ForeignKey("submission.id"), primary_key=True, autoincrement=False),
    Column("fingerprint_id", Id, nullable=False),
    Column("track_id", Id, nullable=False),
    Column("track_gid", Uuid, nullable=False),
    created_column(),
)

link_source = Table(
    "link_source",
    metadata,
    Column("id", Id, primary_key=True),
    Column("submission_id", Id, ForeignKey("submission.id"), nullable=False),
    Column("source_id", Id, nullable=False),
    # fingerprint, mbid, puid, meta or foreignid
    Column("kind", String(16), nullable=False),
    Column("track_id", Id, nullable=False),
    Column("value", String, nullable=False),
    created_column(),
    UniqueConstraint("submission_id", "kind", name="link_source_uniq"),
    Index("link_source_track_id_idx", "track_id", "kind"),
    Index("link_source_source_id_idx", "source_id"),
    sqlite_autoincrement=True,
)
