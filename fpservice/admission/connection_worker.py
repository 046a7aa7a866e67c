"""The worker of gunicorn with a main thread that waits for nobody.

It gets on with all connections even while the threads of the process keep the interpreter, and is
held up by no client: gunicorn's own waits for the interpreter at each of its system calls, and at
the end of a connection for the client.
"""

from __future__ import annotations

import errno
import selectors
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from time import monotonic, sleep
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from fpservice.admission.held_calls import Buffer, accept, close
from fpservice.admission.refusals import NOTHING_MORE, Refusal
from fpservice.admission.refused_request import Next, RefusedRequest
from fpservice.admission.shares import Share

# Room for the head of a request, beside its body.
_MAX_HEAD: Final = 65_536
# How long a client may take to begin its first request, in seconds.
_PATIENCE: Final = 5.0
# How long a thread waits for what a view has not read of a last request, in seconds.
_TO_THE_END: Final = 0.2
# When a connection is looked at again whose time is over, but where something has come.
_SOON: Final = 0.1
_BEGINNING: Final = 16
# How long the others have to take a connection that was left to them, in seconds.
_LEFT: Final = 0.0002
_MAX_ACCEPTED: Final = 256
_NO_MORE_NOW: Final = (errno.EAGAIN, errno.ECONNABORTED)


class ConnectionWorker(ThreadWorker):  # type: ignore[misc]
    """What becomes of connections; ``max_body`` is in bytes, and set before there are workers."""

    max_body = 1_048_576
    share: Share | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As gunicorn makes workers."""
        self._connections = 0
        super().__init__(*args, **kwargs)
        self.buffer = Buffer(self.max_body + _MAX_HEAD)
        self._names: dict[int, Any] = {}

    def init_process(self) -> None:
        """Make what must not be shared with other processes, and run."""
        self._names = {listener.fileno(): listener.getsockname() for listener in self.sockets}
        self.nr_conns = 0
        super().init_process()

    @property
    def nr_conns(self) -> int:
        """How many connections this process has; gunicorn counts them, the others are told."""
        return self._connections

    @nr_conns.setter
    def nr_conns(self, number: int) -> None:
        self._connections = number
        if self.share is not None:
            self.share.write(number)

    @property
    def busy(self) -> bool:
        """Whether all threads have something to do."""
        return False

    def arrived(self, conn: TConn) -> None:
        """Do something about a request that has begun to arrive."""
        self.enqueue_req(conn)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; many while all threads are busy, so that none waits unseen."""
        for _ in range(_MAX_ACCEPTED if self.busy else 1):
            if self.nr_conns >= self.worker_connections:
                return
            if self.share is not None and self.share.leaves(self.nr_conns):
                # Without this the poller would say at once again that there is something.
                sleep(_LEFT)
                return
            try:
                client, address = accept(listener)
            except OSError as error:
                if error.errno in _NO_MORE_NOW:
                    return
                raise
            self.nr_conns += 1
            conn = TConn(self.cfg, client, address, self._names[listener.fileno()])
            if self.busy and self.begins(client):
                self.arrived(conn)
            else:
                self.listen(conn, self.arrived, monotonic() + _PATIENCE)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep the connection or end it."""
        if conn.sock.fileno() < 0:
            # The thread has closed it.
            self.nr_conns -= 1
        elif not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        else:
            self.go_on(conn, self.refused(conn.sock, NOTHING_MORE))

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Close the connection after its last answer, if nothing is still to come on it.

        The main thread has to wait for the interpreter after each system call, and for the client
        at the end of what gunicorn does to close; here it costs nobody else anything.
        """
        kept = super()._keepalive_after(conn, keepalive)
        if not keepalive and conn.parser.finish_body(monotonic() + _TO_THE_END):
            close(conn.sock)
        return bool(kept)

    def begins(self, sock: socket.socket) -> bytes:
        """Return the first bytes of a request, as far as they are there."""
        try:
            return self.buffer.peek(sock, _BEGINNING)
        except OSError:
            return b""

    def listen(self, conn: TConn, then: Callable[[TConn], None], deadline: float) -> None:
        """Call ``then`` when something comes from the client; close if nothing does."""
        conn.timeout = deadline
        self.pending_conns.append(conn)
        heard = partial(self._heard, conn, then)
        self.poller.register(conn.sock, selectors.EVENT_READ, heard)

    def _heard(self, conn: TConn, then: Callable[[TConn], None], client: socket.socket) -> None:
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        then(conn)

    def refused(self, sock: socket.socket, refusal: Refusal) -> RefusedRequest:
        """Begin to answer a request that is not served."""
        refused = RefusedRequest(sock, refusal)
        refused.go_on(self.buffer)
        return refused

    def go_on(self, conn: TConn, refused: RefusedRequest) -> None:
        """Do with a connection what its refused request came to."""
        if refused.then is Next.WAIT:
            self.listen(conn, partial(self._heard_more, refused=refused), refused.deadline)
        elif refused.then is Next.KEEP:
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            heard = partial(self.on_client_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, heard)
        else:
            self.drop(conn)

    def _heard_more(self, conn: TConn, refused: RefusedRequest) -> None:
        refused.go_on(self.buffer)
        self.go_on(conn, refused)

    def keeps(self) -> bool:
        """Whether another connection may be kept."""
        room = len(self.keepalived_conns) < self.max_keepalived
        return bool(room and self.alive and self.cfg.keepalive)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that have been idle for too long, or all."""
        self._end_idle(self.keepalived_conns, force)

    def murder_pending(self) -> None:
        """Close connections that have not sent for too long what is waited for."""
        self._end_idle(self.pending_conns)

    def _end_idle(self, conns: deque[TConn], force: bool = False) -> None:
        now = monotonic()
        while conns and (force or conns[0].timeout <= now):
            conn = conns.popleft()
            if self.begins(conn.sock) and not force:
                # It has come since the poller was asked.
                conn.timeout = now + _SOON
                conns.append(conn)
                continue
            self.poller.unregister(conn.sock)
            self.drop(conn)

    def drop(self, conn: TConn) -> None:
        """Close a connection that the poller does not know."""
        self.nr_conns -= 1
        close(conn.sock)
