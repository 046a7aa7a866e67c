"""The table of options: a line is name, type, default and help; a class is a section.

``acoustid.conf.dist`` and ``docs/configuration.md`` are written from it, see ``config_template``.
Times are in seconds. An option that is None by default is one that need not be set.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from fpservice.config_locations import check_sentry_dsn, database_location, redis_location
from fpservice.config_values import Option, OptionError, keyed_option, option, options_of

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
LevelName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _application_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise ValueError("must be the number of an application")
    return int(text)


def _address(text: str) -> str:
    # Variables of the environment have neither dots nor colons in their names.
    separator = "." if re.fullmatch(r"[0-9]+(_[0-9]+){3}", text) else ":"
    try:
        return str(ipaddress.ip_address(text.replace("_", separator)))
    except ValueError:
        raise ValueError("must be an IP address") from None


def _module(text: str) -> str:
    if not re.fullmatch(r"\w+(\.\w+)*", text):
        raise ValueError("must be the name of a module")
    return text


@runtime_checkable
class Checked(Protocol):
    """A section whose options have to go together."""

    def check(self) -> None:
        """Raise OptionError if they do not."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """A database: PostgreSQL, named by parts or by one URL, or a file of SQLite."""

    name: str | None = option(None, "Name of the PostgreSQL database.")
    user: str | None = option(None, "User to log in as.")
    password: str | None = option(None, "Password; fills in for the URL's too.", secret=True)
    host: str | None = option(None, "Server, or the directory of its socket.")
    port: int | None = option(None, "Port of the server, 5432 if not set.", low=1, high=65535)
    url: str | None = option(
        None, "postgresql://user@host:port/name or sqlite:////path, instead of parts.", secret=True
    )
    pool_size: int = option(5, "Connections that a process keeps.", low=1, high=1000)
    pool_recycle: int = option(1800, "Age after which a connection is replaced.", low=1)
    connect_timeout: int = option(3, "Time limit of connecting.", low=1, high=60)
    statement_timeout: float = option(
        4.0,
        "Time limit of a statement; 0 is none, on this side neither.",
        low=0,
        high=86400,
    )
    pooler: bool = option(
        False, "PgBouncer stands in between; the server has to know its time limits by itself."
    )

    def location(self) -> str | None:
        """Return the SQLAlchemy URL, password included, or None if nothing is set."""
        return database_location(
            self.url, self.name, self.user, self.password, self.host, self.port
        )

    def replica_location(self) -> str | None:
        """Return the SQLAlchemy URL of the replica, password included, or None."""
        return None

    def check(self) -> None:
        """Raise OptionError if the options do not go together."""
        self.location()
        self.replica_location()


@dataclass(frozen=True, slots=True)
class ReplicatedDatabaseOptions(DatabaseOptions):
    """A database that is read so much that copies of it may share the work."""

    replica_url: str | None = option(
        None, "A read-only copy that lookups may read; a little late does no harm.", secret=True
    )

    def replica_location(self) -> str | None:
        """Return the SQLAlchemy URL of the replica, password included, or None."""
        if self.replica_url is None:
            return None
        return database_location(self.replica_url, None, None, self.password, None, None)


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """Redis, for limits and caches that several processes share; not used unless set."""

    host: str | None = option(None, "Server; Redis is not used if neither host nor url is set.")
    port: int = option(6379, "Port of the server.", low=1, high=65535)
    database: int = option(0, "Number of the database.", low=0)
    password: str | None = option(None, "Password; fills in for the URL's too.", secret=True)
    url: str | None = option(
        None, "redis://host:port/0, rediss://… or unix://…, instead of host.", secret=True
    )
    timeout: float = option(0.5, "Time limit of connecting and of an answer.", low=0.01, high=60)

    def location(self) -> str | None:
        """Return the URL, password included, or None if Redis is not configured."""
        return redis_location(self.url, self.host, self.port, self.database, self.password)

    def check(self) -> None:
        """Raise OptionError if the options do not go together."""
        self.location()


@dataclass(frozen=True, slots=True)
class NatsOptions:
    """NATS JetStream, which brings submissions to the workers; without it they poll."""

    servers: tuple[str, ...] = option(
        (), "nats://host:port, several separated by commas; not used if empty.", secret=True
    )
    stream: str = option("acoustid_submissions", "Name of the stream.")
    consumer: str = option("acoustid_worker", "Name of the durable consumer.")
    user: str | None = option(None, "User to log in as.")
    password: str | None = option(None, "Password of the user.", secret=True)
    token: str | None = option(None, "Token to log in with, instead of a user.", secret=True)
    connect_timeout: float = option(2.0, "Time limit of connecting.", low=0.1, high=60)
    publish_timeout: float = option(
        0.05,
        "Time after which an announcement counts as late; nobody waits for it.",
        low=0.001,
        high=10,
    )
    ack_wait: float = option(
        30.0, "Time an import may take before another worker gets it.", low=1, high=3600
    )
    max_ack_pending: int = option(100, "Submissions under way at once.", low=1)
    max_deliver: int = option(
        20, "Deliveries of one announcement; it is announced again if it still waits.", low=1
    )

    def check(self) -> None:
        """Raise OptionError if the options do not go together."""
        if self.token and self.user:
            raise OptionError("token", "cannot be set together with nats.user")
        if self.password and not self.user:
            raise OptionError("password", "needs nats.user")


@dataclass(frozen=True, slots=True)
class FingerprintIndexOptions:
    """The index: files of this host, or an fpindex server."""

    kind: Literal["embedded", "http"] | None = option(
        None, "Which index; http if host or url is set, else embedded."
    )
    path: str = option("index", "Folder of the embedded index, in the data directory.")
    host: str | None = option(None, "Server of fpindex.")
    port: int = option(6081, "Port of fpindex.", low=1, high=65535)
    url: tuple[str, ...] = option(
        (), "http://host:port, several separated by commas, instead of host.", secret=True
    )
    name: str = option("main", "Name of the index on the server.")
    timeout: float = option(2.0, "Time limit of a search.", low=0.01, high=60)

    @property
    def urls(self) -> tuple[str, ...]:
        """Base URLs of the servers, without a slash at the end; empty if there are none."""
        if self.host:
            host = f"[{self.host}]" if ":" in self.host else self.host
            return (f"http://{host}:{self.port}",)
        return tuple(url.rstrip("/") for url in self.url)

    @property
    def external(self) -> bool:
        """Whether an fpindex server is used, not the embedded index."""
        return self.kind == "http" or (self.kind is None and bool(self.urls))

    def check(self) -> None:
        """Raise OptionError if the options do not go together."""
        if self.host and self.url:
            raise OptionError("url", "cannot be set together with fingerprint_index.host")
        if self.kind == "http" and not self.urls:
            raise OptionError("kind", "http needs fingerprint_index.host or fingerprint_index.url")
        if not all(re.match(r"https?://[^/]", url) for url in self.url):
            raise OptionError("url", "must be a list of http:// or https:// URLs")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Servers that trust each other."""

    secret: str | None = option(
        None, "Opens /v2/internal and lifts rate limits; both are off without it.", secret=True
    )


