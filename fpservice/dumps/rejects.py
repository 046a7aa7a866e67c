"""Files that keep the lines which could not be imported."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Self

from fpservice.dumps.reader import Line


class RejectsError(Exception):
    """Bad lines cannot be kept."""


class RejectFile:
    """One line for each bad one: its number, a tab, the reason, a tab, the line as it was.

    The file appears with the first bad line; one of an earlier import is replaced.
    """

    def __init__(self, path: Path) -> None:
        """Write to ``path``; folders are made as needed."""
        self.path = path
        self.count = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Remove what an earlier import left.

        Raises:
            RejectsError: it cannot be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise RejectsError(f"{self.path}: {error.strerror or error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def add(self, line: Line, reason: str) -> None:
        """Keep a line.

        Raises:
            RejectsError: the file cannot be written.
        """
        one_line = " ".join(reason.split()).encode(errors="replace")
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("wb")
            self._file.write(b"%d\t%b\t%b\n" % (line.number, one_line, line.content.strip()))
        except OSError as error:
            raise RejectsError(f"{self.path}: {error.strerror or error}") from error
        self.count += 1
