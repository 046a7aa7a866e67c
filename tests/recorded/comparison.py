"""Whether an answer says what the recorded one says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

# Scores come from floating point numbers in another order of summing.
SCORE_TOLERANCE = 0.002
NUMBER_TOLERANCE = 1e-6
# Stands in a record for a value that is another one each time.
ANYTHING = "<any>"
# Lists of objects are sets, but for these.
ORDERED = frozenset({"artists", "hashes", "fingerprints", "mbids", "submissions"})
EMPTY: tuple[Any, ...] = ("", [], {}, None)
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an answer a value stands; XML has no numbers, and no empty lists or objects."""

    path: str = ""
    key: str = ""
    xml: bool = False

    def field(self, key: str) -> Place:
        """Return the place of a field of the object here."""
        return replace(self, path=f"{self.path}/{key}", key=key)

    def element(self, label: object) -> Place:
        """Return the place of an element of the list here."""
        return replace(self, path=f"{self.path}[{label}]", key="")

    def difference(self, expected: object, actual: object) -> list[str]:
        """Return the one difference that there is at this place."""
        return self.problem(f"expected {_shown(expected)}, got {_shown(actual)}")

    def problem(self, text: str) -> list[str]:
        """Return one difference, said in words."""
        return [f"{self.path or '/'}: {text}"]

    @property
    def tolerance(self) -> float:
        """How far numbers may be apart here."""
        return SCORE_TOLERANCE if self.key == "score" else NUMBER_TOLERANCE


def differences(expected: Any, actual: Any, place: Place) -> list[str]:
    """Return what differs, the place of each in front; an empty list if nothing does.

    Further fields of objects are no difference. Artists must come in order, objects with an id
    in any order, and so must others. Of an error only the code counts.
    """
    if expected == ANYTHING:
        return place.problem("must not be empty") if actual in EMPTY else []
    if place.xml and expected in EMPTY and actual in EMPTY:
        return []
    compare = _comparisons.get(type(expected))
    return compare(expected, actual, place) if compare else _literals(expected, actual, place)


def _objects(expected: dict[str, Any], actual: Any, place: Place) -> list[str]:
    if not isinstance(actual, dict):
        return place.difference(expected, actual)
    if _is_error(expected):
        return _errors(expected, actual, place)
    found = []
    for key, value in expected.items():
        here = place.field(key)
        if key in ("country", "date") and "releaseevents" in expected:
            found += _one_of_events(key, actual, here)
        elif key in actual:
            found += differences(value, actual[key], here)
        elif not place.xml or value not in EMPTY:
            found += here.problem("missing")
    return found


def _one_of_events(key: str, actual: dict[str, Any], place: Place) -> list[str]:
    # Release events have no order, so any of them may be the one that is shown.
    events = [one.get(key) for one in actual.get("releaseevents", ()) if isinstance(one, dict)]
    if key in actual and actual[key] in events:
        return []
    return place.problem(f"{_shown(actual.get(key))} is of none of the release events")


def _is_error(answer: dict[str, Any]) -> bool:
    return "error" in answer and "error" in (answer.get("status"), answer.get("@status"))


def _errors(expected: dict[str, Any], actual: dict[str, Any], place: Place) -> list[str]:
    if not _is_error(actual):
        return place.difference(expected["error"], actual)
    here = place.field("error")
    wanted, error = expected["error"], actual["error"]
    if not isinstance(wanted, dict) or not isinstance(error, dict):
        return [] if error and type(error) is type(wanted) else here.difference(wanted, error)
    found = differences(wanted["code"], error.get("code"), here.field("code"))
    return found if error.get("message") else [*found, *here.problem("has no message")]


def _numbers(expected: float, actual: Any, place: Place) -> list[str]:
    is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
    if is_number and abs(expected - actual) <= place.tolerance:
        return []
    return place.difference(expected, actual)


def _strings(expected: str, actual: Any, place: Place) -> list[str]:
    wanted, got = (_number(expected), _number(actual)) if place.xml else (None, None)
    if wanted is not None and got is not None:
        return _numbers(wanted, got, place)
    return _literals(expected, actual, place)


def _literals(expected: object, actual: object, place: Place) -> list[str]:
    same = expected == actual and type(expected) is type(actual)
    return [] if same else place.difference(expected, actual)


def _lists(expected: list[Any], actual: Any, place: Place) -> list[str]:
    if not isinstance(actual, list):
        return place.difference(expected, actual)
    if len(expected) != len(actual):
        wanted, got = (f"{len(found)} {_labels(found)}" for found in (expected, actual))
        return place.problem(f"expected {wanted}, got {got}")
    found = _order(actual, place) if place.key == "results" else []
    if place.key in ORDERED:
        return found + _sequences(expected, actual, place)
    if _have_ids(expected):
        return found + _sets_by_id(expected, actual, place)
    return found + _multisets(expected, actual, place)


def _order(results: list[Any], place: Place) -> list[str]:
    scores = [_number(result.get("score")) for result in results if isinstance(result, dict)]
    known = [score for score in scores if score is not None]
    falling = known == sorted(known, reverse=True)
    return [] if falling else place.problem(f"not by falling score: {known}")


def _sequences(expected: list[Any], actual: list[Any], place: Place) -> list[str]:
    found = []
    for number, (wanted, got) in enumerate(zip(expected, actual, strict=True)):
        found += differences(wanted, got, place.element(number))
    return found


def _sets_by_id(expected: list[Any], actual: list[Any], place: Place) -> list[str]:
    found = []
    for wanted in expected:
        here = place.element(f"id={wanted['id']}")
        same = [one for one in actual if isinstance(one, dict) and one.get("id") == wanted["id"]]
        if len(same) == 1:
            found += differences(wanted, same[0], here)
        else:
            found += here.problem(f"found {len(same)} times")
    return found


def _multisets(expected: list[Any], actual: list[Any], place: Place) -> list[str]:
    found = []
    left = list(actual)
    for number, wanted in enumerate(expected):
        here = place.element(number)
        problems, nearest = min(
            ((differences(wanted, one, here), position) for position, one in enumerate(left)),
            key=lambda candidate: (len(candidate[0]), candidate[1]),
        )
        if problems:
            found += here.problem(f"none is like this; the nearest: {'; '.join(problems[:3])}")
        else:
            del left[nearest]
    return found


def _have_ids(elements: list[Any]) -> bool:
    """Return whether these are objects, each with an id of its own."""
    given = [one.get("id", ANYTHING) for one in elements if isinstance(one, dict)]
    ids = [str(one) for one in given if one != ANYTHING]
    return len(set(ids)) == len(elements)


def _labels(elements: list[Any]) -> list[Any]:
    return [one.get("id", "?") if isinstance(one, dict) else one for one in elements][:12]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


_comparisons: dict[type, Callable[[Any, Any, Place], list[str]]] = {
    dict: _objects,
    list: _lists,
    str: _strings,
    int: _numbers,
    float: _numbers,
}
