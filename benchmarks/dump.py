"""A dump like AcoustID's, of synthetic fingerprints; made once and kept."""

from __future__ import annotations

import gzip
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from benchmarks.installation import recording_mbid, track_gid
from benchmarks.shapes import SEED
from benchmarks.synthetic import fingerprints
from fpservice.interfaces import StoredFingerprint

# Another number for what is made in another way.
_VERSION: Final = 1
_DAY: Final = "2025-01-31"
_CREATED: Final = "2025-01-31T12:00:00.000000+00:00"
# One track in so many has text that a contributor sent.
_TEXTS: Final = 4
Line = dict[str, Any]


def dump(root: Path, size: int) -> Path:
    """Return a folder with the files of one day: ``size`` fingerprints, tracks and links."""
    folder = root.resolve() / f"dump-{_VERSION}-{size}-{SEED}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _write(unfinished, fingerprints(size, SEED))
        unfinished.rename(folder)
    return folder


def _write(folder: Path, batches: Iterable[Sequence[StoredFingerprint]]) -> None:
    with ExitStack() as stack:
        files: dict[str, TextIO] = {
            name: stack.enter_context(_opened(folder / f"{_DAY}-{name}-update.jsonl.gz"))
            for name in _STREAMS
        }
        for batch in batches:
            for name, lines in _STREAMS.items():
                files[name].writelines(f"{json.dumps(line)}\n" for line in lines(batch))


def _opened(path: Path) -> TextIO:
    # The lowest level: what is measured is reading, and that hardly depends on the level.
    return gzip.open(path, "wt", compresslevel=1, encoding="ascii")


def _fingerprints(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    for one in batch:
        hashes = one.hashes.view(np.int32).tolist()
        yield {"id": one.id, "fingerprint": hashes, "length": one.duration, "created": _CREATED}


def _tracks(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    for one in batch:
        yield {"id": one.id, "gid": str(track_gid(one.id)), "created": _CREATED}


def _track_fingerprints(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    return _links(batch, "fingerprint_id", int)


def _track_mbids(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    for line in _links(batch, "mbid", recording_mbid):
        yield {**line, "mbid": str(line["mbid"]), "disabled": False}


def _track_metas(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    return _links([one for one in batch if one.id % _TEXTS == 0], "meta_id", int)


def _links(
    batch: Sequence[StoredFingerprint], name: str, other: Callable[[int], int | uuid.UUID]
) -> Iterator[Line]:
    for one in batch:
        yield {
            "id": one.id,
            "track_id": one.id,
            name: other(one.id),
            "submission_count": 1 + one.id % 3,
            "created": _CREATED,
            "updated": None,
        }


def _metas(batch: Sequence[StoredFingerprint]) -> Iterator[Line]:
    for one in batch:
        if one.id % _TEXTS == 0:
            yield {
                "id": one.id,
                "track": f"Recording {one.id}",
                "artist": f"Artist {one.id % 1000}",
                "album": f"Album {one.id // 12}",
                "track_no": 1 + one.id % 12,
                "year": 1970 + one.id % 50,
                "created": _CREATED,
            }


_STREAMS: Final[dict[str, Callable[[Sequence[StoredFingerprint]], Iterator[Line]]]] = {
    "track": _tracks,
    "meta": _metas,
    "fingerprint": _fingerprints,
    "track_fingerprint": _track_fingerprints,
    "track_mbid": _track_mbids,
    "track_meta": _track_metas,
}
