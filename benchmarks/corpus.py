"""The corpus of real music in ``benchmarks/data``: tracks, distorted versions, negatives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from fpservice.domain.fingerprint import Hashes, decode

DATA: Final = Path(__file__).with_name("data")
# Versions of one piece: finding the partner is right.
PARTNERS: Final = (("r0074", "r0075"), ("r0426", "r0428"), ("r0443", "r0444"))


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording; ``duration`` in seconds, ``hashes`` uint32[n]."""

    id: str
    duration: int
    hashes: Hashes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """A distorted version of the recording with the id ``of``; ``duration`` as a tagger says."""

    of: str
    name: str
    duration: int
    hashes: Hashes = field(repr=False)

    def is_found(self, recording_id: str) -> bool:
        """Whether a match of this recording is right."""
        pair = {self.of, recording_id}
        return len(pair) == 1 or any(pair == set(partners) for partners in PARTNERS)


def recordings(name: Literal["real", "negatives", "ambience"]) -> list[Recording]:
    """Return the recordings of one file."""
    return [
        Recording(line["id"], line["duration"], decode(line["fingerprint"]))
        for line in _lines(name)
    ]


def variants() -> list[Variant]:
    """Return all distorted versions, in the order of the file."""
    return [
        Variant(line["of"], line["variant"], line["duration"], decode(line["fingerprint"]))
        for line in _lines("variants")
    ]


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
