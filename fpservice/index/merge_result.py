"""A finished merge waiting to be put into use, by whoever holds the write lock next."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fpservice.index import layout, lock, manifest
from fpservice.index.layout import MERGE_LOCK, MERGED
from fpservice.index.manifest import Manifest, SegmentEntry
from fpservice.index.segment import Segment
from fpservice.index.tombstones import buried_as_in

_OUTPUT: Final = "merged-"
_WRITTEN_UNDER_LOCK: Final = "seg-"


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Names of the segments that were merged, and the segment with their live documents."""

    inputs: tuple[str, ...]
    output: SegmentEntry


def output_name() -> str:
    """Return a new name for the output of a merge."""
    return f"{_OUTPUT}{secrets.token_hex(6)}.dat"


def store_result(path: Path, result: MergeResult) -> None:
    """Offer a durable output in a generation directory for use."""
    layout.replace_file(path / MERGED, json.dumps(asdict(result)).encode("ascii"))


def load_result(path: Path) -> MergeResult | None:
    """Return the merge that waits, or None."""
    try:
        content = json.loads((path / MERGED).read_bytes())
        return MergeResult(tuple(content["inputs"]), SegmentEntry(**content["output"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def commit_merge(path: Path, current: Manifest) -> Manifest:
    """Put the waiting merge into use and return the manifest then in use.

    The caller holds the write lock. A result whose inputs are no longer all in use is dropped.
    """
    result = load_result(path)
    following = _following(path, current, result) if result else None
    if following is not None:
        manifest.store(path, following)
    (path / MERGED).unlink(missing_ok=True)
    remove_leftovers(path, following or current)
    return following or current


def _following(path: Path, current: Manifest, result: MergeResult) -> Manifest | None:
    entries = {entry.name: entry for entry in current.segments}
    if not entries.keys() >= set(result.inputs):
        return None
    inputs = [Segment(path, entries.pop(name)) for name in result.inputs]
    merged = buried_as_in(path, Segment(path, result.output), inputs, current.number + 1)
    kept = [*entries.values(), *([merged] if merged.live else [])]
    return current.changed(kept, log_position=current.log_position)


def remove_leftovers(path: Path, current: Manifest) -> None:
    """Remove segments that are not in use and that no merge in progress owns.

    The caller holds the write lock.
    """
    named = {MERGED}
    for entry in current.segments:
        named.update((entry.name, entry.tombstones))
    result = load_result(path)
    if result is not None:
        named.add(result.output.name)
    unnamed = [file for file in path.iterdir() if file.name not in named]
    outputs = [file for file in unnamed if file.name.startswith(_OUTPUT)]
    # A merge may have finished since the result was looked for: its output must then be kept.
    if outputs and lock.is_free(path / MERGE_LOCK) and load_result(path) == result:
        _remove(outputs)
    _remove([file for file in unnamed if file.name.startswith(_WRITTEN_UNDER_LOCK)])


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
