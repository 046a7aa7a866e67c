"""Plays a scenario against a server and tells what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.recorded.case import Case, Expected, Pairs
from tests.recorded.comparison import Place, differences
from tests.recorded.dataset import recorded_keys
from tests.recorded.labels import LabelledSubmissions
from tests.recorded.request import Server
from tests.recorded.scenario import Scenario, Step
from tests.recorded.verdict import holds_musicbrainz_metadata

# An import that takes longer has failed.
IMPORT_SECONDS = 20.0
# A process of the server may be slower than the importer to see what was added to the index.
SETTLE_SECONDS = 3.0
POLL_SECONDS = 0.02
PATHS = {
    "submit": "/v2/submit",
    "status": "/v2/submission_status",
    "lookup": "/v2/lookup",
    "links": "/v2/track/list_by_mbid",
}


def play(scenario: Scenario, server: Server, left_out: frozenset[str] = frozenset()) -> list[str]:
    """Return what differs from the recorded outcome, but for the answers that are left out."""
    player = Player(scenario, server, left_out)
    for step in scenario.steps:
        player.take(step)
    return player.differences()


def needing_musicbrainz(scenario: Scenario) -> frozenset[str]:
    """Return the labels of answers that hold what only MusicBrainz knows."""
    answers = scenario.outcome.answers.items()
    return frozenset(label for label, answer in answers if holds_musicbrainz_metadata(answer))


class Player:
    """Takes the steps and remembers what was answered."""

    def __init__(self, scenario: Scenario, server: Server, left_out: frozenset[str]) -> None:
        """Do not compare the answers with the labels ``left_out``."""
        self._expected = scenario.outcome
        self._server = server
        self._left_out = left_out
        self._submissions = LabelledSubmissions(frozenset(scenario.outcome.existing.values()))
        self._submits: list[dict[str, Any]] = []
        self._answers: dict[str, Any] = {}

    def take(self, step: Step) -> None:
        """Take one step; an import is over when nothing waits any more."""
        match step.action:
            case "submit":
                self._submit(step)
            case "import":
                self._wait_for_imports()
            case _:
                self._look(step)

    def differences(self) -> list[str]:
        """Return what differs from the recorded outcome."""
        self._ask_states()
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
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            _, answer = self._call(step.action, step.parameters)
            self._answers[label] = self._submissions.renamed(answer)
            if not self._answer_differences(label) or time.monotonic() > end:
                return
            time.sleep(POLL_SECONDS)

    def _answer_differences(self, label: str) -> list[str]:
        if label in self._left_out:
            return []
        expected, place = self._expected.answers[label], Place().field(label)
        return differences(expected, self._answers.get(label), place)

    def _call(self, action: str, parameters: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        client = recorded_keys().applications[0].apikey
        form = {**parameters} if action == "links" else {"client": client, **parameters}
        expected = Expected(200, "application/json")
        request = Case(action, "scenario", "POST", PATHS[action], expected, form=_pairs(form))
        answer = self._server.ask(request)
        return answer.status, json.loads(answer.content)


def _pairs(parameters: Mapping[str, Any]) -> Pairs:
    return tuple(
        (name, str(value))
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    )
