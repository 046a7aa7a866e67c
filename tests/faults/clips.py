"""What is submitted in a round: short clips of which each is recognised among the others."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpservice.domain.fingerprint import Hashes, encode
from tests.index_samples import random_walk

PORTION = 10
# Of a portion: recordings that are new, those of them that come in a second version, and what
# came before and comes again. So each portion has fingerprints that the index does not know.
_NEW = 4
_VERSIONS = 2
_HASHES = 150
# So many of the bits differ that it is the same track, and not the same fingerprint.
_NOISE = 0.08


@dataclass(frozen=True, slots=True)
class Clip:
    """One submission; its number is the version of the program that sends it."""

    number: int
    recording: int
    form: Mapping[str, Any]

    @property
    def lookup(self) -> dict[str, Any]:
        """The question whose answer must be what this one came to."""
        return {name: self.form[name] for name in ("duration", "fingerprint")}


def portions(seed: int, number: int) -> list[list[Clip]]:
    """Return so many portions; the same ones for the same seed."""
    rng = random.Random(seed)
    order: list[tuple[int, int]] = []
    for portion in range(number):
        recordings = range(portion * _NEW, (portion + 1) * _NEW)
        fresh = [(one, 0) for one in recordings]
        fresh += [(one, 1) for one in recordings[:_VERSIONS]]
        again = [rng.choice(order + fresh) for _ in range(PORTION - len(fresh))]
        order += rng.sample(fresh + again, PORTION)
    made = list(_clips(seed, order))
    return [made[start : start + PORTION] for start in range(0, len(made), PORTION)]


def clips(seed: int, number: int) -> list[Clip]:
    """Return the clips of so many portions."""
    return [clip for portion in portions(seed, number) for clip in portion]


def same_music(seed: int, recordings: int, number: int) -> list[Clip]:
    """Return clips of a few recordings, each of them many times."""
    rng = random.Random(seed)
    return list(_clips(seed, [(rng.randrange(recordings), 0) for _ in range(number)]))


def _clips(seed: int, order: list[tuple[int, int]]) -> Iterator[Clip]:
    for number, (recording, version) in enumerate(order, 1):
        yield Clip(number, recording, _form(seed, number, recording, version))


def _form(seed: int, number: int, recording: int, version: int) -> dict[str, Any]:
    texts = {"track": f"Track {recording}", "artist": f"Artist {seed}"} if recording % 2 else {}
    return {
        "duration": 30 + recording % 40,
        "fingerprint": encode(_hashes(seed, recording, version)),
        "fileformat": ("MP3", "FLAC", "Opus")[number % 3],
        "mbid": str(uuid.UUID(int=(seed << 32) + recording + 1)),
        "clientversion": str(number),
        **texts,
    }


def _hashes(seed: int, recording: int, version: int) -> Hashes:
    hashes = random_walk((seed, recording), _HASHES)
    if not version:
        return hashes
    rng = np.random.default_rng((seed, recording, version))
    noise = np.packbits(rng.random((_HASHES, 32)) < _NOISE, axis=1).view(np.uint32)[:, 0]
    return hashes ^ noise