@dataclass(frozen=True, slots=True)
class RateLimiterOptions:
    """Requests a second that are let through; a limit that is not set limits nobody."""

    enabled: bool = option(False, "Whether requests are limited.")
    storage: Literal["none", "memory", "redis"] = option(
        "memory", "Where requests are counted; memory counts in each process by itself."
    )
    global_limit: float | None = option(None, "Requests a second of all together.", low=0.01)
    application_limit: float | None = option(None, "Requests a second of an application.", low=0.01)
    ip_limit: float | None = option(None, "Requests a second of an IP address.", low=0.01)
    applications: Mapping[int, float] = keyed_option(
        "application", "id", _application_id, "Another limit for this application.", low=0.01
    )
    ips: Mapping[str, float] = keyed_option(
        "ip", "address", _address, "Another limit for this IP address.", low=0.01
    )
    trusted_proxies: int = option(
        0, "Proxies in front, whose X-Forwarded-For is believed.", low=0, high=20
    )
    max_buckets: int = option(
        100000, "Applications and addresses that memory counts at once.", low=100
    )


@dataclass(frozen=True, slots=True)
class SentryOptions:
    """Reports of errors, without personal data."""

    dsn: str | None = option(None, "Where reports go; none are sent without it.", secret=True)
    environment: str = option("production", "Name of the installation in reports.")
    release: str | None = option(None, "Name of the release, the version if not set.")

    def check(self) -> None:
        """Raise OptionError if the DSN is none."""
        check_sentry_dsn(self.dsn)


