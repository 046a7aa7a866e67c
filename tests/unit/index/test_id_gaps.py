"""Ids that nothing has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fpservice.domain.id_gaps import gaps

SMALL = st.integers(0, 30)


@given(st.sets(SMALL), SMALL, SMALL)
def test_gaps_are_what_is_not_there(ids: set[int], low: int, high: int) -> None:
    found = [one for part in gaps(sorted(ids), low, high) for one in part]
    assert found == [one for one in range(low, high + 1) if one not in ids]
