"""The core agrees with values that the field's own C code computed."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpservice.domain import fingerprint
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.index_query import query_terms
from fpservice.domain.similarity import Comparison, similarity

GOLDEN = Path(__file__).parents[1] / "golden"


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(GOLDEN / f"{name}_golden.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("row", rows("codec"), ids=lambda row: row["kind"])
def test_codec(row: dict[str, Any]) -> None:
    # Padding and a closing line break are no bytes left over: what stands before them is whole.
    lenient = "lenient" in row and not row["encoded"].endswith(("=", "\n"))
    # A character outside the alphabet was once read as "A"; here it is refused.
    foreign = re.search(r"[^A-Za-z0-9_=\n-]", row["encoded"])
    if not row["items"] or row["version"] != 1 or lenient or foreign:
        with pytest.raises(InvalidFingerprintError):
            fingerprint.decode(row["encoded"])
        return
    hashes = fingerprint.decode(row["encoded"])
    assert hashes.tolist() == row["items"]
    if row["kind"] == "valid":
        assert fingerprint.encode(hashes) == row["encoded"]


@pytest.mark.parametrize("row", rows("extract_query"), ids=lambda row: row["kind"])
def test_query_terms(row: dict[str, Any]) -> None:
    terms = query_terms(fingerprint.decode(row["fingerprint"]))
    assert fingerprint.to_signed(terms) == row["query"]


def test_scores() -> None:
    off = []
    for row in rows("compare"):
        a, b = fingerprint.decode(row["a"]), fingerprint.decode(row["b"])
        difference = abs(np.float32(similarity(a, b)) - np.float32(row["score"]))
        if difference > 1e-6:
            off.append((row["kind"], float(difference)))
    assert off == []


def test_scores_of_many_at_once_equal_scores_one_by_one() -> None:
    decoded = [(fingerprint.decode(r["a"]), fingerprint.decode(r["b"])) for r in rows("compare")]
    candidates = [b for _, b in decoded]
    for query, _ in decoded[::13]:
        comparison = Comparison(query)
        assert comparison.scores(candidates) == [comparison.score(b) for b in candidates]
