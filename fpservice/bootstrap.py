"""Builds the object graph: the only place that chooses implementations."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from fpservice.api.context import Limits, Services
from fpservice.bootstrap_index import (
    build_index,
    build_source,
    build_true_source,
    clearing,
    forgetting,
    index_builder,
    index_comparison,
    index_of_imports,
)
from fpservice.cache.sliding_window import SlidingWindow
from fpservice.config import Config, ConfigError
from fpservice.config_options import DatabaseOptions
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database, Databases
from fpservice.domain.matching import MIN_IMPORT_SCORE, SearchPolicy
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import (
    FingerprintSource,
    KeyChanges,
    MetadataProvider,
    Metrics,
    RateLimiter,
    SignIn,
    SubmissionConsumer,
    SubmissionQueue,
)
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_consumer import NatsConsumer
from fpservice.messaging.nats_queue import NatsQueue
from fpservice.messaging.polling import PollingConsumer, SilentQueue
from fpservice.observability.metrics import (
    NullMetrics,
    RenamedMetrics,
    SeveralMetrics,
    StatsdMetrics,
)
from fpservice.observability.metrics_directory import VARIABLE as METRICS_VARIABLE
from fpservice.observability.prometheus import PrometheusMetrics
from fpservice.providers.guarded import GuardedProvider
from fpservice.providers.musicbrainz_database import MusicBrainzDatabase
from fpservice.providers.musicbrainz_sign_in import MusicBrainzSignIn, NoSignIn
from fpservice.providers.no_metadata import NoMetadata
from fpservice.services.api_keys import ApiKeys
from fpservice.services.backlogs import BacklogService
from fpservice.services.catalogue import CatalogueService
from fpservice.services.health import HealthService
from fpservice.services.index_comparison import IndexComparisonService
from fpservice.services.index_probe import IndexProbeService
from fpservice.services.index_rebuild import IndexRebuildService
from fpservice.services.indexing import IndexingService
from fpservice.services.ingestion import IngestionService
from fpservice.services.lookup import LookupService
from fpservice.services.metadata import MetadataService
from fpservice.services.rate_limit import RateLimits, RateLimitService
from fpservice.services.search import FingerprintSearch
from fpservice.services.statistics import StatisticsService
from fpservice.services.submission import SubmissionService
from fpservice.services.turns import Turns
from fpservice.worker.heartbeat import Heartbeat
from fpservice.worker.importer import Importer
from fpservice.worker.importers import Importers
from fpservice.worker.sweeper import Sweeper

# The library of Redis takes a tenth of a second to load: only where Redis is configured.
if TYPE_CHECKING:
    from fpservice.bootstrap_index import Index
    from fpservice.cache.redis_connection import RedisConnection

# The index is asked for more than are compared: most of the hits may have another duration.
_HITS_PER_CANDIDATE = 5
_SIGN_IN_TIME_LIMIT = 3.0
# What importers leave to others while a long queue of changes goes to the index.
_REST = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What holds files and connections; everything else is built from it."""

    config: Config
    databases: Databases
    index: Index
    source: FingerprintSource
    metrics: Metrics
    musicbrainz: Database | None = None
    redis: RedisConnection | None = None

    def close(self) -> None:
        """Let go of files and connections."""
        self.index.close()
        self.databases.close()
        if self.musicbrainz:
            self.musicbrainz.close()
        if self.redis:
            self.redis.close()


def build_parts(config: Config) -> Parts:
    """Return the parts; nothing connects yet."""
    metrics, databases = _metrics(config), _databases(config)
    index = build_index(config, databases.fingerprint, metrics)
    return Parts(
        config,
        databases,
        index,
        build_source(config, index, databases.fingerprint, metrics),
        metrics,
        _musicbrainz(config),
        _redis(config, metrics),
    )


def build_services(parts: Parts) -> Services:
    """Return what the web application works with."""
    config, databases = parts.config, parts.databases
    provider = build_metadata_provider(parts)
    submission = build_submission(parts)
    return Services(
        api_keys=build_api_keys(parts),
        lookup=LookupService(
            build_search(parts),
            databases.fingerprint,
            MetadataService(databases.fingerprint, provider),
            parts.metrics,
            time_limit=config.search.time_limit,
            max_results=config.search.max_results,
        ),
        submission=submission,
        catalogue=CatalogueService(databases.fingerprint, provider),
        rate_limit=_rate_limit(parts),
        statistics=StatisticsService(databases.app, parts.metrics),
        cluster_secret=config.cluster.secret,
        health=HealthService(
            databases,
            parts.index,
            parts.musicbrainz,
            {"nats": submission.ping_queue} if config.nats.servers else {},
            {"redis": parts.redis.ping} if parts.redis else {},
        ),
        metrics=parts.metrics,
        limits=Limits(
            body=config.website.max_request_size,
            fingerprints=config.search.max_fingerprints,
            track_ids=config.search.max_track_ids,
            hashes=config.search.max_hashes,
            default_duration_difference=config.search.max_duration_difference,
            trusted_proxies=config.cluster_rate_limiter.trusted_proxies,
        ),
        turns=_turns(parts),
    )


