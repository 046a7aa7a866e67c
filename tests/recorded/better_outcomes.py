"""For each recorded scenario whose outcome need not be copied: a check for what is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.recorded.checks import gives_reasons
from tests.recorded.player import Played
from tests.recorded.reply import Reply, objects
from tests.recorded.sanity import sanity_problems

NIL: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class BetterOutcome:
    """What is better, in words and as a check."""

    words: str
    check: Callable[[Played], bool]


def outcome_problems(played: Played) -> list[str]:
    """Return what is wrong: differences, or where the outcome is not copied what is not better."""
    insane = [found for reply in played.replies for found in sanity_problems(reply)]
    if played.scenario.deviation is None:
        return [*insane, *played.differences]
    better = BETTER_OUTCOMES.get(played.scenario.name)
    if better is None:
        return [*insane, "there is no check for what is better"]
    shown = f"imported {played.imported}, answers {played.answers}"
    return insane if better.check(played) else [*insane, f"not so: {better.words}; got {shown}"]


def _is_one_text(played: Played) -> bool:
    titles = [one.get("title") for one in _recordings(played.answers["L"])]
    return all(played.imported.values()) and titles == ["A Song"]


def _came_to_one_of_the_crowd(played: Played) -> bool:
    mbid = played.scenario.steps[0].parameters["mbid"]
    linked = [
        result["id"]
        for result in objects(played.answers["L"], "results")
        if mbid in [one.get("id") for one in objects(result, "recordings")]
    ]
    recorded = played.scenario.outcome.answers["L"]["results"]
    return len(linked) == 1 and linked[0] in [one["id"] for one in recorded]


def _is_told_and_left_out(played: Played) -> bool:
    told = all(gives_reasons(1)(reply) for reply in _submits(played))
    return told and not played.answers["L"]["results"]


def _one_is_told_the_other_imported(played: Played) -> bool:
    errors = [one for reply in _submits(played) for one in reply.objects("errors")]
    told = [str(one.get("index")) for one in errors] == ["1"] and bool(errors[0].get("message"))
    return told and not played.differences


def _is_nowhere_shown(played: Played) -> bool:
    shown = [one.get("id") for one in _recordings(played.answers["L"])]
    return NIL not in shown and all(gives_reasons(1)(reply) for reply in _submits(played))


def _submits(played: Played) -> list[Reply]:
    return [reply for reply in played.replies if reply.case.name == "submit"]


def _recordings(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return list(objects(answer, "results", "recordings"))


BETTER_OUTCOMES: Final = {
    "text-outer-blanks": BetterOutcome("blanks at the ends make no other text", _is_one_text),
    "existing-crowd": BetterOutcome("it came to one of them alone", _came_to_one_of_the_crowd),
    "no-metadata": BetterOutcome("a reason is given, nothing is imported", _is_told_and_left_out),
    "one-good-one-bad": BetterOutcome(
        "the bad one has an error, the good one is imported", _one_is_told_the_other_imported
    ),
    "nil-mbid": BetterOutcome("it is taken for no MBID", _is_nowhere_shown),
}
