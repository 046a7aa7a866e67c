"""What is shown of each track that a lookup found."""

from __future__ import annotations

import logging
import math
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpservice.db.fingerprint.links import (
    RecordingLink,
    TextLink,
    recordings_of_tracks,
    texts_of_tracks,
)
from fpservice.db.transaction import Database
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.metadata import MAX_TEXTS, MetaWords, Text, text_recording
from fpservice.domain.recording import Recording
from fpservice.domain.recording_answer import describe_track
from fpservice.domain.recording_links import linked_recordings
from fpservice.domain.recording_words import AnswerShape, answer_shape
from fpservice.interfaces import MetadataProvider

_log = logging.getLogger(__name__)
Shown = dict[str, Any]
Links = Mapping[int, Sequence[RecordingLink]]


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """A track to describe; recordings as long as the ``duration`` (seconds) asked for go first."""

    id: int
    duration: int | None = None


@dataclass(frozen=True, slots=True)
class _Material:
    """What the answers are made of; ``known`` is None when the provider did not answer."""

    links: Links
    texts: Mapping[int, list[TextLink]]
    known: Mapping[uuid.UUID, Recording] | None


class MetadataService:
    """Collects, for many tracks at once, what the words of ``meta`` ask for."""

    def __init__(self, fingerprint: Database, provider: MetadataProvider) -> None:
        """Read links and submitted text from the database ``fingerprint``."""
        self._fingerprint = fingerprint
        self._provider = provider

    def describe(
        self,
        tracks: Collection[FoundTrack],
        words: MetaWords,
        time_limit: float = math.inf,
        links: Links | None = None,
    ) -> dict[FoundTrack, Shown]:
        """Return, for each track that has something to show, the fields to add to its result.

        The number of queries does not depend on the number of tracks. Where the metadata
        provider does not answer within ``time_limit`` seconds, recordings have their ids alone.
        ``links`` are those of tracks for which they were read already.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        if words.root is None or not tracks:
            return {}
        shape = answer_shape(words)
        ids = {track.id for track in tracks}
        material = self._collect(ids, self._links(ids, links or {}), words, shape, time_limit)
        shown = {track: _describe(track, words, shape, material) for track in tracks}
        return {track: fields for track, fields in shown.items() if fields}

    def _links(self, track_ids: Collection[int], known: Links) -> Links:
        missing = [id for id in track_ids if id not in known]
        if not missing:
            return known
        read = self._fingerprint.quickly(
            lambda connection: recordings_of_tracks(connection, missing)
        )
        return {**known, **read}

    def _collect(
        self,
        track_ids: Collection[int],
        links: Links,
        words: MetaWords,
        shape: AnswerShape,
        time_limit: float,
    ) -> _Material:
        texts: list[TextLink] = []
        if _wants_text(words):
            with self._fingerprint.reading_replica() as connection:
                texts = texts_of_tracks(connection, list(track_ids))
        texts_of: dict[int, list[TextLink]] = defaultdict(list)
        for text in texts:
            texts_of[text.track_id].append(text)
        mbids = {link.mbid for track_id in track_ids for link in links.get(track_id, ())}
        return _Material(links, texts_of, self._known(mbids, shape, time_limit))

    def _known(
        self, mbids: Collection[uuid.UUID], shape: AnswerShape, time_limit: float
    ) -> dict[uuid.UUID, Recording] | None:
        try:
            return self._provider.recordings(mbids, shape.parts, time_limit)
        except MetadataUnavailableError as error:
            _log.info("answering without names: %s", error)
            return None


def _wants_text(words: MetaWords) -> bool:
    return "usermeta" in words and words.root == "recordings"


def _describe(
    track: FoundTrack, words: MetaWords, shape: AnswerShape, material: _Material
) -> Shown:
    sources = [(link.mbid, link.sources) for link in material.links.get(track.id, ())]
    recordings = linked_recordings(sources, material.known or {}, track.duration)
    shown: Shown = {}
    if recordings and (material.known is not None or shape.root in ("m2", "recordings")):
        shown = describe_track(recordings, shape)
    if not any(link.recording for link in recordings):
        texts = _text_recordings(material.texts.get(track.id, ()), words)
        if texts:
            shown = {"recordings": [*shown.get("recordings", []), *texts]}
    return shown


def _text_recordings(links: Sequence[TextLink], words: MetaWords) -> list[Shown]:
    return [text_recording(_text(link), words) for link in links[:MAX_TEXTS]]


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
