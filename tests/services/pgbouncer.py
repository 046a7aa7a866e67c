"""A PgBouncer between the tests and a PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import URL, make_url

from tests.services.databases import DatabaseUrls
from tests.services.process import ServerProcess, server_directory

# Connections to each database, however many clients there are: these must share.
POOL_SIZE: Final = 2
# A database's own user is used for everybody, so that no password is asked for.
_CONFIGURATION: Final = """\
[databases]
* = host={host} port={server_port} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
"""


@dataclass(frozen=True, slots=True)
class PgBouncerServer:
    """A running PgBouncer that shares connections by transactions, for all databases."""

    port: int
    process: ServerProcess

    @classmethod
    def start(cls, server: URL) -> PgBouncerServer:
        """Start one before the PostgreSQL server of a URL.

        Raises:
            FileNotFoundError: PgBouncer is not installed.
        """
        port, process = ServerProcess.on_free_port(lambda port: _start(port, server))
        return cls(port, process)

    def url(self, url: str) -> str:
        """Return the URL of a database by way of here."""
        here = make_url(url).set(host="127.0.0.1", port=self.port, password=None)
        return here.render_as_string(hide_password=False)

    def urls(self, urls: DatabaseUrls) -> DatabaseUrls:
        """Return the service's databases by way of here."""
        app, fingerprint, ingest = map(self.url, urls.own)
        names = urls.musicbrainz and self.url(urls.musicbrainz)
        return replace(urls, app=app, fingerprint=fingerprint, ingest=ingest, musicbrainz=names)

    def stop(self) -> None:
        """Stop it."""
        self.process.stop()


def _start(port: int, server: URL) -> ServerProcess:
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("pgbouncer is not installed; see tests/install-prerequisites.sh")
    directory = server_directory("pgbouncer")
    configuration = directory / "pgbouncer.ini"
    configuration.touch(mode=0o600)
    configuration.write_text(
        _CONFIGURATION.format(
            host=server.host or "127.0.0.1",
            server_port=server.port or 5432,
            user=server.username or "postgres",
            password=server.password or "",
            port=port,
            size=POOL_SIZE,
        ),
        encoding="utf-8",
    )
    # It refuses to run as root.
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    if user is not None:
        for path in (directory, configuration):
            os.chown(path, user, user)
    return ServerProcess([program, str(configuration)], directory, ready="process up:", user=user)
