"""What a server knows of an index beside its files; a small file that is replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from fpservice.domain.errors import IndexCorruptError
from fpservice.index.layout import damaged, replace_file

FILE: Final = "state.json"


@dataclass(frozen=True, slots=True)
class ServedState:
    """A state of one index.

    Attributes:
        generation: how many indexes of this name there have been, at least 1.
        version: grows by one with each update.
        metadata: texts of the clients.
        deleted: whether the index is gone; its generation is remembered.
        filled: whether there must be files, because something was inserted or deleted.
    """

    generation: int
    version: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    filled: bool = False

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Return the state in a folder; None if there never was an index.

        Raises:
            IndexCorruptError: the file is damaged.
            OSError: it cannot be read.
        """
        try:
            data = (path / FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise IndexCorruptError(damaged(f"{path / FILE} cannot be read")) from error

    def store(self, path: Path) -> None:
        """Put the state into use, durably."""
        replace_file(path / FILE, json.dumps(asdict(self)).encode())
