"""Run as a process: looks up or replaces fingerprints that processes share in a file.

The database is one file with a byte for each id, its version; a second one has the version that
every lookup which begins from now on must see, since the older ones were given up.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from fpservice.db.fingerprint.fingerprints import SurveyedRow
from fpservice.interfaces import StoredFingerprint
from tests.index_samples import same, sample
from tests.shared_fingerprints import KeptSource, opened

IDS = 120
# Few are replaced, so that this often happens while they are read.
REPLACED = 6
LOOKED_UP = 6


class Versions:
    """The version of each id."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self) -> None:
        """Let each be 0."""
        self._path.write_bytes(bytes(IDS + 1))

    def read(self) -> bytes:
        """Return all, by id."""
        return self._path.read_bytes()

    def set(self, fingerprint_id: int, version: int) -> None:
        """Change one."""
        with self._path.open("r+b", buffering=0) as file:
            file.seek(fingerprint_id)
            file.write(bytes([version]))


class VersionedSource(KeptSource):
    """The database, whose contents are those of the versions of the moment."""

    def __init__(self, versions: Versions) -> None:
        super().__init__()
        self._versions = versions

    def survey(self, fingerprint_ids: Sequence[int], low: int, high: int) -> list[SurveyedRow]:
        """Return what there is."""
        versions = self._versions.read()
        # A database takes its time too; what it says may be old when it arrives.
        time.sleep(0.002)
        found = (made(one, versions[one]) for one in fingerprint_ids)
        return [SurveyedRow(one.id, one.duration, one.hashes) for one in found]

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return what there is."""
        versions = self._versions.read()
        return [made(one, versions[one]) for one in fingerprint_ids]


@lru_cache(None)
def made(fingerprint_id: int, version: int) -> StoredFingerprint:
    """Return a fingerprint in a version, of some 4 kB."""
    return sample(fingerprint_id, version, 900 + version)


def version_of(found: StoredFingerprint) -> int:
    """Return the version; fails if the fingerprint has anything from another one."""
    version = len(found.hashes) - 900
    assert same(found, made(found.id, version)), f"{found.id} is damaged"
    return version


def look_up(folder: Path, seconds: float, rng: random.Random) -> int:
    """Look up at random, and check what comes; return how often."""
    stored, given_up = Versions(folder / "stored"), Versions(folder / "given-up")
    source = opened(folder / "shared" / "file", VersionedSource(stored))
    end, lookups = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        ids = [*range(1, REPLACED + 1), *rng.sample(range(REPLACED + 1, IDS + 1), LOOKED_UP)]
        least = given_up.read()
        found = source.fetch(ids)
        assert [one.id for one in found] == ids
        for one in found:
            assert version_of(one) >= least[one.id], f"{one.id} is out of date"
        lookups += 1
    return lookups


def replace(folder: Path, seconds: float, rng: random.Random) -> int:
    """Replace at random, and have the old ones given up; return how often."""
    stored, given_up = Versions(folder / "stored"), Versions(folder / "given-up")
    source = opened(folder / "shared" / "file", VersionedSource(stored))
    end, replaced = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        one = rng.randrange(1, REPLACED + 1)
        version = stored.read()[one] + 1
        if version > 255:
            continue
        stored.set(one, version)
        source.forget([one])
        given_up.set(one, version)
        replaced += 1
        time.sleep(0.002)
    return replaced


if __name__ == "__main__":
    doing = {"look-up": look_up, "replace": replace}[sys.argv[1]]
    print("begins", flush=True)
    print(doing(Path(sys.argv[2]), float(sys.argv[3]), random.Random(int(sys.argv[4]))))
