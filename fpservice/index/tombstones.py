"""Marking documents of segments as dead, when they were deleted or replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpservice.index.layout import tombstones_name
from fpservice.index.manifest import SegmentEntry
from fpservice.index.segment import Segment, store_tombstones


def buried(
    path: Path, segment: Segment, fingerprint_ids: NDArray[np.uint32], manifest_number: int
) -> SegmentEntry:
    """Return the entry of a segment in which these fingerprints, uint32[n], are dead.

    The file that says so is durable when this returns, and named after the manifest to come.
    """
    local, found = segment.find(fingerprint_ids)
    return bury(path, segment, local[found], manifest_number)


def buried_as_in(
    path: Path, merged: Segment, inputs: Sequence[Segment], manifest_number: int
) -> SegmentEntry:
    """Return the entry of a merged segment in which whatever is dead in its inputs is dead.

    Positions are compared too: a document dead in one input may live on, replaced, in another.
    """
    places = [np.empty(0, dtype=np.intp)]
    for segment in inputs:
        local, found = merged.find(segment.ids[segment.dead])
        positions = segment.positions[segment.dead][found]
        local = local[found]
        places.append(local[merged.positions[local] == positions])
    return bury(path, merged, np.concatenate(places), manifest_number)


def bury(
    path: Path, segment: Segment, local: NDArray[np.intp], manifest_number: int
) -> SegmentEntry:
    """Return the entry of a segment in which the documents of these local numbers are dead."""
    if not len(local):
        return segment.entry
    dead = np.union1d(segment.dead, local.astype(np.uint32))
    name = tombstones_name(segment.entry.name, manifest_number)
    store_tombstones(path, name, dead)
    return replace(segment.entry, tombstones=name, dead=len(dead))
