"""Whether data can be written, and for how long yet."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fpservice.services.doctor.checks import Check, ProblemError

# Bytes without which nothing goes on for long.
LEAST_FREE: Final = 200_000_000
_LEAST_FILES: Final = 1000


def disk_check(folder: Path, needed: Callable[[], int] = lambda: 0) -> Check:
    """Return the check of a folder, for which ``needed`` bytes should be free, and some more."""

    def check() -> str:
        place = _existing(folder)
        _write(place)
        free, wanted = shutil.disk_usage(place).free, needed() + LEAST_FREE
        if free < wanted:
            raise ProblemError(
                f"{place} has {free / 1e6:.0f} MB free, and {wanted / 1e6:.0f} MB should be",
                "free some, or use a larger disk",
            )
        status = os.statvfs(place)
        if status.f_files and status.f_favail < _LEAST_FILES:
            raise ProblemError(f"{place} has no room for more files", "remove some there")
        there = "can be written" if place == folder else "is made when it is needed"
        return f"{folder} {there}, {free / 1e9:.1f} GB are free"

    return check


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    for place in (folder, *folder.parents):
        if place.exists():
            if place.is_dir():
                return place
            raise ProblemError(f"{place} is no folder", "move it away, or use another folder")
    return folder


def _write(place: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"fpservice")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ProblemError(
            f"{place} cannot be written: {error.strerror}",
            "let the user of the service write there, or use another folder: FPSERVICE_DATA",
        ) from error
