"""The manifest: which segments are in use, and how much of the log they cover."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from fpservice.domain.errors import IndexCorruptError
from fpservice.index import log
from fpservice.index.layout import MANIFEST, damaged, replace_file

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment in use, and the file of its dead documents ("" if there is none)."""

    name: str
    documents: int
    tombstones: str = ""
    dead: int = 0

    @property
    def live(self) -> int:
        """Number of documents that are not dead."""
        return self.documents - self.dead


@dataclass(frozen=True, slots=True)
class Manifest:
    """A state of the files. Segments, largest first, cover the log up to ``log_position``."""

    number: int
    log_position: int
    next_segment: int
    segments: tuple[SegmentEntry, ...]

    def changed(
        self, segments: list[SegmentEntry], *, log_position: int, new_segments: int = 0
    ) -> Manifest:
        """Return the manifest that follows this one."""
        return replace(
            self,
            number=self.number + 1,
            log_position=log_position,
            next_segment=self.next_segment + new_segments,
            segments=tuple(sorted(segments, key=lambda entry: -entry.documents)),
        )


EMPTY: Final = Manifest(number=1, log_position=log.START, next_segment=1, segments=())


def store(path: Path, manifest: Manifest) -> None:
    """Put a manifest into use, durably."""
    content = asdict(manifest)
    replace_file(path / MANIFEST, json.dumps({**_sealed(content)}, indent=1).encode("ascii"))


def load(path: Path) -> Manifest:
    """Return the manifest of a generation directory.

    Raises:
        FileNotFoundError: there is none.
        IndexCorruptError: it is damaged, or of another format.
    """
    data = (path / MANIFEST).read_bytes()
    try:
        content = json.loads(data)
        checksum, form = content.pop("crc"), content.pop("format")
        if form != FORMAT or _sealed(content)["crc"] != checksum:
            raise IndexCorruptError(damaged(f"{path / MANIFEST} is of another format or altered"))
        segments = tuple(SegmentEntry(**entry) for entry in content.pop("segments"))
        return Manifest(**content, segments=segments)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorruptError(damaged(f"{path / MANIFEST} cannot be read")) from error


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(content, sort_keys=True)
    return {**content, "format": FORMAT, "crc": zlib.crc32(text.encode("ascii"))}
