"""A folder on a disk of its own that can be filled up; or, for who may not mount one, a limit."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BYTES = 4 << 20
_BALLAST = "ballast"
_BLOCK = 4096


class Disk(Protocol):
    """Where the files of a folder are."""

    def fill(self, but: int, processes: Collection[int]) -> None:
        """Leave only about so many bytes for what these processes write."""

    def clear(self, processes: Collection[int]) -> None:
        """Make room again."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Yield the disk of an empty folder, for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid():
        yield LimitedFiles(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=10)
    try:
        yield MountedDisk(folder)
    finally:
        # Lazily: processes may have files open still.
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=10)


@dataclass(frozen=True, slots=True)
class MountedDisk:
    """A disk in memory: what is over its size is ENOSPC."""

    folder: Path

    def fill(self, but: int, processes: Collection[int]) -> None:
        """Write a file that leaves so much."""
        space = os.statvfs(self.folder)
        blocks = max((space.f_bavail * space.f_frsize - but) // _BLOCK, 0)
        try:
            with (self.folder / _BALLAST).open("wb", buffering=0) as file:
                for _ in range(blocks):
                    file.write(bytes(_BLOCK))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def clear(self, processes: Collection[int]) -> None:
        """Remove the file."""
        (self.folder / _BALLAST).unlink()


@dataclass(frozen=True, slots=True)
class LimitedFiles:
    """No file may grow much: what is over the limit is EFBIG."""

    folder: Path

    def fill(self, but: int, processes: Collection[int]) -> None:
        """Limit files to what the largest one takes now, and so much."""
        sizes = (path.stat().st_blocks * 512 for path in self.folder.rglob("*") if path.is_file())
        self._limit(processes, max(sizes) + but)

    def clear(self, processes: Collection[int]) -> None:
        """Lift the limit."""
        self._limit(processes, resource.RLIM_INFINITY)

    def _limit(self, processes: Collection[int], size: int) -> None:
        for process in processes:
            _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            soft = hard if size == resource.RLIM_INFINITY else size
            resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))
