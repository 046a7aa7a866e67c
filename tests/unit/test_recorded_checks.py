"""What is better than a recorded answer is said of each, and the recorded ones fall short of it."""

from __future__ import annotations

import json

import pytest

from tests.recorded.better import BETTER, shortcomings
from tests.recorded.better_outcomes import BETTER_OUTCOMES
from tests.recorded.case import Case, load_cases
from tests.recorded.contradicted import CONTRADICTED
from tests.recorded.reply import Reply
from tests.recorded.request import Answer
from tests.recorded.sanity import sanity_problems
from tests.recorded.scenario import load_scenarios
from tests.recorded.verdict import Verdict, is_copied

NOT_COPIED = [case for case in load_cases() if not is_copied(case)]
# Recorded answers that pass all the same: as good as others, or no worse than what is asked for.
AS_GOOD = {
    *("crowd", "bits-0.15", "fp-80-items"),
    *("fp-not-base64", "fp-extra-text", "fp-count-zero"),
    *("batch-arabic-digit", "meta-special-semicolon"),
    *("json-body", "form-get", "multipart-file", "method-HEAD"),
    *(f"internal-create_{kind}" for kind in ("account", "application")),
    *("internal-check_application", "internal-update_lookup_stats"),
}


def reply_to(case: Case) -> Reply:
    """Return the recorded answer as if a server had sent it."""
    expected = case.expected
    text = json.dumps(expected.body) if expected.text is None else expected.text
    body = b"" if case.method == "HEAD" else text.encode()
    return Reply(case, Answer(expected.status, {"content-type": expected.content_type}, body))


def answered(status: int, content_type: str, text: str) -> Reply:
    """Return an answer to some case."""
    return Reply(load_cases()[0], Answer(status, {"content-type": content_type}, text.encode()))


def test_nothing_is_missing() -> None:
    assert (len(load_cases()), len(load_scenarios())) == (908, 58)
    assert sum(case.deviation is not None for case in load_cases()) == 120


def test_each_answer_that_is_not_copied_has_a_check_and_each_check_an_answer() -> None:
    names = [case.name for case in NOT_COPIED]
    uncovered = [name for name in names if not any(better.covers(name) for better in BETTER)]
    idle = [one.pattern for one in BETTER if not any(map(one.covers, names))]
    assert (uncovered, idle) == ([], [])
    marked = {scenario.name for scenario in load_scenarios() if scenario.deviation is not None}
    assert marked == BETTER_OUTCOMES.keys()


def test_contradicted_answers_are_recorded_and_not_marked() -> None:
    unmarked = {case.name for case in load_cases() if case.deviation is None}
    assert CONTRADICTED.keys() <= unmarked


def test_recorded_answers_fall_short_of_the_better_ones() -> None:
    passing = {case.name for case in NOT_COPIED if not shortcomings(reply_to(case))}
    assert passing == AS_GOOD


def test_a_contradicted_answer_must_differ() -> None:
    [case] = [case for case in load_cases() if case.name == "trackid-8"]
    assert not Verdict(case, ("differs",)).problems
    assert Verdict(case, ()).problems
    assert Verdict(case, ("differs",), ("no better",)).problems


@pytest.mark.parametrize(
    "reply",
    [
        answered(500, "application/json", '{"status": "ok"}'),
        answered(404, "text/html", "<h1>not found</h1>"),
        answered(200, "application/json", '{"status": "ok"'),
        answered(200, "application/json", '{"status": "error"}'),
        answered(400, "application/json", '{"status": "error", "error": {"code": 3}}'),
        answered(200, "text/xml", "<response><status>ok</response>"),
        answered(200, "application/javascript", 'call("'),
    ],
    ids=["failure", "page", "half", "contradiction", "no message", "bad XML", "bad callback"],
)
def test_answers_without_sense_are_noticed(reply: Reply) -> None:
    assert sanity_problems(reply)


@pytest.mark.parametrize(
    "reply",
    [
        answered(200, "application/json", '{"status": "ok"}'),
        answered(200, "text/xml", "<response><status>ok</status></response>"),
        answered(200, "application/javascript", 'call({"status": "ok"})'),
        answered(400, "application/json", '{"error": {"code": 3, "message": "no"}}'),
    ],
    ids=["JSON", "XML", "callback", "error"],
)
def test_answers_with_sense_are_let_through(reply: Reply) -> None:
    assert not sanity_problems(reply)
