"""Plays a scenario against a server and tells what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.recorded.case import Case, Expected, Pairs
from tests.recorded.comparison import Place, differences
from tests.recorded.dataset import recorded_keys
from tests.recorded.labels import LabelledSubmissions
from tests.recorded.reply import Reply
from tests.recorded.request import Server
from tests.recorded.scenario import Scenario, Step

# An import that takes longer has failed.
IMPORT_SECONDS = 20.0
# A process of the server may be slower than the importer to see what was added to the index.
SETTLE_SECONDS = 3.0
# A better answer never becomes the recorded one.
SETTLE_SECONDS_FOR_BETTER = 1.0
POLL_SECONDS = 0.02
PATHS = {
    "submit": "/v2/submit",
    "status": "/v2/submission_status",
    "lookup": "/v2/lookup",
    "links": "/v2/track/list_by_mbid",
}


def play(scenario: Scenario, server: Server) -> Played:
    """Take all steps and compare what became of them with the recorded outcome."""
    player = Player(scenario, server)
    for step in scenario.steps:
        player.take(step)
    return player.played()


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played; ``answers`` by label, ``replies`` are all in their order."""

    scenario: Scenario
    imported: Mapping[str, bool]
    answers: Mapping[str, Any]
    replies: Sequence[Reply]
    differences: tuple[str, ...]


class Player:
    """Takes the steps and remembers what was answered."""

    def __init__(self, scenario: Scenario, server: Server) -> None:
        """Play it against the server."""
        self._scenario = scenario
        self._expected = scenario.outcome
        self._server = server
        self._submissions = LabelledSubmissions(frozenset(scenario.outcome.existing.values()))
        self._submits: list[dict[str, Any]] = []
        self._answers: dict[str, Any] = {}
        self._replies: list[Reply] = []

    def take(self, step: Step) -> None:
        """Take one step; an import is over when nothing waits any more."""
        match step.action:
            case "submit":
                self._submit(step)
            case "import":
                self._wait_for_imports()
            case _:
                self._look(step)

    def played(self) -> Played:
        """Return what became of the steps that were taken."""
        self._ask_states()
        imported, found = self._submissions.imported(), tuple(self._differences())
        return Played(self._scenario, imported, self._answers, self._replies, found)

    def _differences(self) -> list[str]:
        expected, submissions = self._expected, self._submissions
        comparisons = (
            ("submits", expected.submits, self._submits),
            ("imported", expected.imported, submissions.imported()),
            ("tracks", expected.tracks, submissions.tracks()),
            ("existing", expected.existing, submissions.existing()),
        )
        found = [
            f"{name}: expected {wanted}, got {got}"
            for name, wanted, got in comparisons
            if wanted != got
        ]
        for label in expected.answers:
            found += self._answer_differences(label)
        return found

    def _submit(self, step: Step) -> None:
        parameters = dict(step.parameters)
        user = recorded_keys().accounts[parameters.pop("_user", 0)].apikey
        status, answer = self._call("submit", {"user": user, **parameters})
        if answer["status"] != "ok":
            self._submits.append({"http": status, "error": answer["error"]["code"]})
            return
        taken = answer["submissions"]
        self._submissions.add(step.labels, taken)
        indexes = [one.get("index") for one in taken]
        self._submits.append({"http": status, "count": len(taken), "indexes": indexes})

    def _wait_for_imports(self) -> None:
        end = time.monotonic() + IMPORT_SECONDS
        self._ask_states()
        while not self._submissions.all_final() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            self._ask_states()

    def _ask_states(self) -> None:
        if self._submissions.ids:
            _, answer = self._call("status", {"id": self._submissions.ids})
            self._submissions.update(answer["submissions"])

    def _look(self, step: Step) -> None:
        [label] = step.labels
        is_copied = self._scenario.deviation is None
        end = time.monotonic() + (SETTLE_SECONDS if is_copied else SETTLE_SECONDS_FOR_BETTER)
        while True:
            _, answer = self._call(step.action, step.parameters)
            self._answers[label] = self._submissions.renamed(answer)
            if not self._answer_differences(label) or time.monotonic() > end:
                return
            time.sleep(POLL_SECONDS)

    def _answer_differences(self, label: str) -> list[str]:
        expected, place = self._expected.answers[label], Place().field(label)
        return differences(expected, self._answers.get(label), place)

    def _call(self, action: str, parameters: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        client = recorded_keys().applications[0].apikey
        form = {**parameters} if action == "links" else {"client": client, **parameters}
        expected = Expected(200, "application/json")
        request = Case(action, "scenario", "POST", PATHS[action], expected, form=_pairs(form))
        answer = self._server.ask(request)
        self._replies.append(Reply(request, answer))
        return answer.status, json.loads(answer.content)


def _pairs(parameters: Mapping[str, Any]) -> Pairs:
    return tuple(
        (name, str(value))
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    )
