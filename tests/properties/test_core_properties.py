"""Invariants of the core, for whatever it is given."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpservice.domain import fingerprint
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import MAX_TERMS, SILENCE, query_terms
from fpservice.domain.similarity import Comparison, similarity

items = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, SILENCE, 2**31, 2**32 - 1]),
)
arrays = st.lists(items, min_size=1, max_size=400).map(lambda some: np.array(some, np.uint32))


@given(arrays)
def test_decode_undoes_encode(hashes: Hashes) -> None:
    assert fingerprint.decode(fingerprint.encode(hashes)).tolist() == hashes.tolist()


@given(arrays)
def test_stored_and_signed_forms_are_undone(hashes: Hashes) -> None:
    assert fingerprint.from_bytes(fingerprint.to_bytes(hashes)).tolist() == hashes.tolist()
    assert fingerprint.from_signed(fingerprint.to_signed(hashes)).tolist() == hashes.tolist()


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_decoded_or_refused(body: bytes, with_header: bool) -> None:
    data = bytes([1, 0, 0, 1 + len(body) % 50]) + body if with_header else body
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    try:
        hashes = fingerprint.decode(text)
    except InvalidFingerprintError:
        return
    assert fingerprint.decode(fingerprint.encode(hashes)).tolist() == hashes.tolist()


@given(st.text(max_size=200))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        assert len(fingerprint.decode(text)) > 0
    except InvalidFingerprintError:
        return


@given(arrays, st.data())
def test_a_damaged_fingerprint_is_decoded_or_refused(hashes: Hashes, data: st.DataObject) -> None:
    text = fingerprint.encode(hashes)
    cut = text[: data.draw(st.integers(0, len(text)))]
    try:
        assert len(fingerprint.decode(cut)) <= len(text) * 6 // 3
    except InvalidFingerprintError:
        return


def test_a_count_alone_allocates_nothing() -> None:
    huge = base64.urlsafe_b64encode(b"\x01\xff\xff\xff" + b"\x00" * 10).decode()
    with pytest.raises(InvalidFingerprintError, match="cannot be"):
        fingerprint.decode(huge)


@given(arrays)
def test_query_terms_are_few_distinct_and_sounding(hashes: Hashes) -> None:
    terms = query_terms(hashes).tolist()
    assert len(set(terms)) == len(terms) <= MAX_TERMS
    assert set(terms) <= {item & ~15 for item in hashes.tolist() if item != SILENCE}
    assert bool(terms) == bool((hashes != SILENCE).any())


@given(arrays, arrays)
def test_scores_are_shares(query: Hashes, candidate: Hashes) -> None:
    score = similarity(query, candidate)
    assert 0.0 <= score <= 1.0


@given(arrays, st.lists(arrays, min_size=3, max_size=8))
@settings(max_examples=50)
def test_many_at_once_are_scored_as_one_by_one(query: Hashes, others: list[Hashes]) -> None:
    comparison = Comparison(query)
    candidates = [*others, query]
    assert comparison.scores(candidates) == [comparison.score(one) for one in candidates]


@given(arrays)
def test_simhash_is_the_majority_of_bits(hashes: Hashes) -> None:
    votes = [sum(item >> bit & 1 for item in hashes.tolist()) for bit in range(32)]
    expected = sum(1 << bit for bit in range(32) if votes[bit] * 2 > len(hashes))
    assert fingerprint.simhash(hashes) == expected
