"""Names in an index directory, and replacing files so that a crash at any moment harms none."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError

CURRENT: Final = "CURRENT"
WRITE_LOCK: Final = "LOCK"
BUILD_LOCK: Final = "BUILD"
MERGE_LOCK: Final = "MERGE"
STATE: Final = "state"
MANIFEST: Final = "manifest.json"
LOG: Final = "log.dat"
MERGED: Final = "merged.json"
TEMPORARY: Final = ".tmp"
_GENERATION: Final = re.compile(r"gen-(\d{6,})")
_REBUILD_HINT: Final = "run `fpservice index rebuild`"

sync_data = getattr(os, "fdatasync", os.fsync)


def damaged(what: str) -> str:
    """Return the text of an ``IndexCorruptError``."""
    return f"index damaged: {what}; {_REBUILD_HINT}"


def generation_name(number: int) -> str:
    """Return the directory name of a generation."""
    return f"gen-{number:06d}"


def generation_number(name: str) -> int | None:
    """Return the number in a directory name, or None if it is no generation's."""
    match = _GENERATION.fullmatch(name)
    return int(match.group(1)) if match else None


def generations(root: Path) -> dict[int, Path]:
    """Return all generation directories, finished or not, by number."""
    found = {}
    for path in root.iterdir() if root.is_dir() else ():
        number = generation_number(path.name)
        if number is not None:
            found[number] = path
    return found


def current_generation(root: Path) -> Path | None:
    """Return the directory of the generation in use; None if there is no index yet.

    Raises:
        IndexCorruptError: the file that names it is damaged.
    """
    try:
        name = (root / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    if generation_number(name) is None:
        raise IndexCorruptError(damaged(f"{root / CURRENT} names no generation"))
    return root / name


def switch_generation(root: Path, generation: Path) -> None:
    """Put a complete and synced generation into use."""
    replace_file(root / CURRENT, f"{generation.name}\n".encode("ascii"))


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"seg-{number:06d}.dat"


def tombstones_name(segment: str, manifest_number: int) -> str:
    """Return the name of the file that lists the dead documents of a segment."""
    return f"{segment.removesuffix('.dat')}.dead-{manifest_number}"


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and durably."""
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
