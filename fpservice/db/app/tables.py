"""Tables of the database ``app``: who may call, and where submissions come from."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    true,
)

from fpservice.db.types import Id, created_column

metadata = MetaData()

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("apikey", String, nullable=False, unique=True),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("anonymous", Boolean, nullable=False),
    Column("application_id", Id),
    Column("application_version", String),
    created_column(),
    # The name of the MusicBrainz user who signed in.
    Column("mbuser", String),
    Index("account_mbuser_idx", "mbuser", unique=True),
    sqlite_autoincrement=True,
)

application = Table(
    "application",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False, server_default=""),
    Column("apikey", String, nullable=False, unique=True),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("email", String),
    Column("website", String),
    # Requests a second; NULL: the limit of the configuration.
    Column("rate_limit", Float),
    Column("account_id", Id, ForeignKey("account.id"), index=True),
    created_column(),
    sqlite_autoincrement=True,
)

source = Table(
    "source",
    metadata,
    Column("id", Id, primary_key=True),
    Column("application_id", Id, ForeignKey("application.id"), nullable=False),
    Column("account_id", Id, ForeignKey("account.id"), nullable=False),
    # Empty, not NULL, where none was sent: NULLs would not be unique.
    Column("version", String, nullable=False),
    UniqueConstraint("application_id", "account_id", "version", name="source_uniq"),
    Index("source_account_id_idx", "account_id"),
    sqlite_autoincrement=True,
)

format = Table(
    "format",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

lookup_statistics = Table(
    "lookup_statistics",
    metadata,
    Column("day", Date, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("application_id", Id, primary_key=True, autoincrement=False),
    Column("hits", Integer, nullable=False),
    Column("misses", Integer, nullable=False),
    Index("lookup_statistics_application_id_idx", "application_id", "day"),
)

user_agent_statistics = Table(
    "user_agent_statistics",
    metadata,
    Column("day", Date, primary_key=True),
    Column("application_id", Id, primary_key=True, autoincrement=False),
    Column("user_agent", String(200), primary_key=True),
    Column("requests", Integer, nullable=False),
)
