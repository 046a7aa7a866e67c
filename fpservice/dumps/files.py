"""Which files make up a dump, and the order in which they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

# What others point to comes first, so that a day cut off in the middle says as much as it can.
STREAMS: Final = (
    "track",
    "meta",
    "fingerprint",
    "track_fingerprint",
    "track_mbid",
    "track_puid",
    "track_meta",
)
# Up to this day the files have every backslash doubled on top of the JSON.
LAST_DOUBLED_DAY: Final = date(2024, 12, 4)
_NAME: Final = re.compile(
    r"(?:(?P<day>\d{4}-\d{2}-\d{2})-)?(?P<stream>[a-z_]+)-update\.jsonl(?:\.gz)?"
)


class DumpFileError(Exception):
    """A file or folder cannot be read as a dump."""


@dataclass(frozen=True, slots=True)
class DumpFile:
    """A file of one stream; ``day`` is None where the name carries no date."""

    path: Path
    stream: str
    day: date | None

    @property
    def doubled_backslashes(self) -> bool:
        """Whether each backslash stands twice and must be undone before the JSON is read."""
        return self.day is not None and self.day <= LAST_DOUBLED_DAY


def find_dump_files(paths: Iterable[Path]) -> list[DumpFile]:
    """Return the files of a dump in the order to read them: by day, then as ``STREAMS`` has it.

    Folders are searched with all that is in them; files of other names there are passed over.

    Raises:
        DumpFileError: a path does not exist, holds nothing of a dump, or is not named like it.
    """
    found: dict[Path, DumpFile] = {}
    for path in paths:
        files = _in_folder(path) if path.is_dir() else [_named(path)]
        found.update((file.path.resolve(), file) for file in files)
    return sorted(found.values(), key=_order)


def _in_folder(folder: Path) -> list[DumpFile]:
    files = [_dump_file(path) for path in folder.rglob("*-update.jsonl*") if path.is_file()]
    known = [file for file in files if file]
    if not known:
        raise DumpFileError(f"{folder}: no file in it is named like track-update.jsonl.gz")
    return known


def _named(path: Path) -> DumpFile:
    if not path.is_file():
        raise DumpFileError(f"{path}: no such file or folder")
    file = _dump_file(path)
    if file is None:
        raise DumpFileError(f"{path}: not named like 2025-01-31-track-update.jsonl.gz")
    return file


def _dump_file(path: Path) -> DumpFile | None:
    match = _NAME.fullmatch(path.name)
    if match is None or match["stream"] not in STREAMS:
        return None
    try:
        day = date.fromisoformat(match["day"]) if match["day"] else None
    except ValueError:
        return None
    return DumpFile(path, match["stream"], day)


def _order(file: DumpFile) -> tuple[date, str, int, str]:
    # Undated files are one day for each folder.
    folder = str(file.path.parent) if file.day is None else ""
    return file.day or date.min, folder, STREAMS.index(file.stream), str(file.path)
