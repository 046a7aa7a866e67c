"""Reading an index: always the newest snapshot, whatever other processes do to the files."""

from __future__ import annotations

import os
import threading
import time
import weakref
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError, IndexUnavailableError
from fpservice.index import layout
from fpservice.index.generation import Generation
from fpservice.index.snapshot import Snapshot

# How often to look which generation is in use. One that is left says so, and one that was wiped is
# noticed at once: an import must not miss what is in the files that came in its place.
_LOOK_SECONDS: Final = 0.5
_LOCK_SECONDS: Final = 5.0
_ATTEMPTS: Final = 20
_RETRY_SECONDS: Final = 0.01


class IndexReader:
    """Gives snapshots to any number of threads, and of forked processes."""

    def __init__(self, root: Path) -> None:
        """Prepare to read an index directory, which need not exist yet."""
        self._root = root
        self._generation: Generation | None = None
        self._look_at = 0.0
        self._renewing = threading.Lock()
        _readers.add(self)

    def snapshot(self) -> Snapshot | None:
        """Return all that is published at this moment; None if there is no index.

        Raises:
            IndexUnavailableError: the files cannot be read now.
            IndexCorruptError: they are damaged.
        """
        snapshot, generation = self.latest(), self._generation
        if snapshot is not None and generation is not None and generation.state.is_in_place():
            return snapshot
        if not self._renewing.acquire(timeout=_LOCK_SECONDS):
            raise IndexUnavailableError(f"index {self._root} is still being opened")
        try:
            return self._renewed()
        finally:
            self._renewing.release()

    def latest(self) -> Snapshot | None:
        """Return all that is published in files that were in place half a second ago; or None.

        It takes no system call.
        """
        generation = self._generation
        if generation is None or time.monotonic() >= self._look_at:
            return None
        return generation.snapshot if generation.is_current() else None

    def close(self) -> None:
        """Let go of the files; they stay mapped as long as somebody holds hashes of them."""
        self._generation = None

    def forget_lock(self) -> None:
        """Replace the lock, which another thread may have held in the parent at a fork."""
        self._renewing = threading.Lock()

    def _renewed(self) -> Snapshot | None:
        for _ in range(_ATTEMPTS):
            try:
                return self._look()
            except FileNotFoundError:
                # A file went away with its manifest or generation: there are newer ones.
                self._generation = None
                time.sleep(_RETRY_SECONDS)
            except OSError as error:
                raise IndexUnavailableError(f"cannot read index {self._root}: {error}") from error
        raise IndexCorruptError(layout.damaged(f"files are missing in {self._root}"))

    def _look(self) -> Snapshot | None:
        path = layout.current_generation(self._root)
        generation = self._generation
        if path is None:
            self._generation = None
            return None
        if generation is None or generation.path != path or not generation.state.is_in_place():
            generation = Generation(path)
        elif not generation.is_current():
            generation.renew()
        self._generation = generation
        self._look_at = time.monotonic() + _LOOK_SECONDS
        return generation.snapshot


_readers: weakref.WeakSet[IndexReader] = weakref.WeakSet()


def _after_fork() -> None:
    for reader in _readers:
        reader.forget_lock()


os.register_at_fork(after_in_child=_after_fork)
