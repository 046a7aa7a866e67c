"""Brings the schema of each database to the version this program needs."""

from __future__ import annotations

import enum
import math
import sysconfig
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text

from fpservice.db.app.tables import metadata as app_metadata
from fpservice.db.fingerprint.tables import metadata as fingerprint_metadata
from fpservice.db.ingest.tables import metadata as ingest_metadata
from fpservice.db.transaction import Database
from fpservice.db.watched import patience

METADATA: Final[dict[str, MetaData]] = {
    "app": app_metadata,
    "fingerprint": fingerprint_metadata,
    "ingest": ingest_metadata,
}
# Two processes that start at once must not both migrate.
_LOCK: Final = 0x46_50_53_00
# Less than clients wait for an answer.
_TABLE_PATIENCE_MS: Final = 3000


class SchemaState(enum.Enum):
    """How the schema of a database stands to the one this program needs."""

    MISSING = "missing"
    BEHIND = "behind"
    CURRENT = "current"
    UNKNOWN = "unknown"


def upgrade(database: Database) -> None:
    """Apply all migrations that are missing; nothing happens if there is none.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    # A migration may take longer than any request, and so may another process's.
    with database.writing() as connection, patience(connection, math.inf):
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            # While it waits for a table, all who want the table wait behind it.
            connection.execute(text(f"SET LOCAL lock_timeout = {_TABLE_PATIENCE_MS}"))
        command.upgrade(_config(database.name, connection), "head")


def is_current(database: Database) -> bool:
    """Whether the schema is the one this program needs.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    return schema_state(database) is SchemaState.CURRENT


def schema_state(database: Database) -> SchemaState:
    """Return how the schema stands to the one this program needs.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": version_table(database.name)}
        )
        script = ScriptDirectory.from_config(_config(database.name, connection))
        revision = context.get_current_revision()
    if revision is None:
        return SchemaState.MISSING
    if revision == script.get_current_head():
        return SchemaState.CURRENT
    known = {one.revision for one in script.walk_revisions()}
    return SchemaState.BEHIND if revision in known else SchemaState.UNKNOWN


def version_table(name: str) -> str:
    """Return the table in which a database's version is kept."""
    return f"alembic_version_{name}"


def _config(name: str, connection: Connection) -> Config:
    root = _script_folder()
    config = Config()
    config.set_main_option("script_location", str(root))
    config.set_main_option("version_locations", str(root / "versions" / name))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, database=name, metadata=METADATA[name])
    return config


def _script_folder() -> Path:
    """Return the folder ``alembic`` of the source tree, else of the installation."""
    source = Path(__file__).parents[2] / "alembic"
    # Beside an installed package stands the library of this name, which has no versions.
    if (source / "versions").is_dir():
        return source
    return Path(sysconfig.get_path("data"), "share/fpservice/alembic")
