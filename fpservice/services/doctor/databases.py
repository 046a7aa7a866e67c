"""Whether databases answer, have the right tables, and can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, exc, text

from fpservice.db.migrations import SchemaState, schema_state, version_table
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError
from fpservice.services.doctor.checks import Check, ProblemError

_UPGRADE: Final = "run `fpservice db upgrade`"
_SCHEMA: Final = {
    SchemaState.MISSING: ("it has no tables yet", f"{_UPGRADE}, or start `fpservice serve`"),
    SchemaState.BEHIND: ("migrations are missing", _UPGRADE),
    SchemaState.UNKNOWN: (
        "its tables are of a version that this program does not know",
        "run the newer fpservice that made them, or restore a backup from before it",
    ),
}


class _RollBackError(Exception):
    """Ends a transaction that must leave nothing behind."""


def is_there(database: Database) -> bool:
    """Return whether there is something to look at; SQLite would make a file by looking."""
    url = database.engine.url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def database_check(database: Database, section: str) -> Check:
    """Return the check of a database of our own, whose options are in ``section``."""

    def check() -> str:
        if not is_there(database):
            path = database.engine.url.database
            raise ProblemError(f"there is no file {path} yet", _SCHEMA[SchemaState.MISSING][1])
        try:
            with database.reading() as connection:
                seen = _seen(connection)
            state = schema_state(database)
        except DatabaseUnavailableError as error:
            raise _unavailable(error, section) from error
        if state is not SchemaState.CURRENT:
            raise ProblemError(*_SCHEMA[state])
        _write(database)
        return f"{seen} answers, its tables are up to date, it can be written"

    return check


def replica_check(database: Database, section: str) -> Check:
    """Return the check of the read-only copy of a database."""

    def check() -> str:
        try:
            with database.reading_replica() as connection:
                if connection.engine is not database.engine:
                    return f"{_seen(connection)} answers"
        except DatabaseUnavailableError as error:
            raise _unavailable(error, section) from error
        raise ProblemError(
            "the replica does not answer, so that its database has all the reads",
            f"start it, or mend [{section}] replica_url",
        )

    return check


def musicbrainz_check(database: Database) -> Check:
    """Return the check of a MusicBrainz database, which is only read."""
    section = "database_musicbrainz"

    def check() -> str:
        try:
            with database.reading() as connection:
                seen = _seen(connection)
                some = connection.execute(text("SELECT 1 FROM musicbrainz.recording LIMIT 1"))
                if some.first() is None:
                    raise ProblemError("it has no recordings", "import a dump of MusicBrainz")
        except DatabaseUnavailableError as error:
            raise _unavailable(error, section) from error
        except exc.ProgrammingError as error:
            raise ProblemError(
                f"recordings cannot be read: {_first_line(error)}",
                f"import a dump of MusicBrainz, let the user read its tables, or mend [{section}]",
            ) from error
        return f"{seen} answers and has recordings"

    return check


def _seen(connection: Connection) -> str:
    version = connection.dialect.server_version_info or ()
    kind = "SQLite" if connection.dialect.name == "sqlite" else "PostgreSQL"
    return f"{kind} {'.'.join(map(str, version))}"


def _write(database: Database) -> None:
    table = version_table(database.name)
    try:
        with database.writing() as connection:
            connection.execute(text(f"UPDATE {table} SET version_num = version_num"))  # noqa: S608
            raise _RollBackError
    except _RollBackError:
        return
    except (DatabaseUnavailableError, exc.DBAPIError) as error:
        raise ProblemError(
            f"it cannot be written: {_first_line(error)}",
            "let the user write, free the disk of the database, or wait for whoever locks it",
        ) from error


def _unavailable(error: DatabaseUnavailableError, section: str) -> ProblemError:
    return ProblemError(str(error), f"start the server, or mend what [{section}] says of it")


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
