"""How gunicorn runs the web application; read by gunicorn itself."""

from __future__ import annotations

import gc
import json
import resource
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn import util
from gunicorn.workers import gthread

from fpservice.admission.shares import Share, Shares
from fpservice.admission.worker import AdmittingWorker
from fpservice.api.context import EXTENSION
from fpservice.config import load_config

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

# A client that sends nothing for so long, in seconds, has gone; it must not keep a thread.
_SOCKET_TIMEOUT: Final = 10
# Connections of a process that may be idle, and descriptors for all but connections.
_IDLE_CONNECTIONS: Final = 1000
_OTHER_DESCRIPTORS: Final = 512


def _connections(wanted: int) -> int:
    """Return how many connections a process may have, of those that are wanted.

    A process that runs out of descriptors ends, so it is allowed more of them if it needs them.
    """
    needed = wanted + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - _OTHER_DESCRIPTORS, allowed // 2)


_config = load_config()
# What a view has not read of a body is waited for so long, so that the connection can be kept.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = 0.2
AdmittingWorker.options = _config.gunicorn
AdmittingWorker.max_body = _config.website.max_request_size

bind = _config.gunicorn.bind
workers = _config.gunicorn.processes
worker_class = AdmittingWorker
threads = _config.gunicorn.threads
worker_connections = _connections(threads + _config.gunicorn.max_queued + _IDLE_CONNECTIONS)
backlog = 1024
timeout = _config.gunicorn.timeout
graceful_timeout = _config.gunicorn.graceful_timeout
keepalive = _config.gunicorn.keepalive
# It would be one socket in the home directory, the same for all services of this user.
control_socket_disable = True
max_requests = _config.gunicorn.max_requests
max_requests_jitter = _config.gunicorn.max_requests_jitter
# Fingerprints in a query string are long; the parser allows no more than this.
limit_request_line = 8190
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
accesslog = None
errorlog = "-"
loglevel = "warning"


# One is enough for all processes at a time, one for each that takes the place of another.
_shares: Final = Shares(2 * _config.gunicorn.processes + 2)


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give the process that is about to be a place to say how many connections it has."""
    worker.place = _shares.reserve()
    if worker.place is not None:
        worker.share = Share(_shares, worker.place)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Forget the connections of a process that has ended."""
    if worker.place is not None:
        _shares.release(worker.place)


def when_ready(server: Arbiter) -> None:
    """Give every connection a time limit; accepted sockets inherit it from the listener."""
    limit = struct.pack("ll", _SOCKET_TIMEOUT, 0)
    for listener in server.LISTENERS:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, limit)


def post_worker_init(worker: Worker) -> None:
    """Let the garbage collector leave alone what lives as long as the process.

    A hundred thousand objects of modules and tables would be looked at with each collection.
    """
    gc.collect()
    gc.freeze()


def worker_exit(server: Arbiter, worker: Worker) -> None:
    """Let out what this process still has; it ends, or is replaced after max_requests."""
    # There is none if the application could not be built.
    if worker.wsgi is not None:
        services = worker.wsgi.extensions[EXTENSION]
        services.submission.close()
        services.statistics.write()


def _write_error(connection: Any, status: int, reason: str, message: str) -> None:
    """Answer what gunicorn itself refuses as the service answers: in JSON."""
    text = f"malformed request ({message or reason})" if status < 500 else "internal error"
    error = {"code": 20 if status < 500 else 5, "message": text}
    body = json.dumps({"error": error, "status": "error"}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        "Content-Type: application/json; charset=UTF-8\r\nAccess-Control-Allow-Origin: *\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(connection, head.encode("latin1") + body)


util.write_error = _write_error
