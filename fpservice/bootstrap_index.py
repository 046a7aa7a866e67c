"""Which index: files of this host, or external servers; ``bootstrap`` builds the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from fpservice.cache.fingerprints.read_through import ReadThroughSource
from fpservice.cache.fingerprints.shared_file import FingerprintFile
from fpservice.config import Config
from fpservice.db.fingerprint.index_changes import everything_is_queued
from fpservice.db.transaction import Database
from fpservice.index.builder import IndexBuilder
from fpservice.index.database_source import DatabaseSource
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import FingerprintIndex, FingerprintSource, Metrics
from fpservice.services.index_comparison import IndexComparisonService
from fpservice.services.index_probe import IndexProbeService
from fpservice.services.index_rebuild import IndexBuild

# The HTTP client takes a moment to load: only where an external index is configured.
if TYPE_CHECKING:
    from fpservice.index.http import HttpIndex

    Index = EmbeddedIndex | HttpIndex


def build_index(config: Config, fingerprint: Database, metrics: Metrics) -> Index:
    """Return the configured index; nothing connects yet."""
    options = config.fingerprint_index

    def is_fresh() -> bool:
        with fingerprint.reading() as connection:
            return everything_is_queued(connection)

    if not options.external:
        return EmbeddedIndex(config.index_path, is_fresh=is_fresh)
    from fpservice.index.http import HttpIndex

    return HttpIndex(
        options.urls, options.name, metrics, timeout=options.timeout, is_fresh=is_fresh
    )


def index_of_imports(index: Index) -> FingerprintIndex:
    """Return the index as imports are to ask it: they must find what was written a moment ago."""
    return index if isinstance(index, EmbeddedIndex) else index.where_written()


def build_source(
    config: Config, index: Index, fingerprint: Database, metrics: Metrics
) -> FingerprintSource:
    """Return where lookups have the hashes of candidates from.

    The embedded index has them beside its terms; where it is external, a file of this machine has
    those that were read lately.
    """
    options = config.cache
    if isinstance(index, EmbeddedIndex):
        return index
    if not options.fingerprint_file_size:
        return DatabaseSource(fingerprint)
    file = FingerprintFile(
        config.fingerprint_file_path,
        options.fingerprint_file_size,
        options.fingerprint_ttl,
        _without_login(config.fingerprint_url),
        metrics,
    )
    return ReadThroughSource(file, DatabaseSource(fingerprint), metrics)


def build_true_source(index: Index, fingerprint: Database) -> FingerprintSource:
    """Return where imports have hashes from: they decide for good, and on nothing old."""
    if isinstance(index, EmbeddedIndex):
        return index
    return DatabaseSource(fingerprint, may_be_late=False)


def forgetting(source: FingerprintSource) -> Callable[[Sequence[int]], None]:
    """Return what is to be told the ids of fingerprints that have changed."""
    return source.forget if isinstance(source, ReadThroughSource) else lambda ids: None


def clearing(source: FingerprintSource) -> Callable[[], None]:
    """Return what is to be called when any of the fingerprints may have changed."""
    return source.clear if isinstance(source, ReadThroughSource) else lambda: None


def _without_login(url: str) -> str:
    # Processes of one machine may log in as different users.
    return make_url(url).set(username=None, password=None).render_as_string()


def index_builder(config: Config, index: Index) -> Callable[[], AbstractContextManager[IndexBuild]]:
    """Return what begins to build the index anew."""
    if isinstance(index, EmbeddedIndex):
        return lambda: IndexBuilder(config.index_path)
    from fpservice.index.http_builder import HttpIndexBuilder

    external = index
    return lambda: HttpIndexBuilder(external)


def index_comparison(
    index: Index, fingerprint: Database
) -> IndexComparisonService | IndexProbeService:
    """Return the service that compares index and database."""
    if isinstance(index, EmbeddedIndex):
        return IndexComparisonService(fingerprint, index)
    return IndexProbeService(fingerprint, index)
