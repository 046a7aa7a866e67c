"""Synthetic fingerprints that behave like real ones, and what an index should hold of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import TERM_MASK, query_terms
from fpservice.index.record import Change
from fpservice.interfaces import Hit, IndexDelete, StoredFingerprint

Contents = dict[int, StoredFingerprint]


def random_walk(seed: int | Sequence[int], length: int) -> Hashes:
    """Return ``uint32[length]``: neighbours differ in about 4 of 32 bits, as in real music."""
    rng = np.random.default_rng(seed)
    steps = np.zeros(length, dtype=np.uint32)
    for _ in range(4):
        steps ^= np.uint32(1) << rng.integers(0, 32, size=length, dtype=np.uint32)
    steps[:1] = rng.integers(0, 2**32, size=min(length, 1), dtype=np.uint32)
    return np.bitwise_xor.accumulate(steps)


def sample(fingerprint_id: int, version: int = 0, length: int = 150) -> StoredFingerprint:
    """Return the fingerprint that an id has in a version; different in each."""
    duration = 100 + (fingerprint_id + version) % 100
    return StoredFingerprint(
        fingerprint_id, duration, random_walk((fingerprint_id, version), length)
    )


def samples(ids: Iterable[int], version: int = 0, length: int = 150) -> list[StoredFingerprint]:
    """Return the fingerprints of some ids."""
    return [sample(one, version, length) for one in ids]


def apply_to(contents: Contents, changes: Iterable[Change]) -> Contents:
    """Return what an index holds after changes, if it does what it should."""
    after = dict(contents)
    for change in changes:
        if isinstance(change, IndexDelete):
            after.pop(change.fingerprint_id, None)
        elif isinstance(change, StoredFingerprint):
            after[change.id] = change
    return after


def expected_hits(
    contents: Contents, terms: Iterable[int], limit: int, min_hits: int = 1, min_percent: int = 0
) -> list[Hit]:
    """Return what a search should find, counted the plain way."""
    wanted = {term & int(TERM_MASK) for term in terms}
    counts = {
        one.id: len(wanted.intersection(query_terms(one.hashes).tolist()))
        for one in contents.values()
    }
    best = max(counts.values(), default=0)
    found = [
        Hit(one, hits)
        for one, hits in counts.items()
        if hits and hits >= min_hits and hits * 100 >= best * min_percent
    ]
    return sorted(found, key=lambda hit: (-hit.hits, hit.fingerprint_id))[:limit]


def same(first: StoredFingerprint, second: StoredFingerprint) -> bool:
    """Return whether two fingerprints are equal in all they have."""
    return (first.id, first.duration) == (second.id, second.duration) and np.array_equal(
        first.hashes, second.hashes
    )


def same_contents(found: Iterable[StoredFingerprint], contents: Contents) -> bool:
    """Return whether an index holds just this."""
    held = {one.id: one for one in found}
    return held.keys() == contents.keys() and all(same(held[i], contents[i]) for i in held)
