"""Fills installations in bulk, and opens them in this process."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert

from fpservice.bootstrap import Parts, build_api_keys, build_parts
from fpservice.config import load_config
from fpservice.db import migrations
from fpservice.db.fingerprint.tables import fingerprint, track, track_fingerprint, track_mbid
from fpservice.domain.fingerprint import to_bytes
from fpservice.index.builder import IndexBuilder
from fpservice.interfaces import StoredFingerprint

APPLICATION_KEY: Final = "benchmark-key"
USER_KEY: Final = "benchmark-user"
_TRACKS: Final = uuid.UUID("5b3d6a0e-6b0e-4f0c-9b7c-3f1a5d5c0001")
_RECORDINGS: Final = uuid.UUID("5b3d6a0e-6b0e-4f0c-9b7c-3f1a5d5c0002")


def environment(directory: Path) -> dict[str, str]:
    """Return the variables of an installation in this directory, and no configuration file."""
    empty = directory / "acoustid.conf"
    directory.mkdir(parents=True, exist_ok=True)
    empty.touch()
    return {"FPSERVICE_DATA": str(directory), "ACOUSTID_CONFIG": str(empty)}


@contextmanager
def opened(variables: Mapping[str, str]) -> Iterator[Parts]:
    """Yield the parts of the installation, its databases migrated; close them at the end."""
    parts = build_parts(load_config(variables))
    try:
        for database in parts.databases.all():
            migrations.upgrade(database)
        yield parts
    finally:
        parts.close()


def add_keys(parts: Parts) -> None:
    """Add the client key ``APPLICATION_KEY`` and the user key ``USER_KEY``."""
    keys = build_api_keys(parts)
    keys.add_application("benchmark", apikey=APPLICATION_KEY)
    keys.add_account("benchmark", apikey=USER_KEY)


def track_gid(fingerprint_id: int) -> uuid.UUID:
    """Return the gid of the track that :func:`fill` makes for a fingerprint."""
    return uuid.uuid5(_TRACKS, str(fingerprint_id))


def recording_mbid(fingerprint_id: int) -> uuid.UUID:
    """Return the MBID that the track of a fingerprint is linked to."""
    return uuid.uuid5(_RECORDINGS, str(fingerprint_id))


def fill(parts: Parts, batches: Iterable[Sequence[StoredFingerprint]]) -> None:
    """Add fingerprints, each with a track and an MBID of its own; track ids are theirs."""
    with (
        parts.databases.fingerprint.writing() as connection,
        IndexBuilder(parts.config.index_path) as builder,
    ):
        for batch in batches:
            _insert(connection, batch)
            builder.add(batch)
        builder.commit()


def _insert(connection: Connection, batch: Sequence[StoredFingerprint]) -> None:
    ids = [one.id for one in batch]
    connection.execute(
        insert(fingerprint),
        [{"id": one.id, "hashes": to_bytes(one.hashes), "length": one.duration} for one in batch],
    )
    connection.execute(insert(track), [{"id": id, "gid": track_gid(id)} for id in ids])
    connection.execute(
        insert(track_fingerprint),
        [{"track_id": id, "fingerprint_id": id, "submission_count": 1} for id in ids],
    )
    connection.execute(
        insert(track_mbid),
        [{"track_id": id, "mbid": recording_mbid(id), "submission_count": 1} for id in ids],
    )
