"""How often a lookup of the production shape waits for its servers: the fewest times it can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, make_url

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from tests.installation import Installation, environment, install, recordings
from tests.musicbrainz_data import load_musicbrainz
from tests.services import DatabaseUrls, PostgresServer, postgres_urls
from tests.services.counting_proxy import CountingProxy

# It is in the sample of MusicBrainz.
MBID = "d3f78328-1787-47fb-994d-a5a342446525"


@dataclass
class Shape:
    """An installation, and the relays through which it reaches its servers."""

    installation: Installation
    relays: dict[str, CountingProxy]

    def round_trips(self, **form: Any) -> dict[str, int]:
        """Return how often one request waited for each server."""
        one = recordings()[0]
        song = {name: one[name] for name in ("duration", "fingerprint")}
        with ExitStack() as stack:
            trips = {
                name: stack.enter_context(relay.counted()) for name, relay in self.relays.items()
            }
            assert len(self.installation.call("/v2/lookup", **song, **form)["results"]) == 1
        return {name: number for name, [number] in trips.items()}


def through(stack: ExitStack, url: str) -> tuple[CountingProxy, str]:
    parsed: URL = make_url(url)
    assert parsed.host is not None
    assert parsed.port is not None
    relay = stack.enter_context(closing(CountingProxy(parsed.host, parsed.port)))
    changed = parsed.set(host="127.0.0.1", port=relay.port)
    return relay, changed.render_as_string(hide_password=False)


@pytest.fixture
def shape(postgres_server: PostgresServer, redis_url: str, tmp_path: Path) -> Iterator[Shape]:
    urls = postgres_urls(postgres_server)
    assert urls.musicbrainz
    load_musicbrainz(urls.musicbrainz)
    for name, url in zip(("app", "fingerprint", "ingest"), urls.own, strict=True):
        with closing(Database(name, open_engine(url))) as database:
            migrations.upgrade(database)
    with ExitStack() as stack:
        addresses = {
            "app": urls.app,
            "fingerprint": urls.fingerprint,
            "ingest": urls.ingest,
            "musicbrainz": urls.musicbrainz,
            "redis": redis_url,
        }
        relays, reached = {}, {}
        for name, address in addresses.items():
            relays[name], reached[name] = through(stack, address)
        databases = DatabaseUrls(
            "postgresql", reached["app"], reached["fingerprint"], reached["ingest"]
        )
        installed = install(
            {
                **environment(databases, tmp_path),
                "ACOUSTID_DATABASE_MUSICBRAINZ_URL": reached["musicbrainz"],
                "ACOUSTID_REDIS_URL": reached["redis"],
                "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
                "ACOUSTID_CLUSTER_RATE_LIMITER_STORAGE": "redis",
                "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "1000",
                "ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_LIMIT": "1000",
                "ACOUSTID_CLUSTER_RATE_LIMITER_IP_LIMIT": "1000",
            }
        )
        one = recordings()[0]
        installed.submit(duration=one["duration"], fingerprint=one["fingerprint"], mbid=MBID)
        installed.import_all()
        yield Shape(installed, relays)
        installed.parts.close()


def test_a_lookup_asks_each_server_as_seldom_as_it_can(shape: Shape) -> None:
    # The first ones connect, look keys up, and read whether keys have changed.
    for meta in ("", "recordings"):
        shape.round_trips(meta=meta)
    # Whether keys have changed is asked once a second, which may fall into any of them.
    plain = min((shape.round_trips() for _ in range(3)), key=lambda trips: trips["redis"])
    assert plain == {"app": 0, "fingerprint": 1, "ingest": 0, "musicbrainz": 0, "redis": 1}
    named = min(
        (shape.round_trips(meta="recordings") for _ in range(3)), key=lambda trips: trips["redis"]
    )
    # Names were cached by the request before.
    assert named == {"app": 0, "fingerprint": 1, "ingest": 0, "musicbrainz": 0, "redis": 1}
