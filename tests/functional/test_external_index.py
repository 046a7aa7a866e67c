"""The main job with an index on servers of its own, on both kinds of databases.

Neither of the usual shapes: these tests wipe the index and stop its servers.
"""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from sqlalchemy import event, select, update

from fpservice.bootstrap import build_comparison, build_indexing, build_parts, build_rebuild
from fpservice.db.fingerprint.index_changes import queue_changes
from fpservice.db.fingerprint.tables import fingerprint
from fpservice.domain.errors import IndexUnavailableError
from fpservice.domain.fingerprint import to_bytes
from fpservice.index.database_source import DatabaseSource
from fpservice.index.http import HttpIndex
from fpservice.index.http_builder import HttpIndexBuilder
from fpservice.interfaces import IndexDelete
from fpservice.services.index_comparison import Difference
from tests.index_samples import sample
from tests.index_server import IndexServerProcess
from tests.installation import (
    Installation,
    environment,
    fresh_fingerprint,
    install,
    recordings,
)
from tests.services import DatabaseUrls

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"
# Seconds that a call of the index may take: enough on a machine that runs other tests too.
TIMEOUT = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServerProcess]:
    with IndexServerProcess.running(tmp_path_factory.mktemp("indexes")) as running:
        yield running


@pytest.fixture
def installed(
    databases: DatabaseUrls, tmp_path: Path, server: IndexServerProcess
) -> Iterator[Installation]:
    """A whole installation with an empty catalogue and an index of its own on the server."""
    variables = {
        **environment(databases, tmp_path),
        "ACOUSTID_FINGERPRINT_INDEX_URL": server.url,
        "ACOUSTID_FINGERPRINT_INDEX_NAME": f"index-{uuid.uuid4()}",
        "ACOUSTID_FINGERPRINT_INDEX_TIMEOUT": str(TIMEOUT),
    }
    made = install(variables)
    yield made
    made.parts.close()


def song(number: int = 0) -> dict[str, object]:
    one = recordings()[number]
    return {"duration": one["duration"], "fingerprint": one["fingerprint"]}


def external(installed: Installation) -> HttpIndex:
    assert isinstance(installed.parts.index, HttpIndex)
    return installed.parts.index


def differences(installed: Installation) -> list[Difference]:
    return build_comparison(installed.parts).differences(lambda number: None)


def rebuild(installed: Installation) -> int:
    return build_rebuild(installed.parts).rebuild(lambda number: None)


def delete_index(installed: Installation) -> None:
    options = installed.config.fingerprint_index
    requests.delete(f"{options.urls[0]}/{options.name}", timeout=10).raise_for_status()
    # A search that found it shortly before does not ask again.
    time.sleep(1.1)


def fill(installed: Installation) -> None:
    for number in range(3):
        installed.submit(**song(number), mbid=MBID)
    installed.import_all()


def test_a_submission_is_imported_then_found(installed: Installation) -> None:
    assert installed.call("/v2/lookup", **song())["results"] == []
    [submission] = installed.submit(**song(), mbid=MBID)
    installed.import_all()
    [status] = installed.status(submission)
    found = installed.call("/v2/lookup", **song(), meta="recordings sources")
    assert found["results"] == [
        {
            "id": status["result"]["id"],
            "score": 1.0,
            "recordings": [{"id": MBID, "sources": 1}],
        }
    ]
    assert installed.client.get("/_health").status_code == 200


def test_the_same_music_again_is_the_same_track(installed: Installation) -> None:
    fill(installed)
    ids = installed.submit(**song(1), mbid=MBID) + installed.submit(**song(2), mbid=MBID)
    installed.import_all()
    gids = {one["result"]["id"] for one in installed.status(*ids)}
    assert len(gids) == 2
    assert installed.parts.index.status().fingerprints == 3


@contextmanager
def statements(installed: Installation) -> Iterator[list[str]]:
    """Yield what is asked of the fingerprints' database, but for what lookups ask of the driver."""
    asked: list[str] = []

    def note(*execution: Any) -> None:
        if execution[2].startswith("SELECT"):
            asked.append(execution[2])

    engine = installed.parts.databases.fingerprint.engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def replace_with_noise(installed: Installation, *, queued: bool) -> None:
    noise = to_bytes(sample(1, length=900).hashes)
    with installed.parts.databases.fingerprint.writing() as connection:
        ids = list(connection.execute(select(fingerprint.c.id)).scalars())
        connection.execute(update(fingerprint).values(hashes=noise))
        if queued:
            queue_changes(connection, ids)


def test_lookups_read_fingerprints_once(installed: Installation) -> None:
    fill(installed)
    with statements(installed) as asked:
        first = installed.call("/v2/lookup", **song())["results"]
        assert len(asked) == 1
        assert installed.call("/v2/lookup", **song())["results"] == first != []
        assert len(asked) == 1
    assert installed.config.fingerprint_file_path.exists()


