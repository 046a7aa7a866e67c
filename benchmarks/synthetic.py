"""Fingerprints and queries made from a seed, with the statistics of real ones.

Measured on real music: neighbouring hashes differ in 4.06 of 32 bits, each bit at its own rate; 870
of 948 hashes are distinct, as music repeats; a hash takes 21.3 bits when encoded; two hashes of
unrelated recordings have the same query term with a probability of about 2**-24, as some of the 28
bits depend on each other. Among 644 tracks 99.5 % of the terms therefore stand in one only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice.domain.fingerprint import Hashes
from fpservice.interfaces import StoredFingerprint

MAX_HASHES: Final = 948
BATCH: Final = 2000
HASHES_PER_SECOND: Final = 8.077
# How often each bit, from the lowest, differs between neighbours in real fingerprints.
FLIP_RATES: Final = np.array(
    [
        [0.142, 0.098, 0.046, 0.032, 0.289, 0.213, 0.134, 0.097],
        [0.166, 0.123, 0.194, 0.118, 0.300, 0.241, 0.135, 0.091],
        [0.291, 0.220, 0.054, 0.034, 0.090, 0.053, 0.192, 0.145],
        [0.160, 0.112, 0.039, 0.024, 0.044, 0.025, 0.040, 0.026],
    ]
).ravel()
# (bit, the bit it follows): what makes unrelated recordings meet in more terms than chance would.
_FOLLOWERS: Final = ((29, 31), (27, 26), (19, 18), (21, 20))
_DIGITS: Final = 8
_FADE_SECONDS: Final = 3.6
_PHRASE: Final = 64

Rows = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Query:
    """A lookup, and the fingerprint it comes from, or None; ``duration`` in seconds."""

    fingerprint_id: int | None
    duration: int
    hashes: Hashes = field(repr=False)


def fingerprints(number: int, seed: int, first_id: int = 1) -> Iterator[list[StoredFingerprint]]:
    """Yield batches of fingerprints with the ids ``first_id`` and up; equal for equal arguments."""
    for first in range(0, number, BATCH):
        random = np.random.Generator(np.random.SFC64([seed, first]))
        yield _batch(random, first_id + first, min(BATCH, number - first))


def sample(
    size: int, seed: int, number: int, choice: int = 0, batches: int = 10
) -> list[StoredFingerprint]:
    """Return about ``number`` of the fingerprints that ``fingerprints(size, seed)`` yields.

    They are made again, so nothing has to be read; they come from a few batches, as each costs.
    ``choice`` is the seed of the choice.
    """
    random = np.random.Generator(np.random.SFC64([seed, choice, 3]))
    starts = range(0, size, BATCH)
    chosen: list[StoredFingerprint] = []
    firsts = sorted(random.choice(len(starts), min(batches, len(starts)), replace=False).tolist())
    for first in (starts[place] for place in firsts):
        made = np.random.Generator(np.random.SFC64([seed, first]))
        batch = _batch(made, first + 1, min(BATCH, size - first))
        share = min(len(batch), -(-number // len(firsts)))
        chosen += [batch[place] for place in random.permutation(len(batch))[:share]]
    return chosen[:number]


def queries(
    stored: Sequence[StoredFingerprint],
    seed: int,
    errors: tuple[float, float] = (0.01, 0.08),
    unknown: float = 0.1,
) -> list[Query]:
    """Return a query for each stored fingerprint, and some of recordings that nobody knows.

    Up to three seconds are cut off the beginning; a share of the bits, between the ``errors``, is
    flipped. ``unknown`` is the share of unknown recordings among all queries.
    """
    random = np.random.Generator(np.random.SFC64([seed, 1, 2]))
    known = [_distorted(random, one, random.uniform(*errors)) for one in stored]
    missing = round(len(known) * unknown / (1 - unknown))
    others = [Query(None, one.duration, one.hashes) for one in _batch(random, 1, missing)]
    mixed = [*known, *others]
    return [mixed[place] for place in random.permutation(len(mixed))]


def _batch(random: np.random.Generator, first: int, number: int) -> list[StoredFingerprint]:
    rows = _rows(random, number)
    seconds = np.clip(random.lognormal(np.log(215.0), 0.4, number), 30.0, 3600.0)
    lengths = np.minimum(MAX_HASHES, (seconds - _FADE_SECONDS) * HASHES_PER_SECOND).astype(int)
    return [
        StoredFingerprint(first + row, int(seconds[row]), rows[row, : lengths[row]])
        for row in range(number)
    ]


def _rows(random: np.random.Generator, number: int) -> Rows:
    """Return ``uint32[number, 948]``."""
    rows = _flips(random, (number, MAX_HASHES), FLIP_RATES)
    rows[:, 0] = random.integers(0, 2**32, number, dtype=np.uint32)
    np.bitwise_xor.accumulate(rows, axis=1, out=rows)
    for bit, leader in _FOLLOWERS:
        rows &= np.uint32(~(1 << bit) & 0xFFFF_FFFF)
        rows |= ((rows >> np.uint32(leader)) & np.uint32(1)) << np.uint32(bit)
    _repeat_phrases(random, rows)
    return rows


def _repeat_phrases(random: np.random.Generator, rows: Rows) -> None:
    sources = random.integers(0, MAX_HASHES // 2 - _PHRASE, len(rows))
    targets = random.integers(MAX_HASHES // 2, MAX_HASHES - _PHRASE, len(rows))
    for row, (source, target) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        rows[row, target : target + _PHRASE] = rows[row, source : source + _PHRASE]


def _flips(random: np.random.Generator, shape: tuple[int, ...], rates: NDArray[np.float64]) -> Rows:
    """Return words whose bit k is set with the probability ``rates[k]``.

    A bit with the binary probability 0.d1d2...dn comes of n random bits: from the last digit to
    the first, OR where the digit is 1, AND where it is 0.
    """
    digits = np.round(rates * 2**_DIGITS).astype(np.uint32)
    flips = np.zeros(shape, dtype=np.uint32)
    for digit in range(_DIGITS):
        ones = ((digits >> np.uint32(digit)) & np.uint32(1)) << np.arange(32, dtype=np.uint32)
        mask = np.bitwise_or.reduce(ones)
        word = random.integers(0, 2**32, shape, dtype=np.uint32)
        flips &= word | mask
        word &= mask
        flips |= word
    return flips


def _distorted(random: np.random.Generator, one: StoredFingerprint, errors: float) -> Query:
    cut = int(random.integers(0, round(3 * HASHES_PER_SECOND)))
    hashes = one.hashes[cut:]
    noise = _flips(random, (len(hashes),), np.full(32, errors))
    return Query(one.id, one.duration - round(cut / HASHES_PER_SECOND), hashes ^ noise)
