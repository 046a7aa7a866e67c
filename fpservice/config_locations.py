"""URLs of servers, made from parts or checked; no message quotes one, it may hold a password."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fpservice.config_values import OptionError

_POSTGRESQL = "postgresql+psycopg2"
_DRIVERS = {
    "postgres": _POSTGRESQL,
    "postgresql": _POSTGRESQL,
    _POSTGRESQL: _POSTGRESQL,
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}


def database_location(
    url: str | None,
    name: str | None,
    user: str | None,
    password: str | None,
    host: str | None,
    port: int | None,
) -> str | None:
    """Return a SQLAlchemy URL with its password, or None if no part is set.

    Raises:
        OptionError: the parts do not go together, or the URL is of no database known here.
    """
    parts = {"name": name, "user": user, "host": host, "port": port}
    if url is not None:
        _only_url(parts)
        return _rendered(_database_url(url, password))
    if name is None:
        _need_name(parts | {"password": password})
        return None
    # libpq takes the directory of a socket where a host stands, but a URL has no place for it.
    query = {"host": host} if host and host.startswith("/") else {}
    return _rendered(
        URL.create(_POSTGRESQL, user, password, None if query else host, port, name, query)
    )


def redis_location(
    url: str | None, host: str | None, port: int, database: int, password: str | None
) -> str | None:
    """Return a Redis URL with its password, or None if neither URL nor host is set.

    Raises:
        OptionError: both are set, or the URL has another scheme.
    """
    if url is None and host is None:
        return None
    if url is None:
        host = f"[{host}]" if host and ":" in host else host
        url = f"redis://{host}:{port}/{database}"
    elif host is not None:
        raise OptionError("url", "cannot be set together with redis.host")
    return _with_password(url, password)


def check_sentry_dsn(dsn: str | None) -> None:
    """Raise OptionError unless this is None or ``https://key@host/project``."""
    if dsn is None:
        return
    parts = _split("dsn", dsn)
    if parts[0] not in ("http", "https") or "@" not in parts[1] or not parts[2].strip("/"):
        raise OptionError("dsn", "must be a DSN: https://key@host/project")


def sqlite_location(path: str) -> str:
    """Return the SQLAlchemy URL of a file of SQLite."""
    return _rendered(URL.create("sqlite", database=path))


def _rendered(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _only_url(parts: Mapping[str, object]) -> None:
    beside = [name for name, value in parts.items() if value is not None]
    if beside:
        raise OptionError("url", f"cannot be set together with {beside[0]}")


def _need_name(parts: Mapping[str, object]) -> None:
    for name, value in parts.items():
        if value is not None:
            raise OptionError(name, "needs the name of the database (name), or a url")


def _database_url(text: str, password: str | None) -> URL:
    try:
        url = make_url(text)
        url = url.set(drivername=_DRIVERS[url.drivername])
    except (ArgumentError, KeyError, ValueError):
        problem = "must be postgresql://user@host:port/name or sqlite:////path"
        raise OptionError("url", problem) from None
    return url if password is None else url.set(password=password)


def _with_password(url: str, password: str | None) -> str:
    scheme, place, rest = _split("url", url)
    if scheme not in ("redis", "rediss", "unix"):
        raise OptionError("url", "must be redis://host:port/0, rediss://… or unix://…")
    if password is None:
        return url
    login, _, host = place.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{rest}"


def _split(option: str, url: str) -> tuple[str, str, str]:
    """Return scheme, login and host, and the rest."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise OptionError(option, "must be a URL") from None
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme, parts.netloc, parts.path + query
