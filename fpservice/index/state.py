"""Counters in one mapped page: how readers notice changes without a system call.

Each counter is eight aligned bytes, stored and loaded whole. The page is never synced: it only
speeds up what the log and the manifest know durably. It survives a killed process, but not a power
loss, so it carries the boot it was written in, and is believed in that boot only.
"""

from __future__ import annotations

import mmap
import os
import zlib
from functools import cache
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError
from fpservice.index.layout import STATE, damaged, replace_file

_SIZE: Final = 4096
_MAGIC: Final = 0x3154_5358_4449_5046
# Sequence, published bytes of the log, number of the manifest, whether another generation is used.
Marks = tuple[int, ...]
_MAGIC_AT, _SEQUENCE, _PUBLISHED, _MANIFEST, _RETIRED, _WRITING, _BOOT = range(7)


@cache
def _boot_mark() -> int:
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return 1
    return zlib.crc32(text.encode("ascii")) + 1


class State:
    """The counters of one generation."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Map the page of a generation directory.

        Raises:
            FileNotFoundError: there is none.
            IndexCorruptError: it is something else.
        """
        with (path / STATE).open("r+b" if writable else "rb") as file:
            stat = os.fstat(file.fileno())
            if stat.st_size != _SIZE:
                raise IndexCorruptError(damaged(f"{path / STATE} has {stat.st_size} bytes"))
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._words = memoryview(mmap.mmap(file.fileno(), _SIZE, access=access)).cast("Q")
        if self._words[_MAGIC_AT] != _MAGIC:
            raise IndexCorruptError(damaged(f"{path / STATE} is no state page"))
        self._identity = (stat.st_dev, stat.st_ino)
        self._path = str(path / STATE)

    @staticmethod
    def create(path: Path, published: int, manifest: int) -> None:
        """Write the page of a generation that is complete up to these marks."""
        page = bytearray(_SIZE)
        words = memoryview(page).cast("Q")
        words[_MAGIC_AT] = _MAGIC
        words[_SEQUENCE] = 1
        words[_PUBLISHED] = published
        words[_MANIFEST] = manifest
        words[_BOOT] = _boot_mark()
        replace_file(path / STATE, bytes(page))

    def marks(self) -> Marks:
        """Return what readers go by; equal marks mean that nothing has changed.

        All of them are compared, as stores of another processor may be seen in any order.
        """
        return tuple(self._words[_SEQUENCE:_WRITING])

    @property
    def published(self) -> int:
        """How many bytes of the log readers may see."""
        return self._words[_PUBLISHED]

    @property
    def retired(self) -> bool:
        """Whether another generation is in use."""
        return bool(self._words[_RETIRED])

    @property
    def interrupted(self) -> bool:
        """Whether a writer died between :meth:`begin` and :meth:`publish`."""
        return bool(self._words[_WRITING])

    @property
    def of_this_boot(self) -> bool:
        """Whether the counters can be believed."""
        return self._words[_BOOT] == _boot_mark()

    def is_in_place(self) -> bool:
        """Return whether the file is still there (the directory may have been wiped)."""
        try:
            stat = os.stat(self._path)
        except OSError:
            return False
        return (stat.st_dev, stat.st_ino) == self._identity

    def begin(self) -> None:
        """Note that files are about to change."""
        self._words[_WRITING] = os.getpid()

    def publish(self, published: int, manifest: int) -> None:
        """Let readers see the log up to ``published`` and that manifest."""
        self._words[_PUBLISHED] = published
        self._words[_MANIFEST] = manifest
        self._words[_BOOT] = _boot_mark()
        self._words[_SEQUENCE] += 1
        self._words[_WRITING] = 0

    def retire(self) -> None:
        """Tell readers to look for another generation."""
        self._words[_RETIRED] = 1
        self._words[_SEQUENCE] += 1