def _turns(parts: Parts) -> Turns:
    """Return turns for one lookup at a time; of those that wait for servers more fit into one."""
    in_files = isinstance(parts.index, EmbeddedIndex)
    return Turns(1 if in_files and not parts.databases.fingerprint.has_many_writers else 2)


def build_api_keys(parts: Parts) -> ApiKeys:
    """Return the service that knows who calls."""
    cache = parts.config.cache
    return ApiKeys(
        parts.databases.app,
        _sign_in(parts.config),
        cache.api_key_size,
        cache.api_key_ttl,
        _key_changes(parts.redis),
        parts.metrics,
    )


def build_submission(parts: Parts) -> SubmissionService:
    """Return the service that takes submissions in."""
    databases = parts.databases
    # Some threads of a process stay free for others while submissions wait for their imports.
    waiting = max(1, parts.config.gunicorn.threads // 2)
    return SubmissionService(
        databases.ingest,
        databases.fingerprint,
        _queue(parts),
        parts.metrics,
        max_waiting=waiting,
    )


def build_metadata_provider(parts: Parts) -> MetadataProvider:
    """Return what knows the names of recordings."""
    if parts.musicbrainz is None:
        return NoMetadata()
    guarded = GuardedProvider(
        "musicbrainz",
        MusicBrainzDatabase(parts.musicbrainz),
        parts.metrics,
        parts.config.musicbrainz.time_limit,
    )
    return _remembering(guarded, parts) if parts.config.cache.metadata_ttl else guarded


def build_search(parts: Parts) -> FingerprintSearch:
    """Return the search of lookups."""
    options = parts.config.search
    policy = SearchPolicy(
        candidates=options.candidates,
        hits=options.candidates * _HITS_PER_CANDIDATE,
        min_score=options.min_score,
        min_percent_of_better=options.min_percent_of_better,
        retry_beginning=True,
    )
    return FingerprintSearch(parts.index, parts.source, policy, parts.metrics)


def build_ingestion(parts: Parts) -> IngestionService:
    """Return the service that imports submissions."""
    options, worker = parts.config.search, parts.config.worker
    policy = SearchPolicy(
        candidates=options.max_candidates_import,
        hits=options.max_candidates_import * _HITS_PER_CANDIDATE,
        min_hit_percent=options.min_percent_import,
        min_score=MIN_IMPORT_SCORE,
    )
    # What imports search is not to be taken for what people look up.
    metrics = RenamedMetrics(parts.metrics, "lookup.", "import.")
    index = index_of_imports(parts.index)
    source = build_true_source(parts.index, parts.databases.fingerprint)
    search = FingerprintSearch(index, source, policy, metrics)
    return IngestionService(
        parts.databases, search, parts.metrics, worker.max_attempts, worker.retry_delay
    )


def build_indexing(parts: Parts, rest: float = 0.0) -> IndexingService:
    """Return the service that keeps the index after the database; ``rest`` as it says."""
    alone = parts.index.writing if isinstance(parts.index, EmbeddedIndex) else nullcontext
    return IndexingService(
        parts.databases.fingerprint,
        parts.index,
        parts.metrics,
        alone,
        forgetting(parts.source),
        rest,
    )


def build_rebuild(parts: Parts) -> IndexRebuildService:
    """Return the service that builds the index anew."""
    return IndexRebuildService(
        parts.databases.fingerprint,
        index_builder(parts.config, parts.index),
        clearing(parts.source),
    )


def build_comparison(parts: Parts) -> IndexComparisonService | IndexProbeService:
    """Return the service that compares index and database."""
    return index_comparison(parts.index, parts.databases.fingerprint)


def build_importers(parts: Parts) -> Importers:
    """Return the importers of a worker process, and what looks after them."""
    options, metrics = parts.config.worker, parts.metrics
    consumer = _consumer(parts)
    heartbeat = Heartbeat(Path(options.heartbeat) if options.heartbeat else None)
    importers = [
        Importer(
            build_ingestion(parts),
            build_indexing(parts, _REST),
            consumer,
            _outbox(parts),
            metrics,
            options.batch_size,
            heartbeat.part(),
        )
        for _ in range(options.concurrency)
    ]
    sweeper = Sweeper(
        build_ingestion(parts),
        BacklogService(parts.databases),
        consumer,
        metrics,
        options.sweep_after,
    )
    return Importers(importers, sweeper, consumer)


def build_importer(parts: Parts) -> Importer:
    """Return an importer that looks into the outbox alone."""
    outbox = _outbox(parts)
    return Importer(
        build_ingestion(parts),
        build_indexing(parts, _REST),
        outbox,
        outbox,
        parts.metrics,
        parts.config.worker.batch_size,
    )


def _databases(config: Config) -> Databases:
    return Databases(
        app=_database("app", config.app_url, config.database),
        fingerprint=_database("fingerprint", config.fingerprint_url, config.database_fingerprint),
        ingest=_database("ingest", config.ingest_url, config.database_ingest),
    )


def _musicbrainz(config: Config) -> Database | None:
    url, options = config.musicbrainz_url, config.database_musicbrainz
    if url is None:
        return None
    if url.startswith("sqlite"):
        raise ConfigError("database_musicbrainz.url must be of a PostgreSQL database")
    # Nobody waits for longer.
    limit = min(options.statement_timeout or math.inf, config.musicbrainz.time_limit)
    options = replace(options, statement_timeout=limit)
    replica = options.replica_location()
    return Database(
        "musicbrainz",
        _engine(url, options, read_only=True),
        _engine(replica, options, read_only=True) if replica else None,
        _engine(replica or url, options, autocommit=True, read_only=True),
    )


def _database(name: str, url: str, options: DatabaseOptions) -> Database:
    replica = options.replica_location()
    return Database(
        name,
        _engine(url, options),
        _engine(replica, options) if replica else None,
        # Of no use on SQLite, and without a connection until it is asked for.
        None if url.startswith("sqlite") else _engine(replica or url, options, autocommit=True),
    )


def _engine(
    url: str, options: DatabaseOptions, *, autocommit: bool = False, read_only: bool = False
) -> Engine:
    return open_engine(
        url,
        pool_size=options.pool_size,
        pool_recycle=options.pool_recycle,
        connect_timeout=options.connect_timeout,
        statement_timeout=options.statement_timeout,
        autocommit=autocommit,
        read_only=read_only,
        pooler=options.pooler,
    )


def _metrics(config: Config) -> Metrics:
    places: list[Metrics] = []
    if config.statsd.host:
        places.append(StatsdMetrics.from_options(config.statsd))
    directory = os.environ.get(METRICS_VARIABLE)
    if directory:
        places.append(PrometheusMetrics(Path(directory)))
    if len(places) > 1:
        return SeveralMetrics(places)
    return places[0] if places else NullMetrics()


def _sign_in(config: Config) -> SignIn:
    url = config.musicbrainz.sign_in_url
    return MusicBrainzSignIn(url, _SIGN_IN_TIME_LIMIT) if url else NoSignIn()


def _redis(config: Config, metrics: Metrics) -> RedisConnection | None:
    if config.redis.location() is None:
        return None
    from fpservice.cache.redis_connection import RedisConnection

    return RedisConnection(config.redis, metrics)


def _key_changes(redis: RedisConnection | None) -> KeyChanges | None:
    if redis is None:
        return None
    from fpservice.cache.key_changes import RedisKeyChanges

    return RedisKeyChanges(redis)


def _remembering(provider: MetadataProvider, parts: Parts) -> MetadataProvider:
    from fpservice.providers.cached import CachedProvider
    from fpservice.providers.recording_memory import NAME, RecordingMemory
    from fpservice.providers.shared_recordings import SharedRecordings

    options, shared = parts.config.cache, None
    if parts.redis is not None:
        from fpservice.cache.redis_cache import RedisCache

        shared = SharedRecordings(RedisCache(NAME, parts.redis, parts.metrics))
    memory = RecordingMemory(options.metadata_size, parts.metrics)
    return CachedProvider(provider, memory, shared, options.metadata_ttl)


def _rate_limit(parts: Parts) -> RateLimitService:
    options = parts.config.cluster_rate_limiter
    limits = RateLimits(
        everybody=options.global_limit,
        application=options.application_limit,
        address=options.ip_limit,
        applications=options.applications,
        addresses=options.ips,
    )
    limited = options.enabled and options.storage != "none"
    limiter = _limiter(parts) if limited else None
    return RateLimitService(limiter, limits, parts.metrics)


def _limiter(parts: Parts) -> RateLimiter:
    options = parts.config.cluster_rate_limiter
    local = SlidingWindow(options.max_buckets)
    if options.storage != "redis" or parts.redis is None:
        return local
    from fpservice.cache.failover_limiter import FailoverLimiter
    from fpservice.cache.redis_limiter import RedisLimiter

    return FailoverLimiter(RedisLimiter(parts.redis), local, parts.metrics)


def _queue(parts: Parts) -> SubmissionQueue:
    options = parts.config.nats
    if not options.servers:
        return SilentQueue()
    return NatsQueue(NatsConnection(options), options, parts.metrics)


def _consumer(parts: Parts) -> SubmissionConsumer:
    options = parts.config.nats
    if not options.servers:
        return _outbox(parts)
    return NatsConsumer(NatsConnection(options), options, parts.metrics)


def _outbox(parts: Parts) -> PollingConsumer:
    ingestion = build_ingestion(parts)
    interval = parts.config.worker.poll_interval
    return PollingConsumer(ingestion.due, ingestion.release, interval)
