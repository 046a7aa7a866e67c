"""All metrics: what the code calls them, and what Prometheus does.

The code counts by names with dots, which are those of statsd. Several of them may be one family
of Prometheus, told apart by a label. Labels have few values: routes, codes, names of parts; never
keys, addresses or anything else that callers choose.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class Kind(enum.Enum):
    """How values of several processes become one."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    # The value set last, for what all processes would say alike.
    LATEST = "latest"
    # The greatest value, for what concerns each process by itself.
    GREATEST = "greatest"


# Upper ends of the buckets of a histogram, in seconds; beyond the last there is one more.
BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
PREFIX: Final = "fpservice_"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of Prometheus; the name is without prefix, and without ``_total``."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it is told, without ``_total``."""
        return PREFIX + self.name


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of a name of the code go: a family, with some labels given."""

    family: Family
    given: Mapping[str, str] = field(default_factory=dict)


def _counter(name: str, help: str, *labels: str) -> Family:
    return Family(name, Kind.COUNTER, help, labels)


def _histogram(name: str, help: str, *labels: str) -> Family:
    return Family(name, Kind.HISTOGRAM, help, labels)


_STAGE = _histogram("lookup_stage_seconds", "Time of the parts of lookups.", "stage")
_IMPORT_STAGE = _histogram("import_stage_seconds", "Time of the searches of imports.", "stage")
_CACHE = _counter("cache_reads", "Reads of caches.", "cache", "storage", "outcome")
_ANNOUNCED = _counter("announcements", "Submissions that NATS was to be told of.", "outcome")

_SINGLE: Final = {
    "requests": _counter("requests", "Requests answered.", "endpoint", "status"),
    "request": _histogram("request_seconds", "Time of requests.", "endpoint"),
    "requests.shed": _counter("requests_shed", "Requests refused as too many waited."),
    "queue": _histogram("queue_seconds", "Time that requests waited for a thread."),
    "errors": _counter("errors", "Error answers, by the code that callers see.", "code"),
    "lookup.searches": _counter("searches", "Fingerprints and track ids that were looked up."),
    "lookup.hits": _counter("search_hits", "Searches that found something."),
    "lookup.misses": _counter("search_misses", "Searches that found nothing."),
    "submissions": _counter("submissions", "Submissions stored."),
    "imports": _counter("imports", "Tries to import a submission.", "outcome"),
    "import": _histogram("import_seconds", "Time of imports."),
    "importer.errors": _counter("importer_errors", "Rounds of imports that broke off."),
    "importer.queue_unavailable": _counter(
        "importer_queue_unavailable", "Rounds in which the outbox stood in for NATS."
    ),
    "outbox.waiting": Family(
        "outbox_waiting", Kind.LATEST, "Submissions in the outbox, 100000 at most."
    ),
    "outbox.oldest": Family(
        "outbox_oldest_seconds", Kind.LATEST, "Age of the oldest submission in the outbox."
    ),
    "index.waiting": Family(
        "index_waiting", Kind.LATEST, "Changes the index was not told yet, 100000 at most."
    ),
    "index.oldest": Family(
        "index_oldest_seconds", Kind.LATEST, "Age of the oldest change the index was not told yet."
    ),
    "index.changes": _counter("index_changes", "Changes that the index was told."),
    "index.locked": _counter("index_locked", "Times another process was writing the index."),
    "index.node_failures": _counter(
        "index_node_failures", "Failures of index servers, by their place in the list.", "node"
    ),
    "index.node_left_alone": Family(
        "index_node_left_alone", Kind.GREATEST, "1 while an index server is left alone.", ("node",)
    ),
    "breaker.open": Family(
        "breaker_open", Kind.GREATEST, "1 while a process leaves a part alone.", ("part",)
    ),
    "rate_limit.refusals": _counter("rate_limit_refusals", "Requests refused.", "bucket"),
    "rate_limit.local": _counter("rate_limit_local", "Limits asked of the process, not of Redis."),
    "redis.failures": _counter("redis_failures", "Calls of Redis that failed."),
    "metadata.read": _histogram("metadata_read_seconds", "Time of metadata reads.", "provider"),
    "metadata.failures": _counter("metadata_failures", "Metadata reads that failed.", "provider"),
    "metadata.skipped": _counter(
        "metadata_skipped", "Metadata reads left out as the provider is left alone.", "provider"
    ),
    "nats.errors": _counter("nats_errors", "Messages to NATS that were lost."),
    "statistics.errors": _counter("statistics_errors", "Statistics that could not be written."),
}
_STAGES: Final = (
    *("limit", "decode", "index", "fetch", "compare", "tracks", "metadata", "serialise"),
)
_SEARCH_STAGES: Final = ("index", "fetch", "compare")

SOURCES: Final[Mapping[str, Source]] = {
    **{name: Source(family) for name, family in _SINGLE.items()},
    **{f"lookup.{stage}": Source(_STAGE, {"stage": stage}) for stage in _STAGES},
    **{f"import.{stage}": Source(_IMPORT_STAGE, {"stage": stage}) for stage in _SEARCH_STAGES},
    "cache.hits": Source(_CACHE, {"outcome": "hit"}),
    "cache.misses": Source(_CACHE, {"outcome": "miss"}),
    "cache.errors": Source(_CACHE, {"outcome": "error"}),
    "nats.published": Source(_ANNOUNCED, {"outcome": "published"}),
    "nats.publish.skipped": Source(_ANNOUNCED, {"outcome": "skipped"}),
    "nats.publish.late": Source(_ANNOUNCED, {"outcome": "late"}),
    "nats.publish.errors": Source(_ANNOUNCED, {"outcome": "error"}),
    "nats.announced_again": Source(_ANNOUNCED, {"outcome": "again"}),
}
FAMILIES: Final[Mapping[str, Family]] = {
    source.family.name: source.family for source in SOURCES.values()
}
