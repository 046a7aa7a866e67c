"""Ids that nothing has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def gaps(ids: Iterable[int], low: int, high: int) -> Iterator[range]:
    """Yield the ranges of ``low`` ... ``high``, both included, without ``ids``, which rise."""
    following = low
    for one in ids:
        if one > high:
            break
        if one > following:
            yield range(following, one)
        following = max(following, one + 1)
    if following <= high:
        yield range(following, high + 1)
