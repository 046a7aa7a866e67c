"""System calls without letting go of the interpreter do what those of the library do."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest

from fpservice.admission.held_calls import Buffer, accept, address_in, close, send, unseen_seconds


def listening(family: int, address: str | tuple[str, int]) -> socket.socket:
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen(5)
    listener.setblocking(False)
    return listener


def test_receive_peek_and_send() -> None:
    buffer = Buffer(4)
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(BlockingIOError):
            buffer.receive(here)
        there.sendall(b"abcdefg")
        assert buffer.peek(here, 2) == b"ab"
        assert bytes(buffer.receive(here)) == b"abcd"
        assert bytes(buffer.receive(here, 1)) == b"e"
        assert send(here, b"xyz") == 3
        assert there.recv(10) == b"xyz"
        close(there)
        assert bytes(buffer.receive(here)) == b"fg"
        assert bytes(buffer.receive(here)) == b""
        with pytest.raises(BrokenPipeError):
            send(here, b"x")


def test_accept_tells_the_address() -> None:
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as listener, socket.socket() as client:
        with pytest.raises(BlockingIOError):
            accept(listener)
        client.connect(listener.getsockname())
        accepted, address = accept(listener)
        with accepted:
            assert address == client.getsockname() == accepted.getpeername()
            assert not accepted.get_inheritable()
            client.sendall(b"a")
            assert accepted.recv(1) == b"a"


def test_an_address_of_version_6() -> None:
    host = bytes.fromhex("20010db8000000000000000000000007")
    told = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 5000, 9) + host
    told += struct.pack("=I", 3)
    assert address_in(socket.AF_INET6, told) == ("2001:db8::7", 5000, 9, 3)


def test_accept_on_a_path(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with listening(socket.AF_UNIX, path) as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        accepted, address = accept(listener)
        with accepted:
            assert address == ""
            assert unseen_seconds(accepted) == 0


def test_how_long_something_lies_in_the_kernel() -> None:
    with (
        listening(socket.AF_INET, ("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        client.sendall(b"a")
        time.sleep(0.2)
        accepted, _ = accept(listener)
        with accepted:
            assert 0.15 < unseen_seconds(accepted) < 5
