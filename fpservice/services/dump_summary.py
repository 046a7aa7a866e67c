"""What the import of a dump tells: how far it is, and what became of the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fpservice.dumps.files import DumpFile


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What became of a file; ``stored`` rows were new or different, ``error`` cut it short.

    ``rejects`` is the file with the bad lines, if there were any.
    """

    file: DumpFile
    read: int = 0
    stored: int = 0
    bad: int = 0
    rejects: Path | None = None
    error: str | None = None

    @property
    def unchanged(self) -> int:
        """Rows that stood there already, or that a later line of the same batch replaced."""
        return self.read - self.stored - self.bad


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: lines ``read`` of all files, and bytes of them as they lie.

    ``file`` is the one being read.
    """

    file: DumpFile
    read: int
    position: int
    size: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all files."""

    files: list[FileSummary] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Lines read."""
        return sum(file.read for file in self.files)

    @property
    def stored(self) -> int:
        """Rows that were new or different."""
        return sum(file.stored for file in self.files)

    @property
    def bad(self) -> int:
        """Lines that could not be stored."""
        return sum(file.bad for file in self.files)

    @property
    def failed(self) -> list[FileSummary]:
        """Files that could not be read to their end."""
        return [file for file in self.files if file.error]
