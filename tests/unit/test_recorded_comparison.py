"""The comparison with recorded answers finds what differs, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.recorded.case import Case, load_cases
from tests.recorded.comparison import Place, differences
from tests.recorded.request import Answer
from tests.recorded.verdict import compare

RECORDED: dict[str, Any] = {
    "status": "ok",
    "results": [
        {
            "id": "a",
            "score": 0.9,
            "recordings": [
                {"id": "r", "artists": [{"id": "x"}, {"id": "y"}]},
                {"id": "s", "releases": [{"title": "one"}, {"title": "two"}]},
            ],
        },
        {"id": "b", "score": 0.5},
    ],
}
ERROR = {"status": "error", "error": {"code": 4, "message": "invalid API key"}}
RELEASE = {
    "id": "a",
    "country": "DE",
    "releaseevents": [{"country": "DE"}, {"country": "FR"}],
}


def answer_of(case: Case) -> Answer:
    """Return the recorded answer as if a server had sent it."""
    expected = case.expected
    text = json.dumps(expected.body) if expected.text is None else expected.text
    headers = {name.lower(): value for name, value in expected.headers}
    headers["content-type"] = expected.content_type
    return Answer(expected.status, headers, text.encode())


def test_each_recorded_answer_is_like_itself() -> None:
    answered = [case for case in load_cases() if case.expected.status]
    assert [found for case in answered if (found := compare(case.expected, answer_of(case)))] == []


@pytest.mark.parametrize("case", load_cases()[::37], ids=lambda case: case.name)
def test_another_status_or_an_empty_body_is_noticed(case: Case) -> None:
    assert compare(case.expected, Answer(299, answer_of(case).headers, answer_of(case).content))
    assert compare(case.expected, Answer(case.expected.status, {}, b""))


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """Return the recorded answer with another value at one place."""
    answer: dict[str, Any] = json.loads(json.dumps(RECORDED))
    place: Any = answer
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        changed(["results", 0, "score"], 0.9015),
        changed(["results", 0, "more"], 1),
        changed(["results", 0, "recordings"], RECORDED["results"][0]["recordings"][::-1]),
        changed(["results", 0, "recordings", 1, "releases"], [{"title": "two"}, {"title": "one"}]),
    ],
    ids=["score nearly", "further field", "recordings in another order", "releases without ids"],
)
def test_what_may_differ_is_no_difference(answer: dict[str, Any]) -> None:
    assert differences(RECORDED, answer, Place()) == []


@pytest.mark.parametrize(
    "answer",
    [
        changed(["results", 0, "score"], 0.897),
        changed(["results", 0, "id"], "c"),
        changed(["results"], RECORDED["results"][::-1]),
        changed(["results"], RECORDED["results"][:1]),
        changed(["results", 0, "recordings", 0], {"id": "r"}),
        changed(["results", 0, "recordings", 0, "artists"], [{"id": "y"}, {"id": "x"}]),
        changed(["results", 0, "recordings", 1, "releases", 1, "title"], "three"),
        changed(["status"], None),
        changed(["results"], "none"),
        ERROR,
    ],
    ids=[
        "score", "other id", "order of results", "too few", "missing field", "order of artists",
        "other text", "null", "no list", "error",
    ],
)  # fmt: skip
def test_what_must_not_differ_is_found(answer: dict[str, Any]) -> None:
    assert differences(RECORDED, answer, Place())


def test_of_an_error_the_code_counts_and_that_there_is_a_message() -> None:
    reworded = {"status": "error", "error": {"code": 4, "message": "no such key"}}
    other_code = {"status": "error", "error": {"code": 3, "message": "invalid API key"}}
    mute = {"status": "error", "error": {"code": 4, "message": ""}}
    assert differences(ERROR, reworded, Place()) == []
    assert differences(ERROR, other_code, Place())
    assert differences(ERROR, mute, Place())


def test_any_release_event_may_be_the_one_that_is_shown() -> None:
    assert differences(RELEASE, {**RELEASE, "country": "FR"}, Place()) == []
    assert differences(RELEASE, {**RELEASE, "country": "US"}, Place())


def test_numbers_in_xml_are_text() -> None:
    assert differences({"score": "1.0"}, {"score": "1"}, Place(xml=True)) == []
    assert differences({"score": "1.0"}, {"score": "1"}, Place())
    assert differences({"score": "1.0"}, {"score": "0.5"}, Place(xml=True))
