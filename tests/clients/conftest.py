"""The service that the clients call: a served process that knows recordings, names and keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from fpservice.bootstrap import build_api_keys, build_parts
from fpservice.config import load_config
from tests.clients.connection import Address
from tests.clients.music import LIMITED
from tests.installation import environment
from tests.musicbrainz_data import load_musicbrainz
from tests.recorded.dataset import load_dataset
from tests.served import Served
from tests.services import PostgresServer, sqlite_urls

# The key of beets is in its source; the service must be told of it.
BEETS_KEY = "1vOwZtEn"


@pytest.fixture(scope="package")
def catalogue(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Served]:
    """The recorded catalogue with MusicBrainz's names, and an importer at work.

    The application ``LIMITED`` may ask once in ten seconds, the others as often as they like.
    """
    folder = tmp_path_factory.mktemp("catalogue")
    musicbrainz = postgres_server.create_database("musicbrainz_clients")
    load_musicbrainz(musicbrainz)
    variables = environment(sqlite_urls(folder), folder) | {
        "ACOUSTID_DATABASE_MUSICBRAINZ_URL": musicbrainz,
        "ACOUSTID_WORKER_POLL_INTERVAL": "0.05",
        "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
        f"ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_{LIMITED.id}": "0.1",
    }
    load_dataset(variables)
    _add_beets(variables)
    with Served.start(variables, "--no-demo") as served:
        yield served


def _add_beets(variables: Mapping[str, str]) -> None:
    parts = build_parts(load_config(variables))
    try:
        build_api_keys(parts).add_application("beets", apikey=BEETS_KEY)
    finally:
        parts.close()


@pytest.fixture
def address(catalogue: Served) -> Address:
    """Where that service listens."""
    return Address.of(catalogue.url)
