"""Connections whose time limit holds for a whole answer, not for each part of it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from urllib3.connection import HTTPConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LEAST_SECONDS: Final = 0.001


class DeadlineSocket(socket.socket):
    """A socket whose timeout begins when it is set: all that is received counts against it."""

    _deadline: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Set the seconds in which everything must have been received."""
        super().settimeout(value)
        self._deadline = None if value is None else time.monotonic() + value

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """Receive; raises TimeoutError when the time is over."""
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            super().settimeout(max(left, _LEAST_SECONDS))
        return super().recv_into(buffer, nbytes, flags)


class DeadlineConnection(HTTPConnection):
    """A plain connection; the library sets its timeout anew with each request."""

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        return DeadlineSocket(fileno=plain.detach())
