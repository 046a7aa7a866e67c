"""Bodies of the fpindex interface: what is written is read again, everything else is refused."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpservice.index.record import TermsOnly
from fpservice.index.wire import Form, InvalidIdError, WireError, decode, encode
from fpservice.index.wire_answers import (
    IndexInfo,
    read_error,
    read_results,
    read_version,
    results_body,
)
from fpservice.index.wire_requests import (
    CreateRequest,
    SearchRequest,
    UpdateRequest,
    WireChange,
    read_hashes,
)
from fpservice.interfaces import Hit, IndexDelete

FORMS = st.sampled_from(Form)
U32 = st.integers(0, 2**32 - 1)
IDS = st.integers(1, 2**32 - 1)
HASHES = st.lists(U32, max_size=20).map(lambda some: np.array(some, dtype=np.uint32))
CHANGES = st.one_of(IDS.map(IndexDelete), st.builds(TermsOnly, IDS, HASHES))
TEXTS = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**33) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def plain(change: WireChange) -> object:
    if isinstance(change, IndexDelete):
        return change
    return change.fingerprint_id, change.terms.tolist()


@given(FORMS, HASHES, U32, U32, U32, st.integers(0, 100))
def test_searches(
    form: Form, query: np.ndarray[Any, Any], limit: int, timeout: int, least: int, percent: int
) -> None:
    asked = SearchRequest(query, limit, timeout, least, percent)
    read = SearchRequest.read(form, encode(form, asked.body()))
    assert read.query.tolist() == query.tolist()
    assert read.query.dtype == np.uint32
    assert (read.timeout, read.least_score, read.score_pct) == (timeout, least, percent)
    assert read.limit == min(max(limit, 1), 10_000)


@given(FORMS, st.lists(CHANGES, max_size=5), st.none() | TEXTS, st.none() | U32)
def test_updates(
    form: Form, changes: list[WireChange], metadata: dict[str, str] | None, expected: int | None
) -> None:
    request = UpdateRequest(changes, metadata, expected)
    read = UpdateRequest.read(form, encode(form, request.body()))
    assert list(map(plain, read.changes)) == list(map(plain, changes))
    assert (read.metadata, read.expected_version) == (metadata, expected)


@given(FORMS, st.lists(st.builds(Hit, IDS, IDS), max_size=5))
def test_results(form: Form, hits: list[Hit]) -> None:
    data = encode(form, results_body(hits))
    assert read_results(form, data, limit=5) == hits
    if hits:
        with pytest.raises(WireError):
            read_results(form, data, limit=len(hits) - 1)


@given(FORMS, U32, TEXTS, U32)
def test_infos(form: Form, version: int, metadata: dict[str, str], number: int) -> None:
    info = IndexInfo(version, metadata, 1, number, 3, 4)
    assert IndexInfo.read(form, encode(form, info.body())) == info


@given(FORMS, st.binary(max_size=200))
def test_garbage_is_refused_or_read_and_never_worse(form: Form, data: bytes) -> None:
    read_error(form, data)
    for read in (SearchRequest.read, UpdateRequest.read, CreateRequest.read, read_hashes):
        try:
            read(form, data)
        except WireError:
            continue


@given(FORMS, VALUES)
def test_other_objects_are_refused_or_read_and_never_worse(form: Form, value: object) -> None:
    bodies = ({"query": value}, {"changes": value}, {"changes": [value]}, {"hashes": value})
    for body in bodies:
        packed: bytes = msgpack.packb(body) if form is Form.MSGPACK else encode(form, body)
        for read in (SearchRequest.read, UpdateRequest.read, read_hashes):
            try:
                read(form, packed)
            except WireError:
                continue


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": [1.0]},
        {"query": [True]},
        {"query": ["1"]},
        {"query": [2**32]},
        {"query": [-1]},
        {"query": [1], "limit": -1},
        {"query": [1], "limit": 2**32},
        {"query": [1], "timeout": "5"},
        {"query": [0] * 65_536},
    ],
)
def test_searches_that_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        SearchRequest.read(Form.JSON, encode(Form.JSON, body))


@pytest.mark.parametrize("change", [{}, {"insert": {"id": 1}}, {"delete": {"id": "1"}}, [], 1])
def test_changes_that_are_refused(change: object) -> None:
    with pytest.raises(WireError):
        UpdateRequest.read(Form.JSON, encode(Form.JSON, {"changes": [change]}))


def test_an_insert_and_a_delete_at_once_are_refused() -> None:
    both = {"insert": {"id": 1, "hashes": []}, "delete": {"id": 1}}
    with pytest.raises(WireError):
        UpdateRequest.read(Form.JSON, encode(Form.JSON, {"changes": [both]}))


def test_the_id_0_has_an_error_of_its_own() -> None:
    with pytest.raises(InvalidIdError):
        UpdateRequest.read(Form.JSON, b'{"changes": [{"delete": {"id": 0}}]}')


def test_a_huge_array_that_is_only_announced_costs_nothing() -> None:
    with pytest.raises(WireError):
        decode(Form.MSGPACK, b"\x81\xa1q\xdd\xff\xff\xff\xff", "query")


def test_deep_nesting_is_refused() -> None:
    for form, data in ((Form.JSON, b"[" * 100_000), (Form.MSGPACK, b"\x91" * 100_000)):
        with pytest.raises(WireError):
            decode(form, data, "query")


def test_readers_of_answers_pass_over_what_they_do_not_know() -> None:
    assert read_version(Form.JSON, b'{"version": 5, "weather": "fine"}') == 5
