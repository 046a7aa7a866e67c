"""Real servers for the tests: PostgreSQL, PgBouncer, Redis and NATS with JetStream.

Each comes from a wheel of the ``test`` extra (PgBouncer from a package of the system), listens on
a free port of 127.0.0.1 and keeps its data in a temporary directory; a keeper process
(``keeper.py``) stops it and removes the directory when the tests end, however they end.
``TEST_POSTGRES_URL``, ``TEST_REDIS_URL`` and ``TEST_NATS_URL`` name running servers to be used
instead. Such a server must be there for tests alone, and they must not run side by side there:
Redis is flushed and NATS loses its streams; in PostgreSQL only the databases that the tests made
are touched.
"""

from tests.services.databases import DatabaseUrls, empty, postgres_urls, sqlite_urls
from tests.services.nats import NatsServer
from tests.services.pgbouncer import PgBouncerServer
from tests.services.ports import free_port
from tests.services.postgres import PostgresServer
from tests.services.process import ServerProcess, ServerStartError
from tests.services.redis import RedisServer

__all__ = [
    "DatabaseUrls",
    "NatsServer",
    "PgBouncerServer",
    "PostgresServer",
    "RedisServer",
    "ServerProcess",
    "ServerStartError",
    "empty",
    "free_port",
    "postgres_urls",
    "sqlite_urls",
]
