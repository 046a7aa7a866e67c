"""Real music, distorted in 27 ways, is found; other music is not.

Without any server: how music is compared does not depend on the shape of an installation.
"""

from __future__ import annotations

import pytest

from benchmarks.published import PUBLISHED
from benchmarks.recall import ANYWHERE, ANYWHERE_STRICT, LOOKUP, Measured, measure

FINDABLE = [name for name, known in PUBLISHED.items() if known.floor > 0]
# What a tagger's own files differ by: everything but cuts and changes of speed.
ORDINARY = [
    name for name, known in PUBLISHED.items() if min(known.classic, known.classic_lookup) > 99
]


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure()


def test_every_kind_of_distortion_was_looked_up(measured: Measured) -> None:
    assert measured.recall.keys() == PUBLISHED.keys()
    assert sum(recall.number for recall in measured.recall.values()) == 1853


@pytest.mark.parametrize("variant", FINDABLE)
def test_as_much_is_found_as_by_the_classic_method(measured: Measured, variant: str) -> None:
    assert measured.recall[variant].percent(ANYWHERE_STRICT) >= PUBLISHED[variant].floor


@pytest.mark.parametrize("variant", PUBLISHED)
def test_over_the_threshold_of_lookups_it_is_no_less_anywhere(
    measured: Measured, variant: str
) -> None:
    assert measured.recall[variant].percent(ANYWHERE) >= PUBLISHED[variant].classic


@pytest.mark.parametrize("variant", ORDINARY)
def test_lookups_find_every_ordinary_distortion(measured: Measured, variant: str) -> None:
    assert measured.recall[variant].percent(LOOKUP) == 100


@pytest.mark.parametrize("variant", PUBLISHED)
def test_no_recording_is_taken_for_another(measured: Measured, variant: str) -> None:
    assert measured.recall[variant].wrong == []


@pytest.mark.parametrize("name", ["negatives", "ambience"])
def test_other_music_and_ambience_match_nothing(measured: Measured, name: str) -> None:
    assert measured.false[name] == {}
