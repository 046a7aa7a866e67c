"""The lines of a dump file, one at a time, compressed or not."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fpservice.dumps.files import DumpFileError

# Longer than any known line (16 MiB); what is longer is passed over without being held.
MAX_LINE: Final = 32 * 1024 * 1024
_KEPT_OF_TOO_LONG: Final = 200
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file; ``number`` counts from 1."""

    number: int
    content: bytes
    too_long: bool = False


class DumpReader:
    """Reads one file in bounded memory; blank lines are passed over."""

    def __init__(self, path: Path, max_line: int = MAX_LINE) -> None:
        """Read ``path``; a line of more than ``max_line`` bytes is cut and marked as too long.

        Raises:
            DumpFileError: the file cannot be opened.
        """
        self._path = path
        self._max_line = max_line
        with ExitStack() as stack:
            try:
                self._raw = stack.enter_context(path.open("rb"))
                self._lines = _inflated(self._raw)
                stack.callback(self._lines.close)
            except OSError as error:
                raise DumpFileError(f"{path}: {error.strerror or error}") from error
            self.size = os.fstat(self._raw.fileno()).st_size
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._open.close()

    @property
    def position(self) -> int:
        """How many of the ``size`` bytes of the file have been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines.

        Raises:
            DumpFileError: the file is cut off or damaged; what came before has been yielded.
        """
        number = 0
        try:
            while content := self._lines.readline(self._max_line + 1):
                number += 1
                if len(content) > self._max_line:
                    self._skip_rest(content)
                    yield Line(number, content[:_KEPT_OF_TOO_LONG], too_long=True)
                elif stripped := content.strip():
                    yield Line(number, stripped)
        except (OSError, EOFError, zlib.error) as error:
            raise DumpFileError(f"{self._path}: damaged after line {number}: {error}") from error

    def _skip_rest(self, content: bytes) -> None:
        while content and not content.endswith(b"\n"):
            content = self._lines.readline(1024 * 1024)


def _inflated(raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    # By content, not by name: some tools unpack a download and leave its name.
    magic = raw.read(len(_GZIP_MAGIC))
    raw.seek(0)
    return gzip.open(raw) if magic == _GZIP_MAGIC else raw
