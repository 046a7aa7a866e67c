"""The migrations make the tables that the code expects, and nothing else."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from tests.services import DatabaseUrls


@pytest.mark.parametrize("name", ["app", "fingerprint", "ingest"])
def test_migrated_tables_are_the_declared_ones(database_urls: DatabaseUrls, name: str) -> None:
    database = Database(name, open_engine(getattr(database_urls, name)))
    version_table = f"alembic_version_{name}"
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": version_table}
        )
        assert compare_metadata(context, migrations.METADATA[name]) == []
    assert migrations.is_current(database)
    database.close()


@pytest.mark.parametrize("name", ["app", "fingerprint", "ingest"])
def test_upgrading_again_changes_nothing(database_urls: DatabaseUrls, name: str) -> None:
    database = Database(name, open_engine(getattr(database_urls, name)))
    migrations.upgrade(database)
    assert migrations.is_current(database)
    database.close()
