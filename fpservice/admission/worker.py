"""The worker of gunicorn with a bounded queue: who cannot be served in time is told so at once.

Refusing has to be cheap, or a crowd that is refused would take the processor from those who are
served. So the main thread does it, which has the connections anyway, and reads no more of a
request than where it ends.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from gunicorn.workers.gthread import TConn

from fpservice.admission.connection_worker import ConnectionWorker
from fpservice.admission.counts import RefusalCounts
from fpservice.admission.held_calls import unseen_seconds
from fpservice.admission.refusals import refuse
from fpservice.admission.refused_request import Next, RefusedRequest
from fpservice.admission.waiting_room import WaitingRoom
from fpservice.api.context import EXTENSION
from fpservice.config_options import GunicornOptions

_HEALTH: Final = (b"GET /_health", b"HEAD /_health")
# How often those who wait are looked at, in seconds.
_LOOK_EVERY: Final = 0.1
# How long a thread gives way to the main thread before its next request, in seconds.
_GIVE_WAY: Final = 0.05


class AdmittingWorker(ConnectionWorker):
    """Threads that take requests from a waiting room.

    ``options`` are set before there are workers.
    """

    options = GunicornOptions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As gunicorn makes workers."""
        super().__init__(*args, **kwargs)
        options = self.options
        self._room: WaitingRoom[TConn] = WaitingRoom(
            self.cfg.threads, options.max_queued, options.max_queue_time
        )
        # Connections that are idle leave those that wait their place.
        self.max_keepalived -= options.max_queued
        self._counts = RefusalCounts()
        self._up_to_date = threading.Event()

    def init_process(self) -> None:
        """Make what must not be shared with other processes, and run."""
        # Health pages tell others what to do about the load, so they must not wait for its end.
        self._health_thread = ThreadPoolExecutor(1, "health")
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        services = getattr(self.wsgi, "extensions", {}).get(EXTENSION)
        if services is not None:
            self._counts = RefusalCounts(services.metrics)

    @property
    def busy(self) -> bool:
        """Whether all threads have something to do."""
        return self._room.busy

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take the next request of a connection that was kept."""
        refused = self._turned_away(client)
        self.keepalived_conns.remove(conn)
        if refused and refused.then is Next.KEEP:
            # It stays with the poller.
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            return
        self.poller.unregister(client)
        if refused:
            self.go_on(conn, refused)
        else:
            self.arrived(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Have a connection wait for a thread."""
        if self._room.enter(conn, unseen_seconds(conn.sock) if self.busy else 0.0):
            self.tpool.submit(self._serve)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Go on with the connections where something happened; look at those that wait."""
        events = self.poller.select(_LOOK_EVERY if self._room.occupied else timeout)
        if self.busy:
            self._up_to_date.clear()
        try:
            for key, _ in events:
                key.data(key.fileobj)
            if self._room.occupied:
                for conn in self._room.late():
                    self._refuse_late(conn)
        finally:
            self._up_to_date.set()
        self._counts.report()

    def _serve(self) -> None:
        """Serve whoever waits, until nobody does. Runs in a thread."""
        while turn := self._room.turn():
            conn, waited = turn
            self._counts.metrics.observe("queue", waited)
            self._handle(conn)
            if not self._up_to_date.is_set():
                # The main thread would have to wait for the interpreter while others wait for it.
                self._up_to_date.wait(_GIVE_WAY)

    def _handle(self, conn: TConn) -> None:
        done: Future[Any] = Future()
        try:
            done.set_result(self.handle(conn))
        except BaseException as error:
            done.set_exception(error)
        self.method_queue.defer(self.finish_request, conn, done)

    def arrived(self, conn: TConn) -> None:
        """Decide about a request that has begun to arrive."""
        conn.data_ready = True
        if refused := self._turned_away(conn.sock):
            self.go_on(conn, refused)
        elif not self.busy or self.cfg.is_ssl:
            self.enqueue_req(conn)
        elif not (begins := self.begins(conn.sock)):
            # The client has gone.
            self.drop(conn)
        elif begins.startswith(_HEALTH):
            self._health_thread.submit(self._handle, conn)
        else:
            self.enqueue_req(conn)

    def _turned_away(self, sock: socket.socket) -> RefusedRequest | None:
        """Refuse a request that has begun to arrive, if there is no time for it."""
        if not self.busy or self.cfg.is_ssl:
            return None
        if self._room.admits(unseen_seconds(sock)) or self.begins(sock).startswith(_HEALTH):
            return None
        return self._refuse(sock, b"")

    def _refuse_late(self, conn: TConn) -> None:
        """Refuse a request that has waited in vain."""
        ahead = conn.parser.unreader.take_buffered() if conn.parser else b""
        if refused := self._refuse(conn.sock, ahead):
            self.go_on(conn, refused)
        else:
            self.drop(conn)

    def _refuse(self, sock: socket.socket, ahead: bytes) -> RefusedRequest | None:
        """Refuse what was read ahead and what there is; None if that is nothing."""
        try:
            begun = ahead + bytes(self.buffer.receive(sock))
        except BlockingIOError:
            begun = ahead
        except OSError:
            return None
        if not begun:
            return None
        self._counts.add()
        return self.refused(sock, refuse(begun, self.max_body, self.keeps()))
