"""The tables of MusicBrainz are as those who know all of them say."""

from __future__ import annotations

import pytest
from mbdata.models import Base
from sqlalchemy import Integer, String, TableClause, Uuid

from fpservice.db.musicbrainz.tables import SCHEMA, TABLES


@pytest.mark.parametrize("own", TABLES, ids=lambda own: own.name)
def test_its_columns_are_there(own: TableClause) -> None:
    known = Base.metadata.tables[f"{SCHEMA}.{own.name}"]
    assert own.schema == SCHEMA
    for column in own.columns:
        kind = known.columns[column.name].type
        name = type(kind).__name__.upper()
        if isinstance(column.type, Uuid):
            assert "UUID" in name
        elif isinstance(column.type, String):
            assert isinstance(kind, String) or "CHAR" in name
        else:
            assert isinstance(column.type, Integer)
            assert isinstance(kind, Integer)