def test_what_is_replaced_is_found_as_it_is_now(installed: Installation) -> None:
    fill(installed)
    assert installed.call("/v2/lookup", **song())["results"] != []
    replace_with_noise(installed, queued=True)
    build_indexing(installed.parts).drain()
    assert installed.call("/v2/lookup", **song())["results"] == []
    # The index has other terms now; so look at what is compared too.
    found = installed.parts.source.fetch(ids_of(installed))
    assert len(found) == 3
    assert all(np.array_equal(one.hashes, sample(1, length=900).hashes) for one in found)


def test_imports_decide_on_what_the_database_has(installed: Installation) -> None:
    fill(installed)
    [found] = installed.call("/v2/lookup", **song())["results"]
    replace_with_noise(installed, queued=False)
    assert installed.call("/v2/lookup", **song())["results"] == [found]
    [submission] = installed.submit(**song(), mbid=MBID)
    installed.import_all()
    [status] = installed.status(submission)
    assert status["result"]["id"] != found["id"]


def test_a_rebuild_forgets_what_lookups_read(installed: Installation) -> None:
    fill(installed)
    assert installed.call("/v2/lookup", **song())["results"] != []
    replace_with_noise(installed, queued=False)
    rebuild(installed)
    assert not installed.config.fingerprint_file_path.exists()
    assert installed.call("/v2/lookup", **song())["results"] == []


def test_the_file_can_be_switched_off(installed: Installation) -> None:
    options = replace(installed.config.cache, fingerprint_file_size=0)
    parts = build_parts(replace(installed.config, cache=options))
    assert isinstance(parts.source, DatabaseSource)
    parts.close()


def test_durations_are_kept_apart(installed: Installation) -> None:
    fill(installed)
    far = {**song(0), "duration": int(str(song(0)["duration"])) + 8}
    near = {**song(0), "duration": int(str(song(0)["duration"])) + 7}
    assert installed.call("/v2/lookup", **far)["results"] == []
    assert len(installed.call("/v2/lookup", **near)["results"]) == 1


def test_index_and_database_agree_after_imports(installed: Installation) -> None:
    fill(installed)
    assert differences(installed) == []
    assert list(build_comparison(installed.parts).damage()) == []


def test_each_kind_of_difference_is_seen_and_mended(installed: Installation) -> None:
    fill(installed)
    installed.submit(duration=30, fingerprint=fresh_fingerprint(9), track="x")
    installed.import_all()
    first, second, _, last = sorted(ids_of(installed))
    gap = last + 700
    external(installed).apply([IndexDelete(first), sample(second), sample(gap)])
    assert sorted((one.fingerprint_id, one.problem) for one in differences(installed)) == [
        (first, "not in the index"),
        (second, "different in index and database"),
        (gap, "not in the database"),
    ]
    assert rebuild(installed) == 4
    assert differences(installed) == []
    assert installed.parts.index.status().fingerprints == 4


def ids_of(installed: Installation) -> list[int]:
    with installed.parts.databases.fingerprint.reading() as connection:
        return [row.id for row in connection.execute(fingerprint.select())]


def test_what_is_still_queued_is_no_difference(installed: Installation) -> None:
    fill(installed)
    first = min(ids_of(installed))
    external(installed).apply([IndexDelete(first)])
    with installed.parts.databases.fingerprint.writing() as connection:
        queue_changes(connection, [first])
    assert differences(installed) == []
    assert build_indexing(installed.parts).drain() == 1
    assert len(installed.call("/v2/lookup", **song(0))["results"]) == 1


def test_a_wiped_index_is_an_error_until_it_is_rebuilt(installed: Installation) -> None:
    fill(installed)
    delete_index(installed)
    assert installed.call("/v2/lookup", **song())["error"]["code"] == 13
    assert installed.client.get("/_health_ro").status_code == 503
    with pytest.raises(IndexUnavailableError, match="index rebuild"):
        differences(installed)
    assert rebuild(installed) == 3
    assert len(installed.call("/v2/lookup", **song())["results"]) == 1
    assert installed.client.get("/_health_ro").status_code == 200


def test_an_index_that_is_being_filled_is_an_error(installed: Installation) -> None:
    fill(installed)
    delete_index(installed)
    # A rebuild that was killed after its first batch.
    HttpIndexBuilder(external(installed)).__enter__().add([sample(1)])
    time.sleep(1.1)
    assert installed.call("/v2/lookup", **song())["error"]["code"] == 13
    assert installed.client.get("/_health_ro").status_code == 503
    assert rebuild(installed) == 3
    assert len(installed.call("/v2/lookup", **song())["results"]) == 1


def test_a_stopped_server_is_an_error_in_time_and_delays_imports(
    installed: Installation, server: IndexServerProcess
) -> None:
    fill(installed)
    server.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert installed.call("/v2/lookup", **song())["error"]["code"] == 13
        assert time.monotonic() - started < TIMEOUT + 2
        assert installed.client.get("/_health_ro").status_code == 503
    finally:
        server.signal(signal.SIGCONT)
    again = build_parts(installed.config)
    again.index.ping()
    again.close()
    deadline = time.monotonic() + 10
    while "error" in installed.call("/v2/lookup", **song()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(installed.call("/v2/lookup", **song())["results"]) == 1
