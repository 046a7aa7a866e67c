"""What submissions link their tracks to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from fpservice.db.fingerprint.links import (
    count_foreignids,
    count_mbids,
    count_puids,
    count_texts,
    find_or_add_texts,
)
from fpservice.db.ingest.link_sources import LinkSource
from fpservice.domain.submission import Submission


def link(connection: Connection, pairs: Sequence[tuple[int, Submission]]) -> None:
    """Add the links that submissions bring to their tracks, or count them once more.

    ``pairs`` of track id and submission.
    """
    count_mbids(connection, Counter((id, one.mbid) for id, one in pairs if one.mbid))
    count_puids(connection, Counter((id, one.puid) for id, one in pairs if one.puid))
    foreignids = Counter((id, one.foreignid) for id, one in pairs if one.foreignid)
    count_foreignids(connection, foreignids)
    texts = find_or_add_texts(connection, [one.text for _, one in pairs if one.text])
    count_texts(connection, Counter((id, texts[one.text]) for id, one in pairs if one.text))


def sources_of(
    content: Submission, submission_id: int, source_id: int, fingerprint_id: int, track_id: int
) -> list[LinkSource]:
    """Return what a submission counted, for the record of its source."""
    values = {
        "fingerprint": fingerprint_id,
        "mbid": content.mbid,
        "puid": content.puid,
        "foreignid": content.foreignid,
        "meta": f"{content.text.digest():016x}" if content.text else None,
    }
    return [
        LinkSource(submission_id, source_id, track_id, kind, str(value))
        for kind, value in values.items()
        if value is not None
    ]
