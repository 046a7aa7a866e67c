"""Fingerprints of the recorded catalogue, and the keys it is asked with."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from fpservice.domain import fingerprint
from tests.recorded.dataset import DATASET, recorded_keys

CLIENT = recorded_keys().applications[0].apikey
# An application that the service lets ask only now and then.
LIMITED = recorded_keys().applications[1]
USER = recorded_keys().accounts[0].apikey


@dataclass(frozen=True, slots=True)
class Song:
    """What fpcalc prints of an audio file; ``duration`` in seconds."""

    duration: int
    fingerprint: str


@cache
def song(fingerprint_id: int) -> Song:
    """Return a fingerprint of the catalogue."""
    with gzip.open(DATASET / "fingerprint-update.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        [row] = [row for row in rows if row["id"] == fingerprint_id]
    hashes = np.array(row["fingerprint"], dtype=np.int64).astype(np.uint32)
    return Song(row["length"], fingerprint.encode(hashes))


@dataclass(frozen=True, slots=True)
class Known:
    """A song of the catalogue and the recording it is."""

    song: Song
    track: str
    recording: str


NORTHERN_LIGHTS = Known(
    song(5001), "aa9daf55-212f-42c8-893b-6117953466e3", "d3f78328-1787-47fb-994d-a5a342446525"
)
UNICODE_SONG = Known(
    song(5002), "523309da-7d4f-4e46-af86-e31164c5b933", "7212a866-f195-40ca-a96d-a7eaa367852d"
)
# One track that is linked to eight recordings; MusicBrainz knows all but one of them.
MANY_RECORDINGS = song(5064)
# Seven tracks are like it, some of them without a recording.
MANY_TRACKS = song(5218)
