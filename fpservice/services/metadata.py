"""What is shown of each track that a lookup found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from fpservice.db.fingerprint.links import (
    RecordingLink,
    TextLink,
    recordings_of_tracks,
    texts_of_tracks,
)
from fpservice.db.transaction import Database
from fpservice.domain.metadata import MAX_TEXTS, MetaWords, Text, text_recording

Shown = dict[str, Any]


class MetadataService:
    """Collects, for many tracks at once, what the words of ``meta`` ask for."""

    def __init__(self, fingerprint: Database) -> None:
        """Read links and submitted text from the database ``fingerprint``."""
        self._fingerprint = fingerprint

    def describe(self, track_ids: Sequence[int], words: MetaWords) -> dict[int, Shown]:
        """Return, for each track that has something to show, the fields to add to its result.

        The number of queries does not depend on the number of tracks.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        if words.root not in ("m2", "recordings") or not track_ids:
            return {}
        with self._fingerprint.reading() as connection:
            links = recordings_of_tracks(connection, track_ids)
            texts = texts_of_tracks(connection, track_ids) if _wants_text(words) else []
        shown: dict[int, list[Shown]] = defaultdict(list)
        for link in links:
            shown[link.track_id].append(_bare_recording(link, words))
        _add_texts(shown, texts, words)
        return {track_id: {"recordings": recordings} for track_id, recordings in shown.items()}


def _wants_text(words: MetaWords) -> bool:
    return "usermeta" in words and words.root == "recordings"


def _bare_recording(link: RecordingLink, words: MetaWords) -> Shown:
    recording: Shown = {"id": str(link.mbid)}
    if "sources" in words:
        recording["sources"] = link.sources
    return recording


def _add_texts(shown: dict[int, list[Shown]], texts: Sequence[TextLink], words: MetaWords) -> None:
    count: dict[int, int] = defaultdict(int)
    for link in texts:
        count[link.track_id] += 1
        if count[link.track_id] <= MAX_TEXTS:
            shown[link.track_id].append(text_recording(_text(link), words))


def _text(link: TextLink) -> Text:
    return Text(
        link.meta_id,
        link.track,
        link.artist,
        link.album,
        link.album_artist,
        link.track_no,
        link.disc_no,
        link.year,
    )
