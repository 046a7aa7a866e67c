"""One index of a server: any number of processes search it, one at a time updates it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError
from fpservice.index.layout import damaged
from fpservice.index.lock import ProcessLock
from fpservice.index.served import archive
from fpservice.index.served.files import LOCK_SECONDS, ServedFiles, statistics
from fpservice.index.served.refusal import refusal
from fpservice.index.served.state import ServedState
from fpservice.index.snapshot import NOWHERE, Snapshot
from fpservice.index.wire import Body
from fpservice.index.wire_answers import IndexInfo
from fpservice.index.wire_requests import CreateRequest, SearchRequest, UpdateRequest
from fpservice.interfaces import Hit

_LOCK: Final = "LOCK"


class ServedIndex:
    """An index in a folder, which outlives the index: it remembers the generation.

    Methods raise RefusalError, the errors of an index, and OSError.
    """

    def __init__(self, path: Path) -> None:
        """Name the folder, which need not exist yet."""
        self.name = path.name
        self._path = path
        self._lock = ProcessLock(path / _LOCK, "updated", LOCK_SECONDS)
        self._opening = threading.Lock()
        self._opened: ServedFiles | None = None

    def exists(self) -> bool:
        """Return whether there is an index now."""
        state = ServedState.load(self._path)
        return state is not None and not state.deleted

    def create(self, request: CreateRequest) -> ServedState:
        """Make the index if it is not there; return its state."""
        self._path.mkdir(parents=True, exist_ok=True)
        with self._lock.held():
            state = ServedState.load(self._path)
            if state is not None and not state.deleted:
                if request.expect_does_not_exist:
                    raise refusal("IndexAlreadyExists")
                return state
            following = state.generation + 1 if state else 1
            created = ServedState(max(following, request.generation or 0))
            created.store(self._path)
            return created

    def delete(self, *, expect_exists: bool) -> bool:
        """Delete the index; return whether there was one."""
        if not self.exists():
            return self._nothing_to_delete(expect_exists)
        with self._lock.held():
            state = ServedState.load(self._path)
            if state is None or state.deleted:
                return self._nothing_to_delete(expect_exists)
            ServedState(state.generation, deleted=True).store(self._path)
            files = self._files(state.generation)
            files.close()
            shutil.rmtree(files.path, ignore_errors=True)
            return True

    def info(self) -> IndexInfo:
        """Return version, metadata and statistics."""
        state, snapshot = self._view()
        numbers = statistics(snapshot) if snapshot else IndexInfo(0)
        return replace(numbers, version=state.version, metadata=state.metadata)

    def status(self) -> Body:
        """Return watermarks; ``file_version`` is the last one whose changes are all in segments."""
        state, snapshot = self._view()
        reached = snapshot.manifest.log_position if snapshot else 0
        return {
            "generation": state.generation,
            "version": state.version,
            "file_version": self._files(state.generation).journal.version_until(reached),
        }

    def search(self, request: SearchRequest) -> list[Hit]:
        """Return hits, best first."""
        deadline = time.monotonic() + request.timeout / 1000
        _, snapshot = self._view()
        if snapshot is None:
            return []
        least, percent = request.least_score, request.score_pct
        return snapshot.search(request.query, request.limit, least, percent, deadline)

    def update(self, request: UpdateRequest) -> int:
        """Make changes; return the version they led to. Durable when this returns."""
        if not self.exists():
            raise refusal("IndexNotFound")
        with self._lock.held():
            state = self._state()
            if request.expected_version not in (None, state.version):
                raise refusal("VersionMismatch")
            following = ServedState(
                state.generation,
                state.version + 1,
                {**state.metadata, **(request.metadata or {})},
                filled=state.filled or bool(request.changes),
            )
            if request.changes:
                self._files(state.generation).apply(request.changes, following.version)
            # Last: killed before this, the client has no answer and makes the same changes again.
            following.store(self._path)
            return following.version

    def version_of(self, fingerprint_id: int) -> int:
        """Return the version in which a fingerprint was inserted last."""
        state, snapshot = self._view()
        place = snapshot.positions([fingerprint_id])[0] if snapshot else NOWHERE
        if place == NOWHERE:
            raise refusal("FingerprintNotFound")
        version = self._files(state.generation).journal.version_at(place)
        return state.version if version is None else version

    def archive(self) -> Iterator[bytes]:
        """Return the whole index of this moment as a tar archive, in parts."""
        if not self.exists():
            raise refusal("IndexNotFound")
        with self._lock.held():
            files = self._files(self._state().generation)
            with self._still(files):
                _, snapshot = self._view()
                return archive.stream(self._path, files.path, snapshot)

    def close(self) -> None:
        """Let go of the files."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _still(self, files: ServedFiles) -> AbstractContextManager[None]:
        """Keep the merging of segments from changing files."""
        return files.writer.writing()

    def _nothing_to_delete(self, expect_exists: bool) -> bool:
        if expect_exists:
            raise refusal("IndexNotFound")
        return False

    def _state(self) -> ServedState:
        state = ServedState.load(self._path)
        if state is None or state.deleted:
            raise refusal("IndexNotFound")
        return state

    def _view(self) -> tuple[ServedState, Snapshot | None]:
        """Return state and snapshot; None if nothing was inserted yet."""
        state = self._state()
        snapshot = self._files(state.generation).reader.snapshot()
        if snapshot is None and state.filled:
            if self._state().generation == state.generation:
                raise IndexCorruptError(damaged(f"files of {self._path} are gone"))
            raise refusal("IndexNotFound")
        return state, snapshot

    def _files(self, generation: int) -> ServedFiles:
        with self._opening:
            if self._opened is None or self._opened.number != generation:
                if self._opened is not None:
                    self._opened.close()
                self._opened = ServedFiles(self._path, generation)
            return self._opened


def names_in(root: Path) -> Sequence[str]:
    """Return the names of the folders of indexes, those that were deleted too."""
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
