"""All indexes of a server, by name."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fpservice.index.served.index import ServedIndex, names_in
from fpservice.index.served.refusal import refusal

MAX_INDEXES: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,127}", re.ASCII)
# Paths of the server itself.
_RESERVED: Final = frozenset({"_health", "_metrics"})


class ServedFolder:
    """Indexes in the folders of one directory; the names of deleted ones count too."""

    def __init__(self, root: Path) -> None:
        """Name the directory, which need not exist yet."""
        self.root = root
        self._lock = threading.Lock()
        self._indexes: dict[str, ServedIndex] = {}

    def index(self, name: str) -> ServedIndex:
        """Return the index of that name, which need not exist.

        Raises:
            RefusalError: an index cannot have that name.
        """
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise refusal("InvalidIndexName")
        found = self._indexes.get(name)
        if found is None:
            found = ServedIndex(self.root / name)
            # Only what is there is kept in mind: a name costs a client nothing.
            if (self.root / name).is_dir():
                with self._lock:
                    found = self._indexes.setdefault(name, found)
        return found

    def check_room(self, name: str) -> None:
        """Return if an index of that name may be made.

        Raises:
            RefusalError: there are too many.
        """
        names = names_in(self.root)
        if name not in names and len(names) >= MAX_INDEXES:
            raise refusal("TooManyIndexes")

    def existing(self) -> Iterator[tuple[str, ServedIndex]]:
        """Yield the indexes that exist, by name."""
        for name in names_in(self.root):
            if _NAME.fullmatch(name) and self.index(name).exists():
                yield name, self.index(name)
