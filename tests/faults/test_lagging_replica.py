"""One of two index servers has not heard of the latest changes: no music is taken for new."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from fpservice.bootstrap import Parts
from fpservice.db.fingerprint.tables import track
from fpservice.index.http import HttpIndex
from fpservice.observability.metrics import NullMetrics
from tests.index_samples import sample
from tests.index_server import IndexServerProcess
from tests.installation import environment, fresh_fingerprint, install
from tests.services import DatabaseUrls

SONGS = 3


def test_imports_ask_the_server_that_is_told(databases: DatabaseUrls, tmp_path: Path) -> None:
    with (
        IndexServerProcess.running(tmp_path / "one", workers=1) as told,
        IndexServerProcess.running(tmp_path / "other", workers=1) as late,
    ):
        for server in (told, late):
            index = HttpIndex([server.url], "main", NullMetrics())
            index.apply([sample(10**6)])
            index.close()
        urls = f"{told.url}, {late.url}"
        variables = environment(databases, tmp_path / "data")
        installed = install({**variables, "ACOUSTID_FINGERPRINT_INDEX_URL": urls})
        for _ in range(4):
            for seed in range(SONGS):
                installed.submit(duration=30, fingerprint=fresh_fingerprint(seed), track="x")
                installed.import_all()
        assert tracks(installed.parts) == SONGS
        installed.close()


def tracks(parts: Parts) -> int:
    with parts.databases.fingerprint.reading() as connection:
        return connection.execute(select(func.count()).select_from(track)).scalar_one()
