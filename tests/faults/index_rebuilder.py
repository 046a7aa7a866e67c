"""Run as a process: rebuilds an index over and over, each time with newer fingerprints."""

from __future__ import annotations

import sys
from itertools import count

from fpservice.index.builder import IndexBuilder
from tests.index_samples import Contents, apply_to, sample, samples

IDS = 60


def contents(version: int) -> Contents:
    """Return what an index of this version holds."""
    return apply_to({}, samples(range(1, IDS + 1), version))


def main(root: str, first: int) -> None:
    """Rebuild until killed; print each version when it is in use."""
    for version in count(first):
        with IndexBuilder(root, segment_documents=25) as builder:
            for start in range(1, IDS, 10):
                builder.add(samples(range(start, start + 10), version))
            builder.commit(lambda version=version: [[sample(1, version), sample(2, version)]])  # type: ignore[misc]
        print(version, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
