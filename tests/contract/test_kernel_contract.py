"""What every kernel does, in numpy and in C: the golden files, and both alike on anything else."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpservice import kernels
from fpservice.domain import fingerprint
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import SILENCE, query_terms
from fpservice.domain.similarity import Comparison, similarity
from tests.kernels import EXAMPLES, NAMES, can_be_built, extension, golden_rows, music

QUICK = settings(max_examples=EXAMPLES, deadline=None)
ITEMS = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [0, 1, 15, 16, SILENCE, SILENCE ^ 1, 2**18 - 1, 2**31, 2**32 - 2**18, 2**32 - 1]
    ),
)
ARRAYS = st.lists(ITEMS, max_size=300).map(lambda some: np.array(some, np.uint32))
MUSIC = st.builds(music, st.integers(0, 99), st.integers(1, 1200), st.sampled_from([0.0, 0.1, 0.4]))
FINGERPRINTS = st.one_of(ARRAYS, MUSIC)


@pytest.fixture(params=NAMES)
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Use one kind of kernels."""
    with kernels.using(request.param):
        yield request.param


def outcome(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns, or which error it raises in which words."""
    try:
        result = work(*arguments)
    except Exception as error:
        return type(error), str(error)
    return result.tolist() if isinstance(result, np.ndarray) else result


def same(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return the outcome of a function, which is the same with all kernels."""
    outcomes = []
    for name in NAMES:
        with kernels.using(name):
            outcomes.append(outcome(work, *arguments))
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def test_they_are_built_wherever_there_is_a_compiler() -> None:
    assert can_be_built()
    assert extension().__class__.__name__ == "module"
    done = run_module({})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_environment_switches_them_off() -> None:
    done = run_module({"FPSERVICE_NATIVE": "0"})
    assert "FPSERVICE_NATIVE switches the native ones off" in done.stderr


def run_module(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpservice.kernels"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("row", golden_rows("codec"), ids=lambda row: row["kind"])
def test_golden_codec(kernel: str, row: dict[str, Any]) -> None:
    lenient = "lenient" in row and not row["encoded"].endswith(("=", "\n"))
    foreign = re.search(r"[^A-Za-z0-9_=\n-]", row["encoded"])
    if not row["items"] or row["version"] != 1 or lenient or foreign:
        with pytest.raises(InvalidFingerprintError):
            fingerprint.decode(row["encoded"])
        return
    hashes = fingerprint.decode(row["encoded"])
    assert hashes.tolist() == row["items"]
    assert hashes.dtype == np.uint32
    assert hashes.flags.writeable
    if row["kind"] == "valid":
        assert fingerprint.encode(hashes) == row["encoded"]


@pytest.mark.parametrize("row", golden_rows("codec"), ids=lambda row: row["kind"])
def test_golden_texts_are_refused_in_the_same_words(row: dict[str, Any]) -> None:
    same(fingerprint.decode, row["encoded"])


def test_golden_query_terms(kernel: str) -> None:
    for row in golden_rows("extract_query"):
        terms = query_terms(fingerprint.decode(row["fingerprint"]))
        assert fingerprint.to_signed(terms) == row["query"]
        assert terms.flags.writeable


def test_golden_scores(kernel: str) -> None:
    for row in golden_rows("compare"):
        a, b = fingerprint.decode(row["a"]), fingerprint.decode(row["b"])
        score = similarity(a, b)
        assert abs(np.float32(score) - np.float32(row["score"])) <= 1e-6, row["kind"]


def test_golden_scores_are_equal_to_the_last_bit() -> None:
    pairs = [[fingerprint.decode(row[name]) for name in "ab"] for row in golden_rows("compare")]
    candidates = [b for _, b in pairs]
    for query, candidate in pairs:
        for max_offset in (0, 1, 80, 2000):
            same(similarity, query, candidate, max_offset)
    for query, _ in pairs[::17]:
        same(scores, query, candidates)


@QUICK
@given(FINGERPRINTS, st.sampled_from([0, 1, 7, 255]))
def test_what_is_encoded_is_the_same(hashes: Hashes, version: int) -> None:
    same(fingerprint.encode, hashes, version)
    text = fingerprint.encode(hashes)
    assert same(fingerprint.decode, text) == hashes.tolist() or not len(hashes)


@QUICK
@given(st.binary(max_size=300), st.integers(0, 60), st.integers(0, 60))
def test_any_bytes(body: bytes, count: int, most: int) -> None:
    data = bytes([1, 0, 0, count]) + body
    text = base64.urlsafe_b64encode(data).decode()
    same(fingerprint.decode, text, most)
    same(fingerprint.decode, base64.urlsafe_b64encode(body).decode().rstrip("="))


@QUICK
@given(st.one_of(st.text(max_size=60), st.text("AQaz09-_+/=\r\n é\0\ud800", max_size=12)))
def test_any_text(text: str) -> None:
    same(fingerprint.decode, text)


@QUICK
@given(FINGERPRINTS, st.data())
def test_damaged_texts(hashes: Hashes, data: st.DataObject) -> None:
    text = fingerprint.encode(hashes)
    place = data.draw(st.integers(0, len(text)))
    other = data.draw(st.sampled_from("A_-=\n9"))
    same(fingerprint.decode, text[:place])
    same(fingerprint.decode, text[:place] + other + text[place + 1 :])
    same(fingerprint.decode, text + other)


@QUICK
@given(FINGERPRINTS)
def test_any_query_terms(hashes: Hashes) -> None:
    same(query_terms, hashes)
    same(query_terms, np.repeat(hashes, 3))


@QUICK
@given(FINGERPRINTS, st.lists(FINGERPRINTS, max_size=5), st.data())
def test_any_scores(query: Hashes, others: list[Hashes], data: st.DataObject) -> None:
    shift = data.draw(st.integers(0, 100))
    noise = data.draw(st.sampled_from([0, 1, 1 << 17, 1 << 31, 0x10010]))
    candidates = [*others, query[shift:] ^ np.uint32(noise), np.repeat(query, 2), query[:1]]
    for max_offset in (0, 5, 80):
        same(scores, query, candidates, max_offset)
        same(similarity, candidates[-3], query, max_offset)


def scores(query: Hashes, candidates: list[Hashes], max_offset: int = 80) -> list[float]:
    return Comparison(query, max_offset).scores(candidates)


def test_ties_between_offsets_go_to_the_same_one() -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        keys = random.integers(0, 12, random.integers(2, 40), dtype=np.uint32)
        others = random.integers(0, 12, random.integers(2, 40), dtype=np.uint32)
        low = random.integers(0, 2**18, 80, dtype=np.uint32)
        a, b = (keys << 18) | low[: len(keys)], (others << 18) | low[40 : 40 + len(others)]
        same(similarity, a, b)


def test_arrays_that_do_not_lie_in_one_piece(kernel: str) -> None:
    hashes = music(5, 400)
    spread = np.repeat(hashes, 2)[::2]
    assert fingerprint.encode(spread) == fingerprint.encode(hashes)
    assert query_terms(spread).tolist() == query_terms(hashes).tolist()
    assert Comparison(spread).scores([spread, hashes]) == [1.0, 1.0]


def test_words_at_odd_addresses(kernel: str) -> None:
    hashes = music(6, 400)
    odd = np.frombuffer(b"x" + fingerprint.to_bytes(hashes), dtype="<u4", offset=1)
    assert query_terms(odd).tolist() == query_terms(hashes).tolist()
    assert Comparison(odd).scores([odd, hashes]) == [1.0, 1.0]


def test_long_fingerprints() -> None:
    long = music(7, 65_535)
    text = fingerprint.encode(long)
    assert same(fingerprint.decode, text) == long.tolist()
    same(fingerprint.decode, text, 65_534)
    same(query_terms, np.full(65_535, SILENCE, dtype=np.uint32))
    same(scores, long, [long[9:], music(8, 65_535), long[:100]])


@pytest.mark.parametrize(
    "work",
    [
        lambda native: native.decode(b"AQ", 1),
        lambda native: native.decode("AQ"),
        lambda native: native.decode("AQ", -1),
        lambda native: native.encode(b"abc", 1),
        lambda native: native.encode(b"abcd", 256),
        lambda native: native.encode(np.zeros(4, dtype=np.int64), 1),
        lambda native: native.query_terms("abcd"),
        lambda native: native.Comparison(b"abcd", -1),
        lambda native: native.Comparison(b"abcde", 1),
        lambda native: native.Comparison(b"abcd", 1).scores((b"abcd",)),
        lambda native: native.Comparison(b"abcd", 1).scores([b"abcd", None]),
        lambda native: native.Comparison(b"abcd", 1).matches(bytes(64), [16, "a"], 0.0, 0),
        lambda native: native.Comparison(b"abcd", 1).matches(bytes(64), [60], 0.0, 0),
        lambda native: native.Comparison(b"abcd", 1).matches(bytes(8), [16], 0.0, 0),
        lambda native: native.Comparison(b"abcd", 1).matches(bytes(64), [16], 0.0, -1),
        lambda native: native.Segments([(b"",)]),
        lambda native: native.Segments([(b"",) * 6 + (1,)]),
        lambda native: native.Segments([]).search(tuple, b"abcd", None, 1, 1, 1, 1, 1, 1.0),
        lambda native: native.Segments([]).search(list, b"abcd", None, 0, 1, 1, 1, 1, 1.0),
        lambda native: native.Segments([]).search((), b"abcd", None, 0, 1, 1, 1, 1, 1.0),
        lambda native: native.Segments([]).search(tuple, b"abcd", 5, 1, 1, 1, 1, 1, 1.0),
        lambda native: native.Segments([]).locate([1], object(), 1, b"", 0, 1, 1),
        lambda native: native.Segments([]).locate(["a"], None, 0, b"", 0, 1, 1),
        lambda native: native.Delta("a"),
        lambda native: native.Delta(1).append(2**32, 1, 1, b""),
        lambda native: native.Delta(1).append(1, 1, 1, b"abc"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_errors(work: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        work(extension())
