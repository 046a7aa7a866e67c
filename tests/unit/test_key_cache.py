"""Keys are remembered, until all are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from fpservice.domain.caller import Application
from fpservice.services.key_cache import KeyCache

KNOWN = Application(1, "Test", "", "known", True, None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database("app", open_engine(f"sqlite:///{tmp_path / 'app.db'}"))) as opened:
        yield opened


class Table:
    """Stands for a table with one key; calls ``KeyCache.forget_all`` during a read if told to."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.forgetful: KeyCache[Application] | None = None

    def find(self, connection: Connection, apikey: str) -> Application | None:
        self.reads.append(apikey)
        if self.forgetful:
            self.forgetful.forget_all()
        return KNOWN if apikey == KNOWN.apikey else None


def test_keys_are_read_once_until_all_are_forgotten(database: Database) -> None:
    table = Table()
    cache = KeyCache(database, table.find, 10, 60.0)
    for _ in range(3):
        assert cache.get("known") == KNOWN
        assert cache.get("unknown") is None
    assert table.reads == ["known", "unknown"]
    cache.forget_all()
    cache.get("known")
    cache.get("unknown")
    assert table.reads == ["known", "unknown"] * 2


@pytest.mark.parametrize("apikey", ["known", "unknown"])
def test_what_was_read_while_all_were_forgotten_is_not_kept(
    database: Database, apikey: str
) -> None:
    table = Table()
    cache = KeyCache(database, table.find, 10, 60.0)
    table.forgetful = cache
    first = cache.get(apikey)
    table.forgetful = None
    assert [cache.get(apikey) for _ in range(3)] == [first] * 3
    assert table.reads == [apikey] * 2
