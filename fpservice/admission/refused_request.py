"""A refused request on its connection: answered, and taken off it as far as that is known."""

from __future__ import annotations

import enum
import socket
from time import monotonic
from typing import Final

from fpservice.admission.held_calls import Buffer, send
from fpservice.admission.refusals import Refusal

# How long a client may take to send the rest, in seconds.
_PATIENCE: Final = 5.0


class Next(enum.Enum):
    """What becomes of the connection."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    # More is to come from the client.
    WAIT = enum.auto()


class RefusedRequest:
    """Sends the answer at the end of the request, or at once if nobody knows where that is.

    In that case it takes what still comes, for a while: a connection that is closed with something
    unread is reset, and the client may not see the answer.
    """

    def __init__(self, sock: socket.socket, refusal: Refusal) -> None:
        """Refuse on this socket; what ``go_on`` came to is in ``then``."""
        self.then = Next.WAIT
        self.deadline = monotonic() + _PATIENCE
        self._socket = sock
        self._refusal = refusal
        self._unread = refusal.unread
        self._answered = False

    def go_on(self, buffer: Buffer) -> None:
        """Do what can be done without waiting."""
        self.then = self._go_on(buffer)

    def _go_on(self, buffer: Buffer) -> Next:
        try:
            if self._unread is None:
                return self._end_and_drain(buffer)
            while self._unread:
                got = len(buffer.receive(self._socket, self._unread))
                if not got or monotonic() > self.deadline:
                    return Next.CLOSE
                self._unread -= got
        except BlockingIOError:
            return Next.WAIT
        except OSError:
            return Next.CLOSE
        return Next.KEEP if self._send() and self._refusal.keeps else Next.CLOSE

    def _end_and_drain(self, buffer: Buffer) -> Next:
        if not self._answered:
            if not self._send():
                return Next.CLOSE
            self._socket.shutdown(socket.SHUT_WR)
        while buffer.receive(self._socket):
            if monotonic() > self.deadline:
                break
        return Next.CLOSE

    def _send(self) -> bool:
        """Send the answer; False if the client does not take these few hundred bytes."""
        self._answered = True
        try:
            return send(self._socket, self._refusal.answer) == len(self._refusal.answer)
        except OSError:
            return False
