"""Run as a process: applies batches 0, 1, 2 ... from a given one on, and prints each when done."""

from __future__ import annotations

import sys
from itertools import count

from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.record import Change
from fpservice.interfaces import IndexDelete
from tests.index_samples import sample

IDS = 400


def batch(number: int) -> list[Change]:
    """Return the changes of a batch: new fingerprints, replaced ones, and deletions."""
    first = number * 5
    changes: list[Change] = [sample(1 + (first + i) % IDS, number) for i in range(5)]
    if number % 3 == 2:
        changes.append(IndexDelete(1 + (first + 7) % IDS))
        changes.append(IndexDelete(1 + (first + 1) % IDS))
    return changes


def main(root: str, first: int) -> None:
    """Write until killed."""
    index = EmbeddedIndex(root, flush_documents=12, max_segments=2)
    for number in count(first):
        index.apply(batch(number))
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
