"""Who is credited for a submission when the database of the accounts fails at a bad moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select, text

from fpservice.bootstrap import build_ingestion
from fpservice.db.app.tables import source
from fpservice.db.ingest.tables import link_source
from fpservice.domain.errors import DatabaseUnavailableError
from tests.installation import environment, fresh_fingerprint, install
from tests.services import DatabaseUrls


def test_a_source_that_was_not_committed_is_not_remembered(
    postgres_databases: DatabaseUrls, tmp_path: Path
) -> None:
    installed = install(environment(postgres_databases, tmp_path))
    app = installed.parts.databases.app
    [id] = installed.submit(
        duration=30, fingerprint=fresh_fingerprint(1), track="x", clientversion="1.0"
    )
    ended: list[int] = []

    def end_connection(connection: Connection) -> None:
        if not ended:
            ended.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            with app.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended[0]})

    ingestion = build_ingestion(installed.parts)
    event.listen(app.engine, "commit", end_connection)
    try:
        with pytest.raises(DatabaseUnavailableError):
            ingestion.import_submission(id)
    finally:
        event.remove(app.engine, "commit", end_connection)
    ingestion.import_submission(id)
    with installed.parts.databases.ingest.reading() as connection:
        credited = set(connection.execute(select(link_source.c.source_id)).scalars())
    with app.reading() as connection:
        assert set(connection.execute(select(source.c.id)).scalars()) == credited
    installed.close()
    postgres_databases.empty()
