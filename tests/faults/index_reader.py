"""Run as a process: reads an index that others write, until told to stop by a file.

Every fingerprint it meets must be one that was written, whole, and never older than one met before;
prints how many it looked at, or fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fpservice.domain.index_query import query_terms
from fpservice.index.embedded import EmbeddedIndex
from tests.faults.index_writer import IDS
from tests.index_samples import same, sample


def main(root: str, stop: Path) -> int:
    """Read until the file appears; return how many fingerprints were looked at."""
    index = EmbeddedIndex(root)
    versions: dict[int, int] = {}
    looked = 0
    while not stop.exists():
        for one in index.fetch(range(1, IDS + 1, 7)):
            version = versions.get(one.id, 0)
            # The only versions of an id are those of the batches that wrote it.
            while not same(one, sample(one.id, version)):
                version += 1
                assert version < 100_000, f"fingerprint {one.id} was never written so"
            versions[one.id] = version
            hits = index.search(query_terms(one.hashes), limit=5)
            assert len({hit.fingerprint_id for hit in hits}) == len(hits)
            looked += 1
    return looked


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
