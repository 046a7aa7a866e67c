"""A relay before a server that counts how often a client waits for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

_CHUNK = 65_536


class CountingProxy:
    """Passes bytes on; a question is what a client sends after the last answer came."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.questions = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """Yield a list that holds, afterwards, how many round trips there were meanwhile."""
        before, trips = self.questions, []
        yield trips
        trips.append(self.questions - before)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with closing(client), closing(socket.create_connection(self._target)) as server:
            waiting = threading.Event()
            back = threading.Thread(
                target=self._pass_on, args=(server, client, waiting, False), daemon=True
            )
            back.start()
            self._pass_on(client, server, waiting, True)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join(5)

    def _pass_on(
        self, source: socket.socket, goal: socket.socket, waiting: threading.Event, asks: bool
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if not asks:
                    waiting.clear()
                elif not waiting.is_set():
                    waiting.set()
                    with self._lock:
                        self.questions += 1
                goal.sendall(data)
