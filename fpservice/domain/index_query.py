"""Query terms: the few hashes under which a fingerprint is indexed and asked for."""

from __future__ import annotations

from itertools import islice
from typing import Final

import numpy as np

from fpservice import kernels
from fpservice.domain.fingerprint import Hashes

SILENCE: Final = 627_964_279
MAX_TERMS: Final = 120
MAX_START: Final = 80
TERM_MASK: Final = np.uint32(0xFFFF_FFF0)


def query_terms(hashes: Hashes) -> Hashes:
    """Return up to 120 distinct terms as ``uint32[m]``, in order of their first occurrence.

    Silence is skipped, the low four bits of a hash are cleared, and the beginning of long
    recordings is passed over. Empty if there is nothing but silence.
    """
    native = kernels.native
    if native is None:
        return _query_terms(hashes)
    items = np.ascontiguousarray(hashes, dtype=np.uint32)
    return np.frombuffer(native.query_terms(items), dtype=np.uint32)


def _query_terms(hashes: Hashes) -> Hashes:
    sounding = int(np.count_nonzero(hashes != SILENCE))
    if not sounding:
        return np.empty(0, dtype=np.uint32)
    start = max(0, min(sounding - MAX_TERMS, MAX_START))
    rest = hashes[start:]
    terms = rest[rest != SILENCE] & TERM_MASK
    # Most terms differ, so a short run nearly always holds 120 distinct ones.
    length = MAX_TERMS + 40
    while True:
        seen = dict.fromkeys(terms[:length].tolist())
        if len(seen) >= MAX_TERMS or length >= len(terms):
            return np.fromiter(islice(seen, MAX_TERMS), dtype=np.uint32)
        length *= 2
