"""An index as a tar archive. Unpacked into the folder of a server, it is that index again."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from fpservice.index.layout import CURRENT, LOG, MANIFEST, STATE
from fpservice.index.served import state as served_state
from fpservice.index.served import versions
from fpservice.index.snapshot import Snapshot

_READ_BYTES: Final = 1 << 18
_END: Final = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    file: IO[bytes]
    size: int


def stream(folder: Path, generation: Path, snapshot: Snapshot | None) -> Iterator[bytes]:
    """Return the parts of an archive.

    The caller holds the locks of the index until this returns; by then all files are open, so what
    is written or removed later does no harm.
    """
    with ExitStack() as files:
        members = [
            _open(files, folder, path, size)
            for path, size in _paths(folder, generation, snapshot)
            if path.exists()
        ]
        kept = files.pop_all()
    return _parts(members, kept)


def _paths(
    folder: Path, generation: Path, snapshot: Snapshot | None
) -> Iterator[tuple[Path, int | None]]:
    yield folder / served_state.FILE, None
    yield generation / versions.FILE, None
    if snapshot is None:
        return
    yield generation / CURRENT, None
    for name in (STATE, MANIFEST):
        yield snapshot.path / name, None
    # Behind the published end there are only room, or changes that nobody was promised.
    yield snapshot.path / LOG, snapshot.end
    for entry in snapshot.manifest.segments:
        yield snapshot.path / entry.name, None
        if entry.tombstones:
            yield snapshot.path / entry.tombstones, None


def _open(files: ExitStack, folder: Path, path: Path, size: int | None) -> _Member:
    file = files.enter_context(path.open("rb"))
    whole = file.seek(0, 2)
    file.seek(0)
    return _Member(str(path.relative_to(folder.parent)), file, whole if size is None else size)


def _parts(members: list[_Member], files: ExitStack) -> Iterator[bytes]:
    with files:
        for member in members:
            head = tarfile.TarInfo(member.name)
            head.size = member.size
            yield head.tobuf(tarfile.PAX_FORMAT)
            left = member.size
            while left:
                data = member.file.read(min(left, _READ_BYTES))
                if not data:
                    raise OSError(f"{member.name} is shorter than it was")
                left -= len(data)
                yield data
            yield bytes(-member.size % tarfile.BLOCKSIZE)
        yield _END
