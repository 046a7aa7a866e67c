"""A small part of MusicBrainz, and how it comes into a PostgreSQL database."""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path

from mbdata.models import Base
from sqlalchemy import Column, MetaData, Table, Text, create_engine
from sqlalchemy.schema import CreateSchema

SAMPLE = Path(__file__).with_name("recorded") / "dataset" / "musicbrainz.sql.gz"
SCHEMA = "musicbrainz"
_INSERT = re.compile(rf"^INSERT INTO {SCHEMA}\.(\w+) \(([^)]*)\)", re.MULTILINE)


def load_musicbrainz(url: str) -> None:
    """Create the tables that the sample needs in an empty database, and fill them.

    The tables have no constraints: the sample leaves out rows that others point to, and the
    schema of MusicBrainz has gained and lost columns since it was made.
    """
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(CreateSchema(SCHEMA))
            _tables().create_all(connection)
            connection.exec_driver_sql(_statements())
    finally:
        engine.dispose()


@cache
def _statements() -> str:
    return gzip.decompress(SAMPLE.read_bytes()).decode()


def _tables() -> MetaData:
    columns: dict[str, set[str]] = {}
    for name, listed in _INSERT.findall(_statements()):
        columns.setdefault(name, set()).update(part.strip(' "') for part in listed.split(","))
    metadata = MetaData(schema=SCHEMA)
    for name, names in columns.items():
        known = Base.metadata.tables[f"{SCHEMA}.{name}"].c
        Table(name, metadata, *(_column(one, known) for one in sorted(names)))
    return metadata


def _column(name: str, known: object) -> Column[object]:
    return Column(name, known[name].type if name in known else Text)  # type: ignore[index,operator]
