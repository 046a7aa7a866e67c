"""Locks between processes: held by a living process or by nobody, whatever was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexLockedError, IndexUnavailableError

_POLL_SECONDS: Final = 0.01


class ProcessLock:
    """An exclusive lock on a file, which names its holder for the one who has to wait.

    Reentrant within a thread. The file is opened anew each time: a lock belongs to the open file,
    and one opened before a fork would be shared with the child.
    """

    def __init__(self, path: Path, doing: str, timeout: float) -> None:
        """Prepare; ``doing`` completes "the index ... is being"; ``timeout`` in seconds."""
        self._path = path
        self._doing = doing
        self._timeout = timeout
        self._threads = threading.RLock()
        self._depth = 0
        self._descriptor = -1
        _locks.add(self)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a block.

        Raises:
            IndexLockedError: another process or thread held it all the time.
            IndexUnavailableError: the lock file cannot be opened.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> None:
        """Take the lock; raises as :meth:`held`."""
        deadline = time.monotonic() + self._timeout
        if not self._threads.acquire(timeout=self._timeout):
            raise IndexLockedError(self._refusal())
        try:
            if not self._depth:
                self._descriptor = self._wait(deadline)
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Give the lock back."""
        self._depth -= 1
        if not self._depth:
            # A child forked meanwhile has a copy of the descriptor: closing alone keeps the lock.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
        self._threads.release()

    def forget(self) -> None:
        """Hold nothing, in a child that was forked while the parent may have held the lock."""
        self._threads = threading.RLock()
        self._depth = 0

    def _wait(self, deadline: float) -> int:
        while True:
            try:
                descriptor = try_lock(self._path)
            except OSError as error:
                raise IndexUnavailableError(f"cannot lock {self._path}: {error}") from error
            if descriptor is not None:
                return descriptor
            if time.monotonic() >= deadline:
                raise IndexLockedError(self._refusal())
            time.sleep(_POLL_SECONDS)

    def _refusal(self) -> str:
        with contextlib.suppress(OSError):
            holder = self._path.read_text(encoding="utf-8", errors="replace").strip()
            if holder:
                return f"index {self._path.parent} is being {self._doing} by process {holder}"
        return f"index {self._path.parent} is being {self._doing} by another process"


_locks: weakref.WeakSet[ProcessLock] = weakref.WeakSet()


def _after_fork() -> None:
    for held in _locks:
        held.forget()


os.register_at_fork(after_in_child=_after_fork)


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None if somebody else holds it.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} ({_command()})".encode(), 0)
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def is_free(path: Path) -> bool:
    """Return whether nobody holds the lock at this moment."""
    descriptor = try_lock(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether the file is still the one of that name (the directory may have been wiped)."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _command() -> str:
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return " ".join([name, *sys.argv[1:3]])[:100]
