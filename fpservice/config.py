"""The configuration: built once from a file and the environment, typed and checked.

``python -m fpservice.config`` prints ``acoustid.conf.dist``, and with ``docs`` behind it
``docs/configuration.md``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpservice import config_options as options
from fpservice.config_locations import sqlite_location
from fpservice.config_names import Named, named_in_environment, named_in_file
from fpservice.config_sources import FILE_VARIABLE, read_environment, read_file, read_secret
from fpservice.config_template import reference_page, template
from fpservice.config_values import ConfigError, OptionError

__all__ = ["Config", "ConfigError", "load_config"]

DEFAULT_FILE = "acoustid.conf"


@dataclass(frozen=True, slots=True)
class Config:
    """All options, a field for each section; ``repr`` shows no secret."""

    data_dir: Path = field(default_factory=lambda: Path("data").absolute())
    database: options.DatabaseOptions = field(default_factory=options.DatabaseOptions)
    database_fingerprint: options.ReplicatedDatabaseOptions = field(
        default_factory=options.ReplicatedDatabaseOptions
    )
    database_ingest: options.DatabaseOptions = field(default_factory=options.DatabaseOptions)
    database_musicbrainz: options.ReplicatedDatabaseOptions = field(
        default_factory=options.ReplicatedDatabaseOptions
    )
    redis: options.RedisOptions = field(default_factory=options.RedisOptions)
    nats: options.NatsOptions = field(default_factory=options.NatsOptions)
    fingerprint_index: options.FingerprintIndexOptions = field(
        default_factory=options.FingerprintIndexOptions
    )
    cluster: options.ClusterOptions = field(default_factory=options.ClusterOptions)
    cluster_rate_limiter: options.RateLimiterOptions = field(
        default_factory=options.RateLimiterOptions
    )
    sentry: options.SentryOptions = field(default_factory=options.SentryOptions)
    statsd: options.StatsdOptions = field(default_factory=options.StatsdOptions)
    prometheus: options.PrometheusOptions = field(default_factory=options.PrometheusOptions)
    logging: options.LoggingOptions = field(default_factory=options.LoggingOptions)
    gunicorn: options.GunicornOptions = field(default_factory=options.GunicornOptions)
    search: options.SearchOptions = field(default_factory=options.SearchOptions)
    cache: options.CacheOptions = field(default_factory=options.CacheOptions)
    musicbrainz: options.MusicbrainzOptions = field(default_factory=options.MusicbrainzOptions)
    website: options.WebsiteOptions = field(default_factory=options.WebsiteOptions)
    worker: options.WorkerOptions = field(default_factory=options.WorkerOptions)

    @property
    def app_url(self) -> str:
        """SQLAlchemy URL of the app database, password included."""
        return self.database.location() or self._sqlite("app")

    @property
    def fingerprint_url(self) -> str:
        """SQLAlchemy URL of the fingerprint database, password included."""
        return self.database_fingerprint.location() or self._sqlite("fingerprint")

    @property
    def ingest_url(self) -> str:
        """SQLAlchemy URL of the ingest database, password included."""
        return self.database_ingest.location() or self._sqlite("ingest")

    @property
    def musicbrainz_url(self) -> str | None:
        """SQLAlchemy URL of the MusicBrainz database, password included; None: there is none."""
        return self.database_musicbrainz.location()

    @property
    def index_path(self) -> Path:
        """Folder of the embedded index."""
        return self.data_dir / self.fingerprint_index.path

    @property
    def fingerprint_file_path(self) -> Path:
        """File with fingerprints that processes of this machine share."""
        return self.data_dir / self.cache.fingerprint_file

    def _sqlite(self, name: str) -> str:
        return sqlite_location(str(self.data_dir / f"{name}.db"))


@dataclass(frozen=True, slots=True)
class _Setting:
    """An option with the text that counts for it, and where that text is from."""

    named: Named
    text: str
    place: str


_Settings = dict[str, _Setting]


def load_config(environ: Mapping[str, str] | None = None, path: Path | None = None) -> Config:
    """Return the configuration from a file, and from the environment, which beats it.

    Args:
        environ: the environment, that of the process if None.
        path: the file, instead of the one ``ACOUSTID_CONFIG`` names or ``acoustid.conf``.

    Raises:
        ConfigError: something cannot be used; the message is one line that says what and where.
    """
    environ = os.environ if environ is None else environ
    from_file = _file_settings(_path(environ, path))
    settings = from_file | _environment_settings(environ, from_file)
    data_dir = Path(environ.get("FPSERVICE_DATA") or "data").absolute()
    config = Config(data_dir, **{_attribute(s): _section(s, settings) for s in options.SECTIONS})
    _check_together(config, settings)
    return config


def _path(environ: Mapping[str, str], path: Path | None) -> Path | None:
    """Return the file to read; None if nobody named one and the usual one is not there."""
    named = path or environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def _file_settings(path: Path | None) -> _Settings:
    given = read_file(path) if path is not None else []
    found = ((named_in_file(g), g.text, g.place) for g in given)
    return _once(_Setting(named, text, place) for named, text, place in found if named)


def _environment_settings(environ: Mapping[str, str], from_file: _Settings) -> _Settings:
    settings = []
    for variable, text in read_environment(environ):
        place = f"environment variable {variable}"
        named = named_in_environment(variable, place)
        if named.identity in from_file:
            # The file can spell the name of a module, a variable cannot.
            key = from_file[named.identity].named.key
            named = Named(named.option, key, named.in_file)
        settings.append(_Setting(named, text, place))
    return _once(settings)


def _once(settings: Iterable[_Setting]) -> _Settings:
    by_name: _Settings = {}
    for setting in settings:
        first = by_name.setdefault(setting.named.identity, setting)
        if first is not setting:
            path = setting.named.path
            raise ConfigError(f"{setting.place}: {path} is set already by {first.place}")
    return by_name


def _section(section: str, settings: _Settings) -> Any:
    given: dict[str, Any] = {}
    for setting in settings.values():
        named = setting.named
        if named.option.section != section or not setting.text:
            continue
        if named.key is None:
            given[named.option.field] = _value(setting)
        else:
            given.setdefault(named.option.field, {})[named.key] = _value(setting)
    return _checked(section, options.SECTIONS[section](**given), settings)


def _value(setting: _Setting) -> Any:
    named, place = setting.named, f"{setting.place}: {setting.named.path}"
    text = read_secret(setting.text, place) if named.in_file else setting.text
    try:
        return named.option.parse(text)
    except ValueError as error:
        raise ConfigError(f"{place} {error}") from None


def _checked(section: str, values: Any, settings: _Settings) -> Any:
    if isinstance(values, options.Checked):
        try:
            values.check()
        except OptionError as error:
            raise _misfit(section, error, settings) from None
    return values


def _check_together(config: Config, settings: _Settings) -> None:
    if config.cluster_rate_limiter.storage == "redis" and config.redis.location() is None:
        error = OptionError("storage", "redis needs redis.host or redis.url")
        raise _misfit("cluster.rate_limiter", error, settings)


def _misfit(section: str, error: OptionError, settings: _Settings) -> ConfigError:
    identity = f"{_attribute(section)}_{error.option}"
    place = f"{settings[identity].place}: " if identity in settings else ""
    return ConfigError(f"{place}{section}.{error.option} {error}")


def _attribute(section: str) -> str:
    return section.replace(".", "_")


if __name__ == "__main__":
    sys.stdout.write(reference_page() if "docs" in sys.argv[1:] else template())
