"""Builds what looks after tracks and their links."""

from __future__ import annotations

from fpservice.bootstrap import Parts, build_metadata_provider
from fpservice.providers.musicbrainz_database import MusicBrainzDatabase
from fpservice.services.link_states import LinkStates
from fpservice.services.merged_recordings import MergedRecordings
from fpservice.services.track_details import TrackDetailsService
from fpservice.services.track_merging import TrackMerging


def build_track_merging(parts: Parts) -> TrackMerging:
    """Return the service that merges tracks."""
    return TrackMerging(parts.databases.fingerprint)


def build_track_details(parts: Parts) -> TrackDetailsService:
    """Return the service that shows a track."""
    return TrackDetailsService(parts.databases.fingerprint)


def build_link_states(parts: Parts) -> LinkStates:
    """Return the service that disables and enables links."""
    return LinkStates(parts.databases.fingerprint, build_metadata_provider(parts))


def build_merged_recordings(parts: Parts) -> MergedRecordings | None:
    """Return the service that writes back mergers of MusicBrainz; None without its database."""
    if parts.musicbrainz is None:
        return None
    # Whoever runs it waits for it: no guard that gives up, and nothing remembered from before.
    musicbrainz = MusicBrainzDatabase(parts.musicbrainz)
    return MergedRecordings(parts.databases.fingerprint, musicbrainz.merged_into)