@dataclass(frozen=True, slots=True)
class StatsdOptions:
    """Metrics for a statsd server, by UDP."""

    host: str | None = option(None, "Server; nothing is sent without it.")
    port: int = option(8125, "Port of the server.", low=1, high=65535)
    prefix: str = option("acoustid", "What names of metrics begin with.")


@dataclass(frozen=True, slots=True)
class PrometheusOptions:
    """Metrics for Prometheus, at /_metrics on a port of their own, not the public one."""

    listen: str | None = option(
        None, "Address and port of the metrics of `fpservice serve`; it keeps none without it."
    )
    worker_listen: str | None = option(
        None, "The same for `fpservice worker`, which may run beside the other."
    )

    def check(self) -> None:
        """Raise OptionError if a value is no address with a port."""
        for name, value in (("listen", self.listen), ("worker_listen", self.worker_listen)):
            port = value.rpartition(":")[2] if value and _LISTEN.fullmatch(value) else ""
            if value is not None and not (port and 1 <= int(port) <= 65535):
                raise OptionError(name, "must be an address and a port, such as 127.0.0.1:9100")


@dataclass(frozen=True, slots=True)
class LoggingOptions:
    """One line an event, on standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = option(
        "INFO", "Least level that is written."
    )
    format: Literal["text", "json"] = option("text", "Form of a line.")
    levels: Mapping[str, LevelName] = keyed_option(
        "level", "module", _module, "Another level for this module and those below it."
    )


@dataclass(frozen=True, slots=True)
class GunicornOptions:
    """The web server."""

    bind: str = option("127.0.0.1:5000", "Address and port, or unix:/path.")
    workers: int = option(0, "Processes; 0 is one for each processor.", low=0, high=1024)
    threads: int = option(
        4,
        "Threads of a process, so that a slow client does not keep others waiting.",
        low=1,
        high=256,
    )
    timeout: int = option(30, "Silence after which a process is replaced.", low=1)
    graceful_timeout: int = option(30, "Time for requests under way at the end.", low=1)
    drain: int = option(
        0,
        "Time that health pages answer 503 before the end, so that traffic goes.",
        low=0,
        high=3600,
    )
    keepalive: int = option(5, "Time an idle connection is kept.", low=0)
    max_queued: int = option(
        256, "Requests of a process that wait for a thread; more are refused.", low=1, high=100000
    )
    max_queue_time: float = option(
        2.0,
        "Time a request may wait for a thread before it is refused; a quarter of it in overload.",
        low=0.01,
        high=60,
    )
    max_requests: int = option(0, "Requests after which a process is replaced; 0 is never.", low=0)
    max_requests_jitter: int = option(0, "Random addition to max_requests.", low=0)

    @property
    def processes(self) -> int:
        """Number of processes, 0 resolved to that of the processors it may use."""
        return self.workers or len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Lookups, and the searches of the importer."""

    candidates: int = option(20, "Candidates that a lookup compares.", low=1, high=1000)
    max_candidates_import: int = option(20, "Candidates that an import compares.", low=1, high=1000)
    min_percent_import: int = option(
        10, "Least share of the best count for a candidate of an import.", low=0, high=100
    )
    min_score: float = option(0.4, "Results have a score above this.", low=0, high=1)
    min_percent_of_better: int = option(
        40, "Share of a better result's hits that a result needs, in percent.", low=0, high=100
    )
    max_results: int = option(10, "Results of a query.", low=1, high=1000)
    max_duration_difference: int = option(
        7, "Seconds that durations may differ by, if the request does not say.", low=1, high=30
    )
    time_limit: float = option(4.0, "Time limit of a search.", low=0.1, high=60)
    max_hashes: int = option(65535, "Items of a fingerprint.", low=1, high=65535)
    max_fingerprints: int = option(20, "Fingerprints of a request.", low=1, high=10000)
    max_track_ids: int = option(100, "Track ids of a request.", low=1, high=10000)


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """What processes remember, and what they share in a file."""

    api_key_ttl: float = option(60.0, "Time an API key is remembered.", low=0, high=86400)
    api_key_size: int = option(1000, "API keys that a process remembers.", low=1)
    metadata_ttl: float = option(
        600.0,
        "Time that names of recordings are remembered, in Redis too if there is one; 0 is none.",
        low=0,
        high=86400,
    )
    metadata_size: int = option(
        20_000, "Recordings, releases and tracks that a process remembers, at about 1 kB.", low=1
    )
    fingerprint_file: str = option(
        "fingerprints.cache",
        "File in the data directory with fingerprints that processes of this machine share, where"
        " the index is external.",
    )
    fingerprint_file_size: int = option(
        2**29,
        "Bytes of that file, at about 4 kB a fingerprint, 1 MiB to 64 GiB; 0 for none.",
        low=0,
    )
    fingerprint_ttl: float = option(
        86400.0, "Time that a fingerprint of that file is believed.", low=1, high=31536000
    )

    def check(self) -> None:
        """Raise OptionError if the size is one that no file can have."""
        if self.fingerprint_file_size and not 2**20 <= self.fingerprint_file_size <= 2**36:
            raise OptionError("fingerprint_file_size", "must be 0, or from 1048576 to 68719476736")


