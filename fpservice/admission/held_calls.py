"""System calls on sockets that do not let go of the interpreter.

The calls of the standard library do. A thread that lets go of it for a microsecond gets it back
from one that computes after ``sys.getswitchinterval()``, 5 ms, and so could refuse no more than
some tens of requests a second. These calls never wait, so nobody is kept from anything.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any, Final

_c: Final = ctypes.PyDLL(None, use_errno=True)
_c.recv.argtypes = _c.send.argtypes = (
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
)
_c.recv.restype = _c.send.restype = ctypes.c_ssize_t
_c.close.argtypes = (ctypes.c_int,)
# Not every system has it.
_accept4: Final = getattr(_c, "accept4", None)
# Plain numbers: arithmetic with the flags of the standard library takes longer than the call.
_DO_NOT_WAIT: Final = int(socket.MSG_DONTWAIT)
_PEEK: Final = int(socket.MSG_PEEK) | _DO_NOT_WAIT
_NO_SIGNAL: Final = int(getattr(socket, "MSG_NOSIGNAL", 0)) | _DO_NOT_WAIT
_CLOSE_ON_EXEC: Final = int(getattr(socket, "SOCK_CLOEXEC", 0))
# Of the kernel's struct sockaddr_in and sockaddr_in6: port, flow and address; the scope is not in
# the order of the network.
_ADDRESS_SIZE: Final = 128
_IPV4: Final = struct.Struct("!2xH4s")
_IPV6: Final = struct.Struct("!2xHI16s")
_IPV6_SCOPE: Final = struct.Struct("=24xI")
# Of the kernel's struct tcp_info: its size as far as it is wanted, and where the time since the
# last data came is, in milliseconds.
_TCP_INFO_SIZE: Final = 56
_LAST_DATA_RECEIVED: Final = struct.Struct("=52xI")
_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)


class Buffer:
    """Bytes to receive into, again and again; for one thread."""

    def __init__(self, size: int) -> None:
        """Hold ``size`` bytes; memory is taken as they are used."""
        self._size = size
        self._bytes = ctypes.create_string_buffer(size)
        self._view = memoryview(self._bytes).cast("B")

    def receive(self, sock: socket.socket, size: int | None = None) -> memoryview:
        """Return what there is, ``size`` bytes at most; it is overwritten the next time.

        At the end of the connection there is nothing more than no bytes.

        Raises:
            BlockingIOError: there is nothing yet.
            OSError: the connection is broken.
        """
        most = self._size if size is None else min(size, self._size)
        return self._view[: _checked(_c.recv(sock.fileno(), self._bytes, most, _DO_NOT_WAIT))]

    def peek(self, sock: socket.socket, size: int) -> bytes:
        """Return the first bytes that are there, and leave them there."""
        got = _checked(_c.recv(sock.fileno(), self._bytes, min(size, self._size), _PEEK))
        return bytes(self._view[:got])


class ServedSocket(socket.socket):
    """A connection that is always asked what to do without waiting, and so may always block."""

    def setblocking(self, flag: bool) -> None:
        """Do nothing; it would be a system call, twice a request."""


def accept(listener: socket.socket) -> tuple[ServedSocket, Any]:
    """Return the next connection of a listener that does not block, and the client's address.

    Raises:
        BlockingIOError: there is none.
        OSError: it was broken off, or there are too many.
    """
    family = listener.family
    if _accept4 is None:
        accepted, address = listener.accept()
        return ServedSocket(family, listener.type, listener.proto, accepted.detach()), address
    told, size = ctypes.create_string_buffer(_ADDRESS_SIZE), ctypes.c_uint(_ADDRESS_SIZE)
    descriptor = _checked(_accept4(listener.fileno(), told, ctypes.byref(size), _CLOSE_ON_EXEC))
    served = ServedSocket(family, listener.type, listener.proto, descriptor)
    return served, address_in(family, bytes(told))


def address_in(family: int, told: bytes) -> Any:
    """Return a client's address, of a struct sockaddr, as the standard library does."""
    if family == socket.AF_INET:
        port, host = _IPV4.unpack_from(told)
        return socket.inet_ntop(family, host), port
    if family == socket.AF_INET6:
        port, flow, host = _IPV6.unpack_from(told)
        (scope,) = _IPV6_SCOPE.unpack_from(told)
        return socket.inet_ntop(family, host), port, flow, scope
    return ""


def send(sock: socket.socket, data: bytes) -> int:
    """Send what the connection takes at once; return how many bytes that were.

    Raises:
        BlockingIOError: none, now.
        OSError: the connection is broken.
    """
    return _checked(_c.send(sock.fileno(), data, len(data), _NO_SIGNAL))


def close(sock: socket.socket) -> None:
    """Close the socket; what was sent still arrives if all that came was received."""
    _c.close(sock.detach())


def unseen_seconds(sock: socket.socket) -> float:
    """Return how long ago the client sent something; 0 where the kernel does not tell.

    A request may have waited in the kernel for its connection to be accepted, or to be looked at.
    """
    if _TCP_INFO is None:
        return 0.0
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_SIZE)
        (milliseconds,) = _LAST_DATA_RECEIVED.unpack(told)
    except (OSError, struct.error):
        # Another kind of socket, or another kind of system.
        return 0.0
    return float(milliseconds) / 1000


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
