"""What a submission links its track to."""

from __future__ import annotations

from sqlalchemy import Connection

from fpservice.db.fingerprint.imported import ImportedSubmission
from fpservice.db.fingerprint.links import (
    count_foreignid,
    count_mbid,
    count_puid,
    count_text,
    find_or_add_text,
)
from fpservice.db.fingerprint.tracks import Track
from fpservice.domain.fingerprint import simhash
from fpservice.domain.submission import Submission


def lock_keys(content: Submission) -> list[int]:
    """Return the keys of the locks that keep imports of the same music and metadata apart."""
    keys = [simhash(content.hashes)]
    if content.mbid:
        keys.append(content.mbid.int)
    if content.text:
        keys.append(content.text.digest())
    return keys


def link(connection: Connection, track: Track, content: Submission) -> None:
    """Add the links that a submission brings to its track, or count them once more."""
    if content.mbid:
        count_mbid(connection, track.id, content.mbid)
    if content.puid:
        count_puid(connection, track.id, content.puid)
    if content.foreignid:
        count_foreignid(connection, track.id, content.foreignid)
    if content.text:
        meta_id = find_or_add_text(connection, content.text.as_dict(), content.text.digest())
        count_text(connection, track.id, meta_id)


def link_values(content: Submission, imported: ImportedSubmission) -> dict[str, str]:
    """Return what a submission counted, by kind, for the record of its source."""
    values = {
        "fingerprint": imported.fingerprint_id,
        "mbid": content.mbid,
        "puid": content.puid,
        "foreignid": content.foreignid,
        "meta": f"{content.text.digest():016x}" if content.text else None,
    }
    return {kind: str(value) for kind, value in values.items() if value is not None}