@dataclass(frozen=True, slots=True)
class MusicbrainzOptions:
    """Names of recordings, from the database in [database_musicbrainz]."""

    time_limit: float = option(
        1.5, "Time a lookup waits for names; it answers ids alone after it.", low=0.01, high=60
    )
    sign_in_url: str | None = option(
        None,
        "Page that says whose an access token is, such as"
        " https://musicbrainz.org/oauth2/userinfo; without it nobody can sign in.",
    )


@dataclass(frozen=True, slots=True)
class WebsiteOptions:
    """Requests in general."""

    max_request_size: int = option(
        1048576, "Bytes of a request's body, as sent and as inflated.", low=1024, high=2**30
    )


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The importer of submissions."""

    poll_interval: float = option(0.2, "Pause when nothing waits.", low=0.01, high=60)
    batch_size: int = option(50, "Submissions taken at once.", low=1, high=10000)
    max_attempts: int = option(5, "Tries after which a submission has failed.", low=1, high=1000)
    retry_delay: float = option(
        5.0, "Pause before the second try; it doubles with each.", low=0.01, high=3600
    )
    concurrency: int = option(1, "Imports of a process at once.", low=1, high=64)
    sweep_after: float = option(
        5.0, "Age at which a submission that waits is announced again.", low=0.1, high=3600
    )
    niceness: int = option(
        5,
        "How much it gives way to others on the machine.",
        low=0,
        high=19,
    )
    heartbeat: str | None = option(
        None, "File of each process by itself whose time says when its imports last went on."
    )


SECTIONS: dict[str, type] = {
    "database": DatabaseOptions,
    "database_fingerprint": ReplicatedDatabaseOptions,
    "database_ingest": DatabaseOptions,
    "database_musicbrainz": ReplicatedDatabaseOptions,
    "redis": RedisOptions,
    "nats": NatsOptions,
    "fingerprint_index": FingerprintIndexOptions,
    "cluster": ClusterOptions,
    "cluster.rate_limiter": RateLimiterOptions,
    "sentry": SentryOptions,
    "statsd": StatsdOptions,
    "prometheus": PrometheusOptions,
    "logging": LoggingOptions,
    "gunicorn": GunicornOptions,
    "search": SearchOptions,
    "cache": CacheOptions,
    "musicbrainz": MusicbrainzOptions,
    "website": WebsiteOptions,
    "worker": WorkerOptions,
}
OPTIONS: dict[str, tuple[Option, ...]] = {
    section: options_of(section, options) for section, options in SECTIONS.items()
}
